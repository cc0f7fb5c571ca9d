"""Per-example scores of the cells, read strictly and paired by item id."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis.bootstrap import Floats, LanguageScores, by_cluster, replicates
from xtreme_noise.analysis.chance import Chance
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.report.cells import Problem, where
from xtreme_noise.report.shots import Shots
from xtreme_noise.results.items import JobItems, Scores, numbers

log = logging.getLogger(__name__)
RESAMPLES = 9_999
_MAY_BE_EMPTY = ("correct",)  # an example may be neither right nor wrong (BUCC: without a pair, and rightly so)


@dataclass
class Evidence:
    """Bootstrap replicates of all cells of one task, and its chance levels.

    scores: cell digest -> (resamples,) replicates of its score. chances: language -> chance level.
    names: language -> the source item of each example; ids: the examples themselves, in this order. correct: cell
    digest -> whether each example is right (not if it is neither right nor wrong), for cells whose predictions contain
    it. seed, stream: those of the draws. kept: what several tables are computed from.
    """

    resamples: int = 0
    scores: dict[str, Floats] = field(default_factory=dict)
    chances: Mapping[str, Chance] = field(default_factory=dict)
    names: dict[str, NDArray[np.str_]] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    correct: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    seed: int = 0
    stream: str = ""
    kept: dict[Hashable, Any] = field(default_factory=dict)
    _means: dict[tuple[tuple[str, ...], ...], Floats] = field(default_factory=dict)

    @cached_property
    def items(self) -> Mapping[str, int]:
        """Language -> how many source items there are to draw from."""
        return {language: len(np.unique(names)) for language, names in self.names.items()}

    def means(self, several: tuple[tuple[str, ...], ...]) -> Floats:
        """The mean over cells (digests) in every resample: (groups of cells, resamples). Computed once: every table
        asks for the same ones. Not to be changed.
        """
        if several not in self._means:
            self._means[several] = self.mean(several)
        return self._means[several]

    def mean(self, several: tuple[tuple[str, ...], ...]) -> Floats:
        """`means` that are needed once, and not kept."""
        found = np.zeros((len(several), self.resamples))
        for total, cells in zip(found, several, strict=True):
            for cell in cells:
                total += self.scores[cell]
            total /= len(cells)
        return found

    def drop(self) -> None:
        """Forget what takes much memory: the statistics of this task are computed."""
        for large in (self.scores, self.correct, self.kept, self._means):
            large.clear()


class _Unusable(DataError):
    """Unusable cells of a language: digest -> reason."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        more = f" (and {len(wrong) - 1} more of its cells)" if len(wrong) > 1 else ""
        super().__init__(next(iter(wrong.values())) + more)
        self.wrong = wrong


