"""id, tokens, tags: one label per token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.errors import DataError
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import label_index


class Tagging(TaskFamily):
    name = "tagging"
    module = "xtreme_noise.modules.tagging:TaggingModule"
    features = "xtreme_noise.features.tagging:TaggingFeatures"
    noise_fields = {  # noqa: RUF012
        "tokens": NoiseField(("tokens",), "tokens"), "tokens_protected": NoiseField(("tokens",), "tokens_protected"),
    }  # fmt: skip
    metrics = ("span_f1", "token_accuracy")
    guessed = ("token_accuracy",)  # a random span is almost never right
    predictions_file = "tags"
    identity = ("tokens",)
    own_head = "ForTokenClassification"
    head = labelled = windows = class_scores = True
    least_labels = 2

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        tokens, tags = row.get("tokens"), row.get("tags")
        if not isinstance(tokens, list) or not isinstance(tags, list) or not tokens:
            raise DataError(f"{where}: expected non-empty lists 'tokens' and 'tags'")
        if len(tokens) != len(tags):
            raise DataError(f"{where}: {len(tokens)} tokens but {len(tags)} tags")
        for token in tokens:
            if not isinstance(token, str) or not token.strip():
                raise DataError(f"{where}: token {token!r:.200} is not text")
        return {"tokens": tokens, "tags": [label_index(tag, labels, where) for tag in tags]}

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        del metric
        return chance.majority([tag for sentence in table["gold"] for tag in sentence.split()])


family = Tagging()
