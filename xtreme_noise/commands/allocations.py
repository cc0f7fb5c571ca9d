"""The part of mode=plan that is about a cluster: its jobs in their order, and the minutes and memory of each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from xtreme_noise.config.compose import Study
from xtreme_noise.config.schema import Config
from xtreme_noise.stages import speed
from xtreme_noise.stages.units import Unit
from xtreme_noise.store import Store
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
    for column in ("minutes", "memory"):
        table.add_column(column, justify="right", no_wrap=True)
    titles = {unit.name: unit.title for unit in found}
    for unit in found:
        name = f"stage {unit.title}" if unit.stage else f"{unit.title} ({unit.name})"
        after = titles[unit.after] if unit.after else ""
        table.add_row(escape(name), escape(after), minutes(unit, stages, cells), _memory(study.jobs[unit.job]))
    return table


def _memory(cfg: Config) -> str:
    known = speed.memory(Store(cfg.store), cfg.model.name)
    return f"{known:.1f} GB" if known else "unmeasured"


def minutes(unit: Unit, stages: Mapping[str, float | None], cells: Mapping[int, float | None]) -> str:
    """The minutes of a job, rounded up; the imports of a process come on top."""
    parts: Sequence[float | None] = [stages.get(stage) for stage in unit.trains]
    if unit.stage is None:
        parts = [*parts, cells.get(unit.job)]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        return str(math.ceil(sum(known) / 60))
    return f"{math.ceil(sum(known) / 60)} + unmeasured" if known else "unmeasured"
