"""mode=status: which jobs of a study wait, run, have failed or are finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from xtreme_noise import submitted
from xtreme_noise.config import earlier, grid, planned
from xtreme_noise.config.compose import Study
from xtreme_noise.submitted import Submitted
from xtreme_noise.submitting import finished


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep)


def of(sweep: Path) -> int:
    """Print the state of every job; returns 1 when one has failed or was lost. Raises UserError without Slurm."""
    known, queue = submitted.read(sweep), submitted.queued(sweep)
    rows = [(f"stage {job.name}", job.id, state) for unit, (job, state) in queue.items() if unit.startswith("stages/")]
    count: Counter[str] = Counter()
    for folder in sorted(path for path in (sweep / "jobs").glob("*") if (path / planned.CONFIG).is_file()):
        unit = f"jobs/{folder.name}"
        state = _state(folder, unit, known, queue)
        count[state.split(":")[0].split(" (")[0]] += 1
        title = known[unit].name if unit in known else grid.title(earlier.read(folder / planned.CONFIG))
        rows.append((f"{title} ({unit})", known[unit].id if unit in known else "", state))
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for title, number, state in rows:
        print(f"{title:<{widths[0]}}  {number:<{widths[1]}}  {state}")
    print(", ".join(f"{number} {state}" for state, number in count.items()))
    return int(bool(count["failed"] or count["lost"]))


def _state(folder: Path, unit: str, known: Mapping[str, Submitted], queue: Mapping[str, tuple[Submitted, str]]) -> str:
    if unit in queue:
        return queue[unit][1]
    if (folder / planned.FAILURE).is_file():
        lines = (folder / planned.FAILURE).read_text(encoding="utf-8").strip().splitlines()
        return f"failed: {lines[-1] if lines else 'no message'}"
    if finished(folder):
        return "finished"
    if unit in known:
        return f"lost: neither in the queue nor finished; its log is in {folder.parent.parent / '.submitit'}"
    return "not submitted"
