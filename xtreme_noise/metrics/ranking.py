"""Metrics over rankings of candidates.

XTREME-R scores LAReQA with mAP@20 and Mewsli-X with MRR@20, which its paper calls mAP@20. A query's score is in [0, 1].
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar

from xtreme_noise.errors import DataError
from xtreme_noise.metrics.base import Metric, Scored, same_length


def average_precision(ranked: Sequence[str], relevant: Collection[str], cutoff: int | None = None) -> float:
    """Mean precision at the ranks of the relevant candidates within the first `cutoff` (None: all).

    Divided by min(relevant, cutoff), as in the official LAReQA script, so that the maximum is 1; trec_eval's map_cut
    divides by the number of relevant candidates, which is the same when there are at most `cutoff`.
    """
    hits, total = 0, 0.0
    wanted = set(relevant)
    for rank, candidate in enumerate(ranked[:cutoff], 1):
        if candidate in wanted:
            hits += 1
            total += hits / rank
    return total / (len(wanted) if cutoff is None else min(len(wanted), cutoff))


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str], cutoff: int | None = None) -> float:
    """1 / rank of the first relevant candidate; 0 when none is within the first `cutoff` (None: all)."""
    wanted = set(relevant)
    return next((1 / rank for rank, candidate in enumerate(ranked[:cutoff], 1) if candidate in wanted), 0.0)


class Ranking(Metric):
    """A prediction is a JSON list of candidate ids, best first; gold is the ids of the relevant candidates.

    Raises DataError when an id is ranked twice, and for a query without a relevant candidate.
    """

    cutoff: ClassVar[int | None] = None

    @abstractmethod
    def query(self, ranked: Sequence[str], relevant: Collection[str]) -> float:
        """The score of one query."""

    def score(self, predictions: Sequence[str], gold: Sequence[Collection[str]]) -> Scored:
        same_length(predictions, gold)
        num, correct = [], []
        for prediction, relevant in zip(predictions, gold, strict=True):
            ranked = _ids(prediction)
            if not relevant:
                raise DataError("a query has no relevant candidate: its score is not defined")
            num.append(self.query(ranked, relevant))
            correct.append(bool(ranked) and ranked[0] in relevant)
        return Scored(sum(num) / len(num), num, [1.0] * len(num), list(correct))

    def decisions(self, prediction: str, gold: Collection[str]) -> list[tuple[str, bool]]:
        """One decision per query: the first candidate."""
        first = _ids(prediction)[:1]
        return [(first[0] if first else "", bool(first) and first[0] in gold)]


def _ids(prediction: str) -> list[str]:
    try:
        ranked = json.loads(prediction)
    except json.JSONDecodeError:
        ranked = None
    if not isinstance(ranked, list) or not all(isinstance(candidate, str) for candidate in ranked):
        raise DataError(f"expected a JSON list of candidate ids, not {prediction[:80]!r}")
    if len(set(ranked)) < len(ranked):
        twice = next(candidate for candidate in ranked if ranked.count(candidate) > 1)
        raise DataError(f"candidate {twice!r} is ranked twice for one query")
    return ranked


class MeanAveragePrecision(Ranking):
    """map/v1: mean over queries of the average precision over the whole ranking."""

    name = "map"

    def query(self, ranked: Sequence[str], relevant: Collection[str]) -> float:
        return average_precision(ranked, relevant, self.cutoff)


class MeanAveragePrecisionAt20(MeanAveragePrecision):
    """map_at_20/v1: mean average precision over the first 20 candidates (LAReQA in XTREME-R)."""

    name = "map_at_20"
    cutoff = 20


class ReciprocalRankAt20(Ranking):
    """mrr_at_20/v1: mean over queries of 1 / rank of the first relevant candidate among 20 (Mewsli-X in XTREME-R)."""

    name = "mrr_at_20"
    cutoff = 20

    def query(self, ranked: Sequence[str], relevant: Collection[str]) -> float:
        return reciprocal_rank(ranked, relevant, self.cutoff)
