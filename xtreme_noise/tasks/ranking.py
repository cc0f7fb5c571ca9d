"""test: id, query, relevant (ids of candidates); pool: id, text, context (absent when there is none); train, dev: id,
query, text, context (of the right candidate)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.errors import DataError
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import text_of

CUTOFFS = {"map": None, "map_at_20": 20, "mrr_at_20": 20}  # by metric
BETWEEN = " | "  # several right answers of one example
_reciprocal_rank = lru_cache(chance.reciprocal_rank)
_average_precision = lru_cache(chance.average_precision)


class Ranking(TaskFamily):
    name = "ranking"
    module = "xtreme_noise.modules.dual_encoder:DualEncoderModule"
    features = "xtreme_noise.features.ranking:RankingFeatures"
    noise_fields = {"query": NoiseField(("query",))}  # noqa: RUF012
    metrics = ("map", "map_at_20", "mrr_at_20")
    guessed = metrics
    predictions_file = "rankings"
    paragraphs = ("context",)
    together = "context"  # of the right candidate
    pooled = vectors = nearest = whole_batches = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        del labels
        if "relevant" in row:
            relevant = [row["relevant"]] if isinstance(row["relevant"], str) else row["relevant"]
            if not isinstance(relevant, list) or not relevant or not all(isinstance(i, str) and i for i in relevant):
                raise DataError(
                    f"{where}: column 'relevant' is {relevant!r:.200}, expected the ids of the right candidates"
                )
            return {"query": text_of(row, "query", where), "relevant": relevant}
        example: Row = {"query": text_of(row, "query", where)} if "query" in row else {}
        example["text"] = text_of(row, "text", where)
        if "context" in row:
            example["context"] = text_of(row, "context", where)
        return example

    def identify(self, example: Mapping[str, Any]) -> str:
        """The context of a candidate or a training example, else the query. A candidate without a context cannot leak:
        the same candidates may be right in training and in the test.
        """
        return str(example.get("context") or example.get("query") or "")

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        """None when the number of candidates is not known."""
        if not table.get("choices"):
            return None
        guess = _reciprocal_rank if metric == "mrr_at_20" else _average_precision
        expected = [
            guess(min(len(answers.split(BETWEEN)), count), count, CUTOFFS[metric])
            for answers, count in zip(table["gold"], table["choices"], strict=True)
        ]
        return sum(expected) / len(expected)


family = Ranking()