def read_evidence(
    sweep: Path, cells: Sequence[CellRecord], *, copies: JobItems | None = None, seed: int = 0, resample: bool = True
) -> tuple[dict[str, Evidence], set[str], list[Problem]]:
    """Replicates of every finished cell, by task; digests of the unusable cells; problems.

    copies: those of the study, if they were opened before. Without `resample` there are no replicates; predictions are
    only read and checked.

    A language is excluded from all comparisons, and named, if its cells do not have exactly the same items, or if its
    predictions are missing, unreadable or do not give the recorded score.
    """
    grouped: dict[str, dict[str, list[CellRecord]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        if cell.status == "ok":
            grouped[cell.task][cell.language].append(cell)
    by_task: dict[str, Evidence] = {}
    unusable: set[str] = set()
    problems: list[Problem] = []
    copies = copies or JobItems(sweep)
    for task, languages in grouped.items():
        first = next(iter(languages.values()))[0]
        stream = Shots.of(first).task  # few-shot results have the draws of the zero-shot ones
        evidence, read = Evidence(resamples=RESAMPLES, seed=seed, stream=stream), {}
        known = copies.of(cell.cell for members in languages.values() for cell in members)
        for language, members in languages.items():
            try:
                read[language] = _read_language(sweep, members, known)
            except _Unusable as error:
                problems.append(Problem(f"{task} · {members[0].language_name} ({language})", str(error)))
                unusable.update(error.wrong)
                continue
        evidence.ids = {language: found[0].ids.to_pylist() for language, found in read.items()}
        evidence.names = source_items(
            {language: (evidence.ids[language], found[0].clusters.to_pylist()) for language, found in read.items()}
        )
        evidence.correct = {
            one.cell.cell: one.correct for found in read.values() for one in found if one.correct is not None
        }
        parts = {language: _summed(evidence.names[language], found) for language, found in read.items()}
        drawn = replicates(parts, evidence.resamples, seed=seed, stream=stream) if resample else {}
        for language, scores in drawn.items():
            for column, cell in enumerate(languages[language]):
                evidence.scores[cell.cell] = scores[:, column]
        by_task[task] = evidence
    return by_task, unusable, problems


@dataclass(frozen=True)
class _Items:
    """The per-example scores of a cell."""

    cell: CellRecord
    ids: Any
    clusters: Any
    num: Floats
    den: Floats
    correct: NDArray[np.bool_] | None


def _read_language(sweep: Path, cells: Sequence[CellRecord], known: Mapping[str, Scores]) -> list[_Items]:
    """All cells of one task and language, aligned by id. known: scores that are read already, by cell.

    Raises _Unusable with every cell that differs from the others in its items, or from its own record in its score.
    """
    aligned: list[_Items] = []
    wrong: dict[str, str] = {}
    for cell in cells:
        try:
            aligned.append(_fitting(sweep, cell, known.get(cell.cell), aligned[0] if aligned else None))
        except DataError as error:
            wrong[cell.cell] = str(error)
    if wrong:
        raise _Unusable(wrong)
    return aligned


def _fitting(sweep: Path, cell: CellRecord, copied: Scores | None, first: _Items | None) -> _Items:
    """The cell's scores, aligned with those of the first cell. A copy that does not fit may be damaged: the predictions
    decide. Raises DataError when they do not fit either.
    """
    if copied is not None:
        try:
            return _checked(cell, copied, first)
        except DataError as error:
            log.warning("%s: its copied scores do not fit, its predictions are read instead: %s", where(cell), error)
    return _checked(cell, _scores(sweep, cell), first)


def _summed(names: NDArray[np.str_], cells: Sequence[_Items]) -> LanguageScores:
    """num and den of every cell, summed by source item."""
    num, den = (
        by_cluster(names, np.column_stack([getattr(items, part) for items in cells]).astype(float))
        for part in ("num", "den")
    )
    return LanguageScores(num[0], num[1], den[1])


def source_items(languages: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> dict[str, NDArray[np.str_]]:
    """Language -> the source item of each example, from the ids and clusters of its examples.

    On a parallel test set a cluster is named after its first example. Languages need not have the same examples, and
    two premises may have one translation: what is one item in some language is one item in all.
    """
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while (above := root.get(name, name)) != name:
            name = above
        return name

    for ids, clusters in languages.values():
        if set(clusters) <= set(ids):
            for pair in zip(ids, clusters, strict=True):
                first, second = sorted(map(find, pair))
                root[second] = first
    return {
        language: np.asarray([find(name) for name in clusters], dtype=str)
        for language, (_, clusters) in languages.items()
    }


def _scores(sweep: Path, cell: CellRecord) -> Scores:
    """Those in the cell's own file."""
    table = read_columns(sweep, cell, ("id", "cluster", "num", "den"), optional="correct")
    ids, clusters = table["id"].combine_chunks(), table["cluster"].combine_chunks()
    num, den = (numbers(table[name].combine_chunks()) for name in ("num", "den"))
    there = "correct" in table.column_names
    correct = numbers(table["correct"].combine_chunks()) if there else None
    return Scores(ids, clusters, num, den, correct)


def _checked(cell: CellRecord, scores: Scores, first: _Items | None) -> _Items:
    """The items of a cell, in the order of `first`."""
    ids, clusters = scores.id, scores.cluster
    _check_sums(cell, scores.num, scores.den)
    items = _Items(cell, ids, clusters, scores.num, scores.den, scores.correct)
    if first is not None and _equal(ids, first.ids) and _equal(clusters, first.clusters):
        return replace(items, ids=first.ids, clusters=first.clusters)  # kept once
    if len(ids.unique()) != len(ids):
        raise DataError(f"ids are not unique in the predictions of: {where(cell)}")
    return _aligned(items, first) if first is not None else items


def _equal(one: Any, other: Any) -> bool:
    return one is other or bool(one.equals(other))


def _aligned(items: _Items, first: _Items) -> _Items:
    """The same items in the order of `first`."""
    order = match(first.ids.to_pylist(), items.ids.to_pylist(), where(first.cell), where(items.cell))
    if items.clusters.take(order).to_pylist() != first.clusters.to_pylist():
        raise DataError(f"source items (cluster) differ between: {where(first.cell)} and {where(items.cell)}")
    correct = None if items.correct is None else items.correct[order]
    return replace(items, num=items.num[order], den=items.den[order], correct=correct)


def read_columns(sweep: Path, cell: CellRecord, names: Sequence[str], *, optional: str | None = None) -> Any:
    """These columns of a cell's predictions, without missing values, and the column `optional` if it exists.

    Raises DataError, with the file, when it is missing or damaged, or has other columns or types.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if set("/\\") & set(cell.cell):  # a path: a table of cells may come from anywhere
        raise DataError(f"{cell.cell!r:.80} is not the digest of a cell: {where(cell)}")
    path = sweep / "predictions" / f"{cell.cell}.parquet"
    try:
        with pa.OSFile(str(path)) as opened, pq.ParquetFile(opened) as file:  # quicker than by name
            table = file.read(columns=[*names, *([optional] if optional else [])], use_threads=False)  # small files
        table.validate(full=True)  # texts are UTF-8
        lacking = [name for name in names if table.column_names.count(name) != 1]
        if lacking:
            raise DataError(f"predictions/{path.name} lacks the columns {', '.join(lacking)}, or they occur twice")
        for name in table.column_names:
            if table[name].null_count and name not in _MAY_BE_EMPTY:
                raise DataError(f"predictions/{path.name}: column {name} has empty values")
            kinds = {"num": pa.float64(), "den": pa.float64(), "choices": pa.int64(), "correct": pa.bool_()}
            kind = kinds.get(name, pa.string())
            if table[name].type != kind:
                table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    except FileNotFoundError:
        raise DataError(f"predictions/{path.name} is missing") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"predictions/{path.name} cannot be read: {error}") from error
    return table


def _check_sums(cell: CellRecord, num: Floats, den: Floats) -> None:
    total = float(den.sum())
    if not len(num) or not (den >= 0).all() or not np.isfinite(num).all():
        raise DataError(f"no examples, or invalid numbers, in the predictions of: {where(cell)}")
    score = float(num.sum()) / total if total else 0.0
    if cell.score is None or not abs(score - cell.score) <= 1e-4:  # also true of nan
        raise DataError(f"the predictions give a score of {score:.4f}, the cell says {cell.score}: {where(cell)}")
    if cell.n is not None and cell.n != len(num):
        raise DataError(f"the predictions are of {len(num)} examples, the cell says {cell.n}: {where(cell)}")


def match(reference: Sequence[str], ids: Sequence[str], reference_name: str, name: str) -> list[int]:
    """Positions in `ids` of every id of `reference`, in its order. Raises DataError unless both have the same ids, each
    once."""
    position = {identifier: i for i, identifier in enumerate(ids)}
    if len(position) != len(ids):
        raise DataError(f"ids are not unique in the predictions of: {name}")
    odd = set(reference) ^ set(ids)
    if odd:
        raise DataError(
            f"{len(odd)} ids occur in only one of two cells that must have the same items, among them "
            f"{min(odd)!r}: {reference_name} and {name}"
        )
    return [position[identifier] for identifier in reference]
