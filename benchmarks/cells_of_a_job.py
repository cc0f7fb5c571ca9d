"""Cells of one job: what one costs when the finished job is run again, and whether evaluation's memory grows with them.

    python -m benchmarks.cells_of_a_job

The same job with few cells and with many; the model is trained before. Every run is a process of its own. A cost per
cell is the difference of two runs, divided by the difference of their cells.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

LANGUAGES, LEVELS = ("en", "de", "th"), (0.05, 0.1)
FEW, MANY = 10, 110  # noise seeds
JOB = [
    "task=intents", "source=embedded", "model=tiny", f"languages=[{','.join(LANGUAGES)}]", "noise=char",
    f"noise.levels=[0,{','.join(map(str, LEVELS))}]", "task.size.test=100", "trainer.progress=false",
]  # fmt: skip


class Used(NamedTuple):
    """Processor seconds, and the peak of memory in MB."""

    seconds: float
    peak: float


def cells(seeds: int) -> int:
    return len(LANGUAGES) * (1 + len(LEVELS) * seeds)


def run(folder: str, seeds: int) -> Used:
    command = [sys.executable, "-m", "xtreme_noise", *JOB, f"noise.seeds=[{','.join(map(str, range(seeds)))}]"]
    environment = os.environ | {"XTREME_NOISE_STORE": f"{folder}/store", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, f"sweep={folder}/{seeds}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the job with {seeds} noise seeds failed")
    return Used(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def main() -> None:
    more = cells(MANY) - cells(FEW)
    with tempfile.TemporaryDirectory() as folder:
        run(folder, 1)  # trains the model
        for what in ("evaluated", "finished and run again"):
            few, many = run(folder, FEW), run(folder, MANY)
            print(
                f"a job of {cells(FEW)} and of {cells(MANY)} cells, {what}: {few.seconds:.1f} and {many.seconds:.1f} s "
                f"of processor time, {1000 * (many.seconds - few.seconds) / more:.2f} ms a cell; peak memory "
                f"{few.peak:.0f} and {many.peak:.0f} MB, {1000 * (many.peak - few.peak) / more:.1f} KB a cell",
                flush=True,
            )


if __name__ == "__main__":
    main()
