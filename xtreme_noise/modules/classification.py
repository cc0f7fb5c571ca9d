"""Sentence and sentence-pair classification: one label per example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from transformers import AutoModelForSequenceClassification

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.features.classification import ClassificationFeatures
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.class_scores import LogProbabilities, log_probabilities


class ClassificationModule(ClassificationFeatures, TaskModule):
    """A unit is (text, text pair or None); its value the logits, a list of len(labels) floats."""

    family = "classification"
    auto_class = AutoModelForSequenceClassification

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        pairs = columns["text_pair"] if "text_pair" in columns else [None] * len(columns["text"])
        return [((text, pair),) for text, pair in zip(columns["text"], pairs, strict=True)]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        texts = [text for text, _ in units]
        pairs = None if units[0][1] is None else [pair for _, pair in units]
        return [[feature] for feature in self._encode(texts, pairs)]

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        logits = self.by_label(self.model(**batch).logits).float().cpu()
        return answers(logits.tolist(), logits)

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return outputs[0]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        logits = [values[unit] for (unit,) in self.units(columns)]
        return [self.labels[max(range(len(row)), key=row.__getitem__)] for row in logits]

    def class_scores(self, columns: Columns, values: Mapping[Unit, Any]) -> list[LogProbabilities]:
        return list(log_probabilities([values[unit] for (unit,) in self.units(columns)]))

    def gold(self, columns: Columns) -> list[str]:
        return [self.labels[label] for label in columns["label"]]
