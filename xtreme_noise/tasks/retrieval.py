"""id, query, candidate: the candidate of the same row is the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import text_of


class Retrieval(TaskFamily):
    name = "retrieval"
    module = "xtreme_noise.modules.retrieval:RetrievalModule"
    noise_fields = {  # noqa: RUF012
        "query": NoiseField(("query",)), "candidate": NoiseField(("candidate",)),
        "both": NoiseField(("query", "candidate")),
    }  # fmt: skip
    metrics = ("accuracy",)
    guessed = ("accuracy",)
    predictions_file = "rows"
    identity = ("query", "candidate")
    vectors = layers = nearest = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        del labels
        return {"query": text_of(row, "query", where), "candidate": text_of(row, "candidate", where)}

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        """The candidates are those of all examples."""
        del metric
        return chance.blind([len(table["gold"])])


family = Retrieval()
