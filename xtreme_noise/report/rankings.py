"""The rankings of cells, from their class scores or nearest candidates, and two cells compared query by query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtreme_noise import tasks
from xtreme_noise.analysis import consistency
from xtreme_noise.analysis.bootstrap import Floats, draws
from xtreme_noise.analysis.consistency import FEW, joint, places, random_baseline, rank_consistency
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.report.cells import where
from xtreme_noise.report.predictions import Evidence, match, read_columns
from xtreme_noise.results import class_scores, nearest
from xtreme_noise.results.class_scores import CLASS_SCORES

# Of two rankings; the first that is defined is the one with intervals.
AGREEMENT, SOFTMAX, NORM1 = "agreement", "rankc_softmax", "rankc_norm1"
WEIGHTS = {"rankc_softmax": "softmax", "rankc_norm1": "norm1", "rankc_norm2": "norm2", "rbo": "rbo"}
MEASURES = (*WEIGHTS, "random", AGREEMENT, "kappa", "overlap", "accuracy", "other_accuracy", "candidates")


@dataclass(frozen=True)
class Ranked:
    """The rankings of one cell: a query is an example, in tagging a token, in the order of the language's examples.

    places: (queries, classes) the place of each, from 1; or listed: (queries, depth) the numbers of the nearest
    candidates, best first. lengths, candidates: (queries,) of the rankings, and how many there are to choose from.
    correct: (queries,). owner: (queries,) the number of the example that each query belongs to.
    """

    places: NDArray[np.uint16] | None
    listed: NDArray[np.intp] | None
    lengths: NDArray[np.intp]
    candidates: NDArray[np.intp]
    correct: NDArray[np.bool_]
    owner: NDArray[np.intp]

    @property
    def single(self) -> bool:
        """Whether there is one query for each example, so that languages can be compared."""
        return len(self.owner) == int(self.owner.max()) + 1

    @property
    def measure(self) -> str:
        """What is shown first of these rankings."""
        if self.candidates.max() <= FEW:
            return AGREEMENT
        return SOFTMAX if self.listed is None else NORM1


def read_ranked(sweep: Path, cell: CellRecord, evidence: Evidence, numbers: dict[str, int]) -> Ranked:
    """numbers: of the candidates of the task, so far; new ones are added. Raises DataError."""
    path = sweep / CLASS_SCORES / f"{cell.cell}.parquet"
    if cell.family in tasks.having("nearest"):
        return _searched(nearest.read(path), cell, evidence, numbers)
    scores = class_scores.read(path)
    table = read_columns(sweep, cell, ("id", "prediction", "gold")).to_pydict()
    if table["id"] != list(scores.ids):
        raise DataError(f"{path.parent.name}/{path.name} has other examples than the predictions")
    scores.check(table["prediction"])
    predicted, right = scores.places(table["prediction"]), scores.places(table["gold"])
    ordered = scores.table.copy()
    # The prediction is the first: another class may be equal to it in half precision.
    ordered[np.arange(len(predicted)), predicted] = np.inf
    example = np.array(_positions(table["id"], cell, evidence), dtype=np.intp)[scores.owner]
    order = np.argsort(example, kind="stable")
    count = np.isfinite(scores.table).sum(axis=1)[order]
    return Ranked(
        places=places(ordered).astype(np.uint16)[order],
        listed=None,
        lengths=count,
        candidates=count,
        correct=(predicted == right)[order],
        owner=example[order],
    )


def _searched(found: nearest.Nearest, cell: CellRecord, evidence: Evidence, numbers: dict[str, int]) -> Ranked:
    if cell.cell not in evidence.correct:
        raise DataError(f"predictions/{cell.cell}.parquet does not say which are right")
    order = np.argsort(_positions(found.ids, cell, evidence))
    listed = np.array([[numbers.setdefault(name, len(numbers)) for name in ranked] for ranked in found.ranked])
    count = len(found.ids)
    return Ranked(
        places=None,
        listed=listed[order],
        lengths=np.full(count, listed.shape[1]),
        candidates=np.full(count, found.candidates),
        correct=evidence.correct[cell.cell],
        owner=np.arange(count),
    )


def _positions(ids: Sequence[str], cell: CellRecord, evidence: Evidence) -> list[int]:
    """The number of each example among those of its language."""
    return match(ids, evidence.ids[cell.language], where(cell), f"the other cells of {cell.language}")


@dataclass(frozen=True)
class Pair:
    """Two cells compared. values: measure -> number, nan where it is not defined. num, den: (source items of the
    language,) sums over queries of the first measure, and how many queries.
    """

    measure: str
    values: Mapping[str, float]
    num: Floats
    den: Floats


@dataclass
class Rankings:
    """The rankings of a task's cells, and its resamples. weights: language -> (resamples, source items) how often each
    counts; None without resamples.
    """

    cells: Mapping[str, Ranked]
    evidence: Evidence
    weights: Mapping[str, NDArray[np.uint8]] | None
    _common: dict[tuple[str, str], tuple[NDArray[np.intp], NDArray[np.intp]]] = field(default_factory=dict)
    _item: dict[str, NDArray[np.intp]] = field(default_factory=dict)

    def item(self, language: str) -> NDArray[np.intp]:
        """(examples,) the number of the source item of each example, among the sorted ones of the language."""
        if language not in self._item:
            self._item[language] = np.unique(self.evidence.names[language], return_inverse=True)[1]
        return self._item[language]

    def common(self, first: str, second: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The numbers in both languages of the examples that they share: same id, same source item."""
        if (first, second) not in self._common:
            one, other = (
                {
                    key: place
                    for place, key in enumerate(
                        zip(self.evidence.ids[code], self.evidence.names[code].tolist(), strict=True)
                    )
                }
                for code in (first, second)
            )
            shared = [key for key in one if key in other]
            self._common[first, second] = (
                np.array([one[key] for key in shared], dtype=np.intp),
                np.array([other[key] for key in shared], dtype=np.intp),
            )
        return self._common[first, second]

    def languages(self, first: CellRecord, second: CellRecord) -> Pair | None:
        """Cells of two languages on the examples that both have; None if there are none."""
        one, other = self.cells[first.cell], self.cells[second.cell]
        if not (one.single and other.single):
            return None
        rows = self.common(first.language, second.language)
        return self._pair(first.language, one, other, rows) if len(rows[0]) else None

    def noise(self, clean: CellRecord, noisy: CellRecord) -> Pair:
        """A clean and a noisy cell of one language."""
        one, other = self.cells[clean.cell], self.cells[noisy.cell]
        if not np.array_equal(one.owner, other.owner):
            raise DataError(f"other numbers of predictions in {where(clean)} and {where(noisy)}")
        every = np.arange(len(one.owner))
        return self._pair(clean.language, one, other, (every, every))

    def _pair(self, language: str, one: Ranked, other: Ranked, rows: tuple[NDArray[np.intp], NDArray[np.intp]]) -> Pair:
        item = self.item(language)[one.owner[rows[0]]]
        columns, values = _measured(one, other, rows)
        count = len(np.unique(self.item(language)))
        num = np.bincount(item, columns[one.measure].astype(float), minlength=count).astype(float)
        den = np.bincount(item, minlength=count).astype(float)
        return Pair(one.measure, values, num, den)

    def drawn(self, language: str, pairs: Sequence[Pair]) -> Floats | None:
        """(pairs, resamples) means over queries of the first measure; pairs: whose first cell is of this language."""
        if self.weights is None:
            return None
        counts = self.weights[language].astype(float)
        num, den = (np.stack([getattr(pair, part) for pair in pairs], axis=1) for part in ("num", "den"))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((counts @ num / (counts @ den)).T)


