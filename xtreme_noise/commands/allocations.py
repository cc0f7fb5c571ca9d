"""The part of mode=plan that is about a cluster: its jobs in their order, and how many minutes each needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from xtreme_noise.config.compose import Study
from xtreme_noise.stages.units import Unit
from xtreme_noise.submitting import plan


def table(study: Study, stages: Mapping[str, float | None], cells: Mapping[int, float | None]) -> Table:
    """The jobs that mode=submit would submit to an empty queue.

    stages: seconds of training by the digest of the stage; cells: seconds of evaluation by the number of the job. None:
    unmeasured. A job that mode=plan could not survey is not in `cells`.
    """
    found = plan(study, range(len(study.jobs)), {})
    table = Table(title="jobs of the cluster", title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("job", overflow="fold")
    table.add_column("after", overflow="fold")
    table.add_column("minutes", justify="right", no_wrap=True)
    titles = {unit.name: unit.title for unit in found}
    for unit in found:
        name = f"stage {unit.title}" if unit.stage else f"{unit.title} ({unit.name})"
        table.add_row(escape(name), escape(titles[unit.after] if unit.after else ""), minutes(unit, stages, cells))
    return table


def minutes(unit: Unit, stages: Mapping[str, float | None], cells: Mapping[int, float | None]) -> str:
    """The minutes of a job, rounded up; the imports of a process come on top."""
    parts: Sequence[float | None] = [stages.get(stage) for stage in unit.trains]
    if unit.stage is None:
        parts = [*parts, cells.get(unit.job)]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        return str(math.ceil(sum(known) / 60))
    return f"{math.ceil(sum(known) / 60)} + unmeasured" if known else "unmeasured"
