"""A second run of a finished experiment, which trains and evaluates nothing: wall time of the whole command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

OVERRIDES = [
    "+experiment=quickstart", "model=tiny", "languages=[en,de,th]", "trainer.progress=false",
]  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "xtreme_noise", *OVERRIDES, f"sweep={folder}/study"]
        environment = os.environ | {"XTREME_NOISE_STORE": f"{folder}/store"}
        seconds = []
        for _ in range(2):
            begin = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=environment)
            seconds.append(time.perf_counter() - begin)
        print(f"second run of a finished experiment: {seconds[1]:.1f} s, first {seconds[0]:.1f} s (target: under 20 s)")


if __name__ == "__main__":
    main()
