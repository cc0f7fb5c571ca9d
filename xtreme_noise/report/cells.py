"""The cells of a sweep: what cells.parquet says, and what is wrong with it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from xtreme_noise.config import planned
from xtreme_noise.errors import DataError
from xtreme_noise.results import rows
from xtreme_noise.results.rows import CLEAN, NESTED, SCHEMA

ARMS = {
    "none": "no intermediate training",
    "english": "English",
    "multilingual": "multilingual",
    "noise": "noise in training, no intermediate training",
    "english + noise": "English and noise in training",
    "multilingual + noise": "multilingual and noise in training",
}
ABSENT = "not run"  # planned, or in the grid of the study, but without a record: not run, not yet run, or killed


@dataclass(frozen=True)
class Cell:
    """One row of cells.parquet. Scores, rates and levels are fractions; null where they were not measured."""

    cell: str
    task: str
    family: str
    language: str
    language_name: str
    script: str
    model: str
    intermediate: str
    arm: str
    train_noise: str | None
    seen: bool | None
    noise: str
    level: float
    noise_seed: int
    seed: int
    metric: str | None
    score: float | None
    n: int | None
    achieved: float | None
    changed: float | None
    word_change_rate: float | None
    token_change_rate: float | None
    fertility: float | None
    flip_rate: float | None
    right_to_wrong: float | None
    wrong_to_right: float | None
    capacity: float | None
    calibrated_by: str | None
    saturated: bool | None
    status: str
    error: str | None
    seconds: float | None
    forward_seconds: float | None
    noise_seconds: float | None
    label_preserving: bool | None
    signature: str | None
    samples: str | None
    extra: str | None
    test_size: int | None  # the size of the sample that the test set was cut to; null: whole, or not known

    @property
    def sampled(self) -> bool:
        """Whether its score is over a part of the test set. With fewer items than asked for, it is all there are."""
        return self.test_size is not None and (self.n is None or self.n >= self.test_size)

    @property
    def identity(self) -> tuple[str, str, str, str, str, float, int | None, int]:
        """What a sweep may hold once. A clean cell has no noise, so its noise seed means nothing."""
        noise_seed = None if self.noise == CLEAN else self.noise_seed
        return (
            self.task, self.model, self.intermediate, self.language, self.noise, self.level, noise_seed,
            self.seed, )  # fmt: skip


COLUMNS = tuple(field.name for field in fields(Cell))
STAGE = re.compile(r"\|inter:[^|]*\|stage:([^|]+)\|")  # of a signature: xtreme_noise.stages.plan
_TEXT = ("language_name", "script", "arm", "family")
LATER = ("seen", "test_size")  # columns that tables of earlier versions lack


@dataclass(frozen=True)
class Problem:
    """Something that failed or does not add up; shown at the very top of the report."""

    where: str
    what: str


def read_cells(sweep: Path) -> tuple[list[Cell], list[Problem]]:
    """All cells in a fixed order, and what is wrong with the table itself.

    Cells that jobs were to evaluate, and of which there is no record, are ABSENT.

    Raises DataError when cells.parquet is absent, unreadable, lacks a column or holds what no job has written.
    """
    path = sweep / "cells.parquet"
    if not path.is_file():
        raise DataError(f"{sweep} is not a sweep folder with results: it has no cells.parquet.")
    cells = [_checked(row, f"{path}, row {number}") for number, row in enumerate(_rows(path), 1)]
    wanted, unknown = planned.cells(sweep)
    cells += [_cell({**dict.fromkeys(COLUMNS), **row, "status": ABSENT}) for row in wanted]
    kept, problems = _unambiguous(sorted(_metric_apart(cells), key=_order))
    of_one_model, mixed = several_models(kept)
    return of_one_model, [*map(_unknown, unknown), *problems, *mixed]


def _unknown(job: Path) -> Problem:
    why = "it has not finished, and left no configuration that says what it was to evaluate"
    return Problem(f"job {job.name}", f"{why}: run its command again, or remove {job}")


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of the table, every column as what it should be."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:  # read_table would import pandas first
            table = file.read()
        table.validate(full=True)  # texts are UTF-8
        there = [name for name in COLUMNS if table.column_names.count(name) == 1]
        lacking = [name for name in COLUMNS if name not in (*there, *LATER)]
        if lacking:
            raise DataError(f"{path} lacks the columns {', '.join(lacking)}, or has them twice.")
        columns = {name: _column(table[name], SCHEMA.field(name).type, f"{path}: column {name!r}") for name in there}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    columns |= {name: [None] * table.num_rows for name in LATER if name not in there}  # studies of before
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(column: Any, kind: Any, where: str) -> list[Any]:
    import pyarrow as pa

    try:
        values: list[Any] = column.cast(kind).to_pylist()
    except (ValueError, pa.ArrowException) as error:
        raise DataError(f"{where} is of the type {column.type}, wanted {kind}: {error}") from error
    return [None if value != value else value for value in values]  # nan: not measured


def _checked(row: dict[str, Any], where: str) -> Cell:
    row["noise"] = row["noise"] or CLEAN
    row["level"] = row["level"] or 0.0
    row["noise_seed"] = 0 if row["noise"] == CLEAN else row["noise_seed"]  # means nothing where nothing is noisy
    try:
        nested = {name: None if row[name] is None else json.loads(row[name]) for name in NESTED}
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: samples or extra are no JSON: {error}") from error
    if wrong := rows.problem(row | nested):
        raise DataError(f"{where}: {wrong}. It was edited, or damaged.")
    return _cell(row)


def _cell(row: dict[str, Any]) -> Cell:
    for name in _TEXT:
        row[name] = row[name] or ""
    row["language_name"] = row["language_name"] or row["language"]
    _training_noise(row)
    return Cell(**row)


def _training_noise(row: dict[str, Any]) -> None:
    """A model trained on noisy examples is a system of its own, in an arm of its own."""
    if row["train_noise"] not in (None, "none"):
        plain = row["intermediate"] == "none"
        row["arm"] = "noise" if plain else f"{row['arm']} + noise"
        row["intermediate"] = f"{row['intermediate']} + {row['train_noise']} in training"


def _order(cell: Cell) -> tuple[object, ...]:
    system = system_order(cell.intermediate, cell.arm)
    noise = (cell.noise, cell.level, cell.noise_seed or 0)
    return (cell.task, cell.model, system, cell.language, *noise, cell.seed or 0, cell.cell or "")


def system_order(intermediate: str, arm: str) -> tuple[int, str]:
    """Sorts systems in the order of ARMS, then by name."""
    return (list(ARMS).index(arm) if arm in ARMS else len(ARMS), intermediate)


def _metric_apart(cells: Sequence[Cell]) -> list[Cell]:
    """A task that was scored with two metrics is two tasks here: their scores must not be averaged."""
    metrics = defaultdict(set)
    for cell in cells:
        if cell.metric and cell.status == "ok":
            metrics[cell.task].add(cell.metric)
    mixed = {task for task, names in metrics.items() if len(names) > 1}
    return [replace(c, task=f"{c.task} ({c.metric or 'unknown metric'})") if c.task in mixed else c for c in cells]


def _unambiguous(cells: Sequence[Cell]) -> tuple[list[Cell], list[Problem]]:
    """One cell a place, the finished one first, a planned one last. What failed beside it is a problem; of several
    finished ones none is kept: no way to tell which one an average should take.
    """
    places: dict[object, list[Cell]] = defaultdict(list)
    for cell in cells:
        places[cell.identity].append(cell)
    kept, problems = [], []
    for same in places.values():
        finished = [cell for cell in same if cell.status == "ok"]
        failed = [cell for cell in same if cell.status == "error"]
        if len(finished) > 1:
            signatures = " ; ".join(sorted({cell.signature or "no signature" for cell in finished}))
            several = f"{len(finished)} cells for the same place; none of them is used. Signatures: {signatures}"
            problems.append(Problem(where(same[0]), several))
            chosen = None
        else:
            chosen = (finished or failed or [cell for cell in same if cell.status != ABSENT] or same)[0]
            kept.append(chosen)
        problems += [Problem(where(cell), cell.error or "no message") for cell in failed if cell is not chosen]
    return kept, problems


def several_models(cells: Sequence[Cell]) -> tuple[list[Cell], list[Problem]]:
    """Without the cells of one name and seed that are of models trained differently, by what their signatures say."""
    found: dict[tuple[Any, ...], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        stage = STAGE.search(cell.signature or "")
        if cell.status == "ok" and stage and " shots" not in cell.task:  # with shots every language has a model
            found[_trained(cell)][stage[1]].append(cell.language)
    mixed = {name: stages for name, stages in found.items() if len(stages) > 1}
    problems = [
        Problem(
            f"{' · '.join(name[:3])} · seed {name[3]}",
            "models that were trained differently under one name; none of their cells is used: "
            + "; ".join(f"stage {stage}: {', '.join(ordered(codes))}" for stage, codes in stages.items())
            + ". Give each a study (sweep=) or a name (model.name=) of its own",
        )
        for name, stages in mixed.items()
    ]
    return [cell for cell in cells if _trained(cell) not in mixed], problems


def _trained(cell: Cell) -> tuple[Any, ...]:
    """What one trained model stands for in a study."""
    return cell.task, cell.model, cell.intermediate, cell.seed


def where(cell: Cell) -> str:
    """A cell in words."""
    noise = CLEAN if cell.noise == CLEAN else f"{cell.noise} {cell.level:g}, noise seed {cell.noise_seed}"
    return (
        f"{cell.task} · {cell.language_name} ({cell.language}) · {cell.model} · {cell.intermediate} · "
        f"{noise} · seed {cell.seed}"
    )


def ordered(values: Iterable[str]) -> list[str]:
    """Distinct values in the order of their first appearance."""
    return list(dict.fromkeys(values))
