"""id, text, text_pair (absent when the task has one text), label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import label_index, text_of


class Classification(TaskFamily):
    name = "classification"
    module = "xtreme_noise.modules.classification:ClassificationModule"
    features = "xtreme_noise.features.classification:ClassificationFeatures"
    noise_fields = {  # noqa: RUF012
        "text": NoiseField(("text",)), "text_pair": NoiseField(("text_pair",)),
        "both": NoiseField(("text", "text_pair")),
    }  # fmt: skip
    metrics = ("accuracy",)
    guessed = ("accuracy",)
    predictions_file = "labels"
    identity = ("text", "text_pair")
    together = "text"  # a premise
    own_head = "ForSequenceClassification"
    head = labelled = class_scores = True
    least_labels = 2

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        example: Row = {"text": text_of(row, "text", where)}
        if "text_pair" in row:
            example["text_pair"] = text_of(row, "text_pair", where)
        example["label"] = label_index(row.get("label"), labels, where)
        return example

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        del metric
        return chance.majority(table["gold"])


family = Classification()
