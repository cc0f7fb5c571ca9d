"""Bitext mining: id, query, relevant (ids of its translations, none for most); the other side: id, text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.errors import DataError
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import text_of


class Mining(TaskFamily):
    name = "mining"
    module = "xtreme_noise.modules.mining:MiningModule"
    noise_fields = {"query": NoiseField(("query",))}  # noqa: RUF012
    metrics = ("bucc_f1",)
    predictions_file = "pairs"
    identity = ("query", "text")
    pooled = vectors = layers = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        del labels
        if "relevant" not in row:
            return {"text": text_of(row, "text", where)}
        relevant = row["relevant"]
        if not isinstance(relevant, list) or not all(isinstance(i, str) and i for i in relevant):
            raise DataError(
                f"{where}: column 'relevant' is {relevant!r:.200}, expected a list of the ids of its translations"
            )
        return {"query": text_of(row, "query", where), "relevant": relevant}


family = Mining()
