"""The cells of a study from cells.parquet, and the problems in it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from xtreme_noise.config import planned
from xtreme_noise.record import ABSENT, CLEAN, CellRecord
from xtreme_noise.report.system import System, named
from xtreme_noise.results import table


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
    cells = [named(_with_language(cell)) for cell in (*measured, *wanted)]
    kept, problems = _unambiguous(sorted(_metric_apart(cells), key=_order))
    of_one_model, mixed = several_models(kept)
    return of_one_model, [*map(_unknown, unknown), *problems, *mixed]


def _unknown(job: Path) -> Problem:
    why = "it has not finished, and has no configuration that lists its cells"
    return Problem(f"job {job.name}", f"{why}: run its command again, or remove {job}")


def _with_language(cell: CellRecord) -> CellRecord:
    return cell if cell.language_name else replace(cell, language_name=cell.language)


def _order(cell: CellRecord) -> tuple[object, ...]:
    noise = (cell.noise, cell.level, cell.noise_seed or 0)
    return (cell.task, cell.model, System.of(cell).rank, cell.language, *noise, cell.seed or 0, cell.cell or "")


def _metric_apart(cells: Sequence[CellRecord]) -> list[CellRecord]:
    """Splits a task that was scored with two metrics into two tasks, because their scores must not be averaged."""
    metrics = defaultdict(set)
    for cell in cells:
        if cell.metric and cell.status == "ok":
            metrics[cell.task].add(cell.metric)
    mixed = {task for task, names in metrics.items() if len(names) > 1}
    return [replace(cell, task=of_metric(cell.task, cell.metric)) if cell.task in mixed else cell for cell in cells]


def of_metric(task: str, metric: str | None) -> str:
    """The name of a task that was scored with several metrics, with one of them."""
    return f"{task} ({metric or 'unknown metric'})"


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
    """Drops cells with the same name and seed of differently trained models; also the problems."""
    stages_by_name: dict[tuple[Any, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell.status == "ok" and cell.stage and cell.shots is None:  # with shots every language has a model
            stages_by_name[_trained(cell)][cell.stage].append(cell.language)
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


def means(cells: Sequence[CellRecord], names: Sequence[str]) -> dict[str, float | None]:
    """Field -> its mean over cells; None if there are no cells, or one of them was not measured."""
    if not cells:
        return dict.fromkeys(names)
    found = np.array([[getattr(cell, name) for cell in cells] for name in names], dtype=float).mean(axis=1)
    return {name: None if math.isnan(value) else value for name, value in zip(names, found.tolist(), strict=True)}


def ordered(values: Iterable[str]) -> list[str]:
    """Distinct values in the order of their first appearance."""
    return list(dict.fromkeys(values))
