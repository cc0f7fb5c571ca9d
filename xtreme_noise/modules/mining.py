"""Bitext mining without training: sentence vectors as in retrieval, pairs scored by margin, cut at a threshold.

Source of the protocol: XTREME's BUCC (ratio margin over 4 neighbours, both directions, one threshold tuned beforehand).
As there, identical sentences count once, and pairs with a text that has several ids are dropped, because the id is
ambiguous. Unlike there, layer and pooling are settings of the model (its script takes the first token of a middle
layer).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.mining import half, mine
from xtreme_noise.modules.dual_encoder import Candidates
from xtreme_noise.modules.retrieval import RetrievalModule


class MinedPair(NamedTuple):
    """The ids of two paired sentences, and the score of the pair."""

    query: str
    candidate: str
    score: float


class MiningModule(RetrievalModule):
    """A unit is a text, of either side; its value a unit vector, float32 of shape (hidden,).

    candidates: the other side, every distinct text once, with id "" for a text with several ids. thresholds: one for
    all sentences, or one for each half of the set.
    """

    family = "mining"
    candidates: Candidates | None = None
    thresholds: Sequence[float] = ()

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        """Sentences of one of the two sides."""
        return [(text,) for text in columns["query" if "query" in columns else "text"]]

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return outputs[0][0]

    @staticmethod
    def mined(columns: Columns, values: Mapping[Unit, Any], candidates: Candidates) -> list[MinedPair]:
        """The pairs of these sentences with the candidates, best first, each sentence once, before any threshold."""
        ids, texts = distinct(columns["id"], columns["query"])
        best = mine(np.stack([values[text] for text in texts]), candidates.vectors)
        rows = zip(best.left.tolist(), best.right.tolist(), best.scores.tolist(), strict=True)
        pairs = [MinedPair(ids[left], candidates.ids[right], score) for left, right, score in rows]
        return [pair for pair in pairs if pair.query and pair.candidate]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        """The id that each sentence is paired with; "" when no pair reaches the threshold."""
        if self.candidates is None or not self.thresholds:
            raise TypeError("mining needs candidates and a threshold")
        pairs = self.mined(columns, values, self.candidates)
        taken = {pair.query: pair.candidate for pair in pairs if pair.score >= self._threshold(pair.query)}
        return [taken.get(name, "") for name in columns["id"]]

    def _threshold(self, identifier: str) -> float:
        return self.thresholds[half(identifier) if len(self.thresholds) > 1 else 0]

    def further(self, columns: Columns, values: Mapping[Unit, Any]) -> dict[str, list[str]]:
        del columns, values
        return {}

    def gold(self, columns: Columns) -> list[Any]:
        return [list(ids) for ids in columns["relevant"]]


def distinct(ids: Sequence[str], texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """(ids, texts) of distinct texts in the order of their first occurrence; id "" for a text with several ids."""
    counts = Counter(texts)
    names: dict[str, str] = {}
    for name, text in zip(ids, texts, strict=True):
        names.setdefault(text, name if counts[text] == 1 else "")
    return list(names.values()), list(names)
