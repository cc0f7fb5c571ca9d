"""What a guess scores in each task and language of a study, read off the right answers beside its predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.analysis.chance import Chance
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.report.cells import Problem, where
from xtreme_noise.report.predictions import read_columns

CUTOFFS = {"map": None, "map_at_20": 20, "mrr_at_20": 20}  # of rankings, by metric
BETWEEN = " | "  # several right answers of one example
_reciprocal_rank = lru_cache(chance.reciprocal_rank)
_average_precision = lru_cache(chance.average_precision)


def read_chances(
    sweep: Path, cells: Sequence[CellRecord]
) -> tuple[dict[str, dict[str, Chance]], dict[tuple[str, str], Problem]]:
    """Task -> language -> what a guess scores, where it scores more than next to nothing; and of which it is not known.

    Of several files the first that can be read: all of a language have the same right answers.
    """
    found: dict[str, dict[str, Chance]] = defaultdict(dict)
    unknown: dict[tuple[str, str], Problem] = {}
    for cell in cells:
        if cell.status != "ok" or cell.language in found[cell.task] or not _guessed(cell):
            continue
        try:
            table = read_columns(sweep, cell, ("cluster", "gold"), optional="choices").to_pydict()
            right = _right(cell, table)
        except DataError as error:
            unknown[cell.task, cell.language] = Problem(where(cell), f"what a guess scores is not known: {error}")
            continue
        if right:
            found[cell.task][cell.language] = Chance(cell.metric or "", right, len(set(table["cluster"])))
    lost = {place: problem for place, problem in unknown.items() if place[1] not in found[place[0]]}
    return {task: languages for task, languages in found.items() if languages}, lost


def over(chances: Mapping[str, Chance], languages: Iterable[str]) -> Chance | None:
    """Of a mean over languages; None unless it is known in each.

    The items are those of one language: translations of an item are no further evidence.
    """
    some = [chances.get(language) for language in languages]
    known = [one for one in some if one is not None]
    if not known or len(known) < len(some):
        return None
    right = sum(one.right for one in known) / len(known)
    return Chance(known[0].metric, right, max(one.items for one in known))


def _guessed(cell: CellRecord) -> bool:
    """Whether there is a guess to speak of. Spans of tags, answers in a text and pairs of two corpora are so many that
    one at random is right next to never."""
    if cell.family in ("tagging", "qa"):
        return cell.metric in ("token_accuracy", "error_rate")
    return cell.family in ("classification", "multiple_choice", "retrieval", "ranking")


def _right(cell: CellRecord, table: Mapping[str, Sequence[Any]]) -> float | None:
    gold, choices = table["gold"], table.get("choices")
    if not gold or min(choices or [1]) < 1:
        raise DataError(f"no examples, or one without anything to choose from, in the predictions of: {where(cell)}")
    if cell.family == "retrieval":  # every example brings a candidate
        return chance.blind([len(gold)])
    if cell.family == "multiple_choice":  # records of earlier versions do not say of how many
        return chance.blind(choices or [max(2, len(set(gold)))])
    if cell.family == "ranking":
        return _of_rankings(cell, gold, choices) if choices else None
    if cell.family == "qa":
        cases: dict[Any, list[str]] = defaultdict(list)
        for case, answer in zip(table["cluster"], gold, strict=True):
            cases[case].append(answer)
        return chance.whole_cases(cases)
    return chance.majority([tag for sentence in gold for tag in sentence.split()] if cell.family == "tagging" else gold)


def _of_rankings(cell: CellRecord, gold: Sequence[str], candidates: Sequence[int]) -> float:
    guess = _reciprocal_rank if cell.metric == "mrr_at_20" else _average_precision
    expected = [
        guess(min(len(answers.split(BETWEEN)), count), count, CUTOFFS.get(cell.metric or ""))
        for answers, count in zip(gold, candidates, strict=True)
    ]
    return sum(expected) / len(expected)
