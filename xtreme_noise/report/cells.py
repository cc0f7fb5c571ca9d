"""The cells of a study from cells.parquet, and the problems in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtreme_noise.config import planned
from xtreme_noise.record import ABSENT, CLEAN, CellRecord
from xtreme_noise.results import table

ARMS = {
    "none": "no intermediate training",
    "english": "English",
    "multilingual": "multilingual",
    "noise": "noise in training, no intermediate training",
    "english + noise": "English and noise in training",
    "multilingual + noise": "multilingual and noise in training",
}
STAGE = re.compile(r"\|inter:[^|]*\|stage:([^|]+)\|")  # of a signature: xtreme_noise.stages.plan


@dataclass(frozen=True)
class Problem:
    """A failure or an inconsistency; shown at the top of the report."""

    where: str
    what: str


def read_cells(sweep: Path) -> tuple[list[CellRecord], list[Problem]]:
    """All cells in a fixed order, and the problems of the table itself.

    Planned cells without a record are ABSENT. Raises DataError when cells.parquet is missing, unreadable, incomplete or
    has invalid values.
    """
    measured = table.read_cells(sweep)
    wanted, unknown = planned.cells(sweep)
    cells = [_system(cell) for cell in (*measured, *wanted)]
    kept, problems = _unambiguous(sorted(_metric_apart(cells), key=_order))
    of_one_model, mixed = several_models(kept)
    return of_one_model, [*map(_unknown, unknown), *problems, *mixed]


def _unknown(job: Path) -> Problem:
    why = "it has not finished, and has no configuration that lists its cells"
    return Problem(f"job {job.name}", f"{why}: run its command again, or remove {job}")


def _system(cell: CellRecord) -> CellRecord:
    """Gives a model trained on noisy examples an arm of its own, as it is a separate system."""
    if not cell.language_name:
        cell = replace(cell, language_name=cell.language)
    if cell.train_noise in (None, "none"):
        return cell
    arm = "noise" if cell.intermediate == "none" else f"{cell.arm} + noise"
    return replace(cell, arm=arm, intermediate=f"{cell.intermediate} + {cell.train_noise} in training")


def _order(cell: CellRecord) -> tuple[object, ...]:
    system = system_order(cell.intermediate, cell.arm)
    noise = (cell.noise, cell.level, cell.noise_seed or 0)
    return (cell.task, cell.model, system, cell.language, *noise, cell.seed or 0, cell.cell or "")


def system_order(intermediate: str, arm: str) -> tuple[int, str]:
    """Sorts systems in the order of ARMS, then by name."""
    return (list(ARMS).index(arm) if arm in ARMS else len(ARMS), intermediate)


def _metric_apart(cells: Sequence[CellRecord]) -> list[CellRecord]:
    """Splits a task that was scored with two metrics into two tasks, because their scores must not be averaged."""
    metrics = defaultdict(set)
    for cell in cells:
        if cell.metric and cell.status == "ok":
            metrics[cell.task].add(cell.metric)
    mixed = {task for task, names in metrics.items() if len(names) > 1}
    return [replace(c, task=f"{c.task} ({c.metric or 'unknown metric'})") if c.task in mixed else c for c in cells]


def _unambiguous(cells: Sequence[CellRecord]) -> tuple[list[CellRecord], list[Problem]]:
    """One cell per place: the finished one, else a failed one, else a planned one. Failed cells are problems. Of
    several finished cells none is kept, because it is not known which one to average.
    """
    places: dict[object, list[CellRecord]] = defaultdict(list)
    for cell in cells:
        places[cell.identity].append(cell)
    kept, problems = [], []
    for same in places.values():
        finished = [cell for cell in same if cell.status == "ok"]
        failed = [cell for cell in same if cell.status == "error"]
        if len(finished) > 1:
            signatures = " ; ".join(sorted({cell.signature or "no signature" for cell in finished}))
            several = f"{len(finished)} finished cells of the same place; none is used. Signatures: {signatures}"
            problems.append(Problem(where(same[0]), several))
            chosen = None
        else:
            chosen = (finished or failed or [cell for cell in same if cell.status != ABSENT] or same)[0]
            kept.append(chosen)
        problems += [Problem(where(cell), cell.error or "no message") for cell in failed if cell is not chosen]
    return kept, problems


def several_models(cells: Sequence[CellRecord]) -> tuple[list[CellRecord], list[Problem]]:
    """Drops cells with the same name and seed whose signatures show differently trained models; also the problems."""
    stages_by_name: dict[tuple[Any, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        stage = STAGE.search(cell.signature or "")
        if cell.status == "ok" and stage and " shots" not in cell.task:  # with shots every language has a model
            stages_by_name[_trained(cell)][stage[1]].append(cell.language)
    mixed = {name: stages for name, stages in stages_by_name.items() if len(stages) > 1}
    problems = [
        Problem(
            f"{' · '.join(name[:3])} · seed {name[3]}",
            "differently trained models have the same name; none of their cells is used: "
            + "; ".join(f"stage {stage}: {', '.join(ordered(codes))}" for stage, codes in stages.items())
            + ". Give each its own study (sweep=) or name (model.name=)",
        )
        for name, stages in mixed.items()
    ]
    return [cell for cell in cells if _trained(cell) not in mixed], problems


def _trained(cell: CellRecord) -> tuple[Any, ...]:
    """The fields that identify a trained model in a study."""
    return cell.task, cell.model, cell.intermediate, cell.seed


def where(cell: CellRecord) -> str:
    """A readable name of a cell."""
    noise = CLEAN if cell.noise == CLEAN else f"{cell.noise} {cell.level:g}, noise seed {cell.noise_seed}"
    return (
        f"{cell.task} · {cell.language_name} ({cell.language}) · {cell.model} · {cell.intermediate} · "
        f"{noise} · seed {cell.seed}"
    )


def ordered(values: Iterable[str]) -> list[str]:
    """Distinct values in the order of their first appearance."""
    return list(dict.fromkeys(values))
