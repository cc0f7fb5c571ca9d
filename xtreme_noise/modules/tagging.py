"""Tagging (POS, slots, NER): one tag per token, predicted at the token's first subword.

Inputs that are too long are split into windows at token borders, never truncated: every token gets a tag.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor
from transformers import AutoModelForTokenClassification

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.features.tagging import TaggingFeatures
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.class_scores import LogProbabilities, log_probabilities


class _Tags(NamedTuple):
    """The tags of the tokens of an input, and the scores of all tags (tokens, tags) if the module keeps them."""

    tags: list[int]
    scores: LogProbabilities | None


class TaggingModule(TaggingFeatures, TaskModule):
    """A unit is the tuple of tokens; its value one tag index per token, with the scores of all tags on request."""

    family = "tagging"
    auto_class = AutoModelForTokenClassification

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        return [(tuple(tokens),) for tokens in columns["tokens"]]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        return self._windows(units)

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        logits = self.by_label(self.model(**batch).logits)
        tags = logits.argmax(-1).cpu().tolist()
        scores = log_probabilities(logits) if self.keep_scores else [None] * len(tags)
        return answers(list(map(_Tags, tags, scores)), logits, batch["attention_mask"])

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit
        tags, scores = [], []
        for window, row in zip(windows, outputs, strict=True):
            tags += [row.tags[head] for head in window["_heads"]]
            if row.scores is not None:
                scores.append(row.scores[window["_heads"]])
        return _Tags(tags, np.concatenate(scores) if scores else None)

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        return [" ".join(self.labels[tag] for tag in values[unit].tags) for (unit,) in self.units(columns)]

    def class_scores(self, columns: Columns, values: Mapping[Unit, Any]) -> list[LogProbabilities]:
        return [values[unit].scores.ravel() for (unit,) in self.units(columns)]

    def gold(self, columns: Columns) -> list[str]:
        return [" ".join(self.labels[tag] for tag in tags) for tags in columns["tags"]]
