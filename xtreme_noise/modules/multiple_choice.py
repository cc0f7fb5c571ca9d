"""Multiple choice: one score for each choice, the highest wins (XCOPA, Social IQa, HellaSwag).

As in XTREME-R's run_xcopa.py: the first text of a pair is text and question, the second is the choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForMultipleChoice

from xtreme_noise.data.batching import Feature, pad
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.features.multiple_choice import MultipleChoiceFeatures
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.class_scores import LogProbabilities, log_probabilities


class MultipleChoiceModule(MultipleChoiceFeatures, TaskModule):
    """A unit is (text with question, choice); its value the score of the choice, a float."""

    family = "multiple_choice"
    auto_class = AutoModelForMultipleChoice

    @classmethod
    def head(cls, labels: Sequence[str]) -> dict[str, Any]:
        """No settings: one output per choice, as the number of choices may differ between examples."""
        del labels
        return {}

    @staticmethod
    def collate(features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """Rows are choices, grouped by example; `choices` is the number of choices of each example."""
        batch = pad([row for feature in features for row in feature["rows"]], pad_id)
        batch["choices"] = torch.tensor([len(feature["rows"]) for feature in features])
        batch["labels"] = torch.tensor([feature["label"] for feature in features])
        return batch

    def _scores(self, rows: Mapping[str, Tensor]) -> Tensor:
        """(rows,) scores: every row is passed as an example with one choice, so that the number may differ."""
        scores: Tensor = self.model(**{name: tensor.unsqueeze(1) for name, tensor in rows.items()}).logits
        return scores.squeeze(1)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        rows = dict(batch)
        labels, counts = rows.pop("labels"), rows.pop("choices")
        scores = torch.nn.utils.rnn.pad_sequence(
            list(torch.split(self._scores(rows).float(), counts.tolist())),
            batch_first=True,
            padding_value=float("-inf"),
        )
        return torch.nn.functional.cross_entropy(scores, labels)

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        return [[feature] for feature in self._encode(units)]

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        scores = self._scores(batch).float().cpu()
        return answers(scores.tolist(), scores.unsqueeze(1))

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return outputs[0]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        """The number of the choice with the highest score, counted from 0; ties go to the first."""
        scores = [[values[unit] for unit in units] for units in self.units(columns)]
        return [str(max(range(len(row)), key=row.__getitem__)) for row in scores]

    def class_scores(self, columns: Columns, values: Mapping[Unit, Any]) -> list[LogProbabilities]:
        return [log_probabilities([values[unit] for unit in units]) for units in self.units(columns)]

    def choices(self, columns: Columns) -> list[int] | None:
        return [len(some) for some in columns["choices"]]

    def gold(self, columns: Columns) -> list[str]:
        return [str(label) for label in columns["label"]]