def _measured(
    one: Ranked, other: Ranked, rows: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> tuple[dict[str, Floats], dict[str, float]]:
    """Columns of numbers for each query, and the measures of all of them."""
    if one.places is not None and other.places is not None:
        depths = np.maximum(one.places[rows[0]], other.places[rows[1]]).astype(np.intp)
        first, second = one.places[rows[0]].argmin(axis=1), other.places[rows[1]].argmin(axis=1)
    else:
        assert one.listed is not None and other.listed is not None
        depths = joint(one.listed[rows[0]], other.listed[rows[1]])
        first, second = one.listed[rows[0], 0], other.listed[rows[1], 0]
    lengths, candidates, once = one.lengths[rows[0]], one.candidates[rows[0]], np.ones((1, len(rows[0])))
    right, also = one.correct[rows[0]], other.correct[rows[1]]
    few = one.measure == AGREEMENT
    columns: dict[str, Any] = {AGREEMENT: (first == second).astype(float), "accuracy": right, "other_accuracy": also}
    columns["candidates"] = candidates
    if not few:
        columns |= {name: rank_consistency(depths, lengths, kind) for name, kind in WEIGHTS.items()}
        columns["random"] = random_baseline(lengths, candidates, WEIGHTS[one.measure])
    values = dict.fromkeys(MEASURES, float("nan")) | {name: float(column.mean()) for name, column in columns.items()}
    values["overlap"] = float(consistency.overlap(right, also, once)[0])
    if few:
        values["kappa"] = float(consistency.kappa(first, second, once)[0])
    return columns, values


def resampled(evidence: Evidence, most: int) -> dict[str, NDArray[np.uint8]] | None:
    """Language -> (resamples, source items) how often each counts: the first of those of the other statistics."""
    if not evidence.resamples:
        return None
    sources = {language: [str(name) for name in np.unique(names)] for language, names in evidence.names.items()}
    size = min(most, evidence.resamples)
    found = {language: np.empty((size, len(items)), np.uint8) for language, items in sources.items()}
    for language, start, counts in draws(sources, size, seed=evidence.seed, stream=evidence.stream):
        found[language][start : start + len(counts)] = counts
    return found
