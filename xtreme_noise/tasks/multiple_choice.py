"""id, text, question (absent when the task has none), choices, label (its number, from 0)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count, takewhile
from typing import Any

from xtreme_noise.analysis import chance
from xtreme_noise.errors import DataError
from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import label_index, text_of


class MultipleChoice(TaskFamily):
    name = "multiple_choice"
    module = "xtreme_noise.modules.multiple_choice:MultipleChoiceModule"
    features = "xtreme_noise.features.multiple_choice:MultipleChoiceFeatures"
    noise_fields = {  # noqa: RUF012
        "text": NoiseField(("text",)), "choices": NoiseField(("choices",), "choices"),
        "both": NoiseField(("text", "choices"), "choices"),
    }  # fmt: skip
    metrics = ("accuracy",)
    guessed = ("accuracy",)
    predictions_file = "choices"
    identity = ("text", "choices")
    own_head = "ForMultipleChoice"
    head = class_scores = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        """Choices are one list, or columns that are mapped to choice_0, choice_1 ..."""
        del labels
        example: Row = {"text": text_of(row, "text", where)}
        if "question" in row:
            example["question"] = text_of(row, "question", where)
        names = list(takewhile(lambda name: name in row, (f"choice_{number}" for number in count())))
        choices = row["choices"] if "choices" in row else [text_of(row, name, where) for name in names]
        if (
            not isinstance(choices, list)
            or len(choices) < 2
            or not all(isinstance(c, str) and c.strip() for c in choices)
        ):
            raise DataError(f"{where}: expected at least two non-empty choices, got {choices!r:.200}")
        example["choices"] = choices
        example["label"] = label_index(row.get("label"), [str(number) for number in range(len(choices))], where)
        return example

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        """One of the choices, or always the place that is right most often. Predictions of earlier versions lack the
        number of choices.
        """
        del metric
        blind = chance.blind(table.get("choices") or [max(2, len(set(table["gold"])))])
        return max(blind, chance.majority(table["gold"]))


family = MultipleChoice()
