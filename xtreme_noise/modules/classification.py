"""Sentence and sentence-pair classification: one label per example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from transformers import AutoModelForSequenceClassification

from xtreme_noise.data.batching import Feature
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import Columns, TaskModule, Unit, plain
from xtreme_noise.modules.class_scores import LogProbabilities, log_probabilities


class ClassificationModule(TaskModule):
    """A unit is (text, text pair or None); its value the logits, a list of len(labels) floats."""

    family = "classification"
    auto_class = AutoModelForSequenceClassification

    def _encode(self, texts: list[str], pairs: list[str] | None) -> list[Feature]:
        encoding = self.tokenizer(texts, pairs, truncation=True, max_length=self.limits.max_length)
        names = self.tokenizer.model_input_names
        return [plain(encoding, row, names) for row in range(len(texts))]

    def training_features(self, columns: Columns) -> list[Feature]:
        pairs = list(columns["text_pair"]) if "text_pair" in columns else None
        features = self._encode(list(columns["text"]), pairs)
        return [f | {"labels": label} for f, label in zip(features, columns["label"], strict=True)]

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        pairs = columns["text_pair"] if "text_pair" in columns else [None] * len(columns["text"])
        return [((text, pair),) for text, pair in zip(columns["text"], pairs, strict=True)]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        texts = [text for text, _ in units]
        pairs = None if units[0][1] is None else [pair for _, pair in units]
        return [[feature] for feature in self._encode(texts, pairs)]

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        logits = self.model(**batch).logits.float().cpu()
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
