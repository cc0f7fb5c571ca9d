"""Features of multiple choice: the first text of a pair is text and question, the second is the choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xtreme_noise.features.base import Columns, Features, Unit, plain

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature


class MultipleChoiceFeatures(Features):
    """One feature for each example, with one row for each choice."""

    @staticmethod
    def tokens(feature: Feature) -> int:
        return sum(len(row["input_ids"]) for row in feature["rows"])

    def _encode(self, pairs: Sequence[tuple[str, str]]) -> list[Feature]:
        encoding = self.tokenizer(
            [text for text, _ in pairs],
            [choice for _, choice in pairs],
            truncation=True,
            max_length=self.limits.max_length,
        )
        return [plain(encoding, row, self.tokenizer.model_input_names) for row in range(len(pairs))]

    def training_features(self, columns: Columns) -> list[Feature]:
        units: list[Any] = self.units(columns)
        rows = iter(self._encode([pair for pairs in units for pair in pairs]))
        return [
            {"rows": [next(rows) for _ in pairs], "label": label}
            for pairs, label in zip(units, columns["label"], strict=True)
        ]

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        questions = columns["question"] if "question" in columns else [None] * len(columns["text"])
        return [
            tuple((text if question is None else f"{text} {question}", choice) for choice in choices)
            for text, question, choices in zip(columns["text"], questions, columns["choices"], strict=True)
        ]
