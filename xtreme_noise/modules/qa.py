"""Span question answering: windows with a stride over long contexts, the best span over all windows.

Features and decoding follow the official recipe (Devlin et al. 2019; transformers' run_qa): the score of a span is the
sum of its start and end logits; it lies in the context of one window and has at most MAX_ANSWER tokens. With the label
`unanswerable` (SQuAD v2) the first token stands for "no answer": it is the training target of such questions, and the
prediction is empty when its lowest score over all windows is above that of the best span (a threshold of 0).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForQuestionAnswering

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit, plain
from xtreme_noise.features.qa import QAFeatures
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.tasks.qa import UNANSWERABLE

log = logging.getLogger(__name__)
MAX_ANSWER = 30  # tokens, as in the official scripts
MAX_QUESTION = 64


class QAModule(QAFeatures, TaskModule):
    """A unit is (question, context); its value the answer's text."""

    family = "qa"
    auto_class = AutoModelForQuestionAnswering

    @classmethod
    def head(cls, labels: Sequence[str]) -> dict[str, Any]:
        """Two outputs, start and end; set here, because the checkpoint's config may have another task's labels."""
        del labels
        return {"num_labels": 2}

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        return [(pair,) for pair in zip(columns["question"], columns["context"], strict=True)]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        encoding, sample = self._encode([question for question, _ in units], [context for _, context in units])
        names = self.tokenizer.model_input_names
        windows: list[list[Feature]] = [[] for _ in units]
        for row, number in enumerate(sample):
            context = [
                offset if part == 1 else (0, 0)
                for part, offset in zip(encoding.sequence_ids(row), encoding["offset_mapping"][row], strict=True)
            ]
            windows[number].append(plain(encoding, row, names) | {"_offsets": context})
        return windows

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        output = self.model(**batch)
        both = torch.stack([output.start_logits, output.end_logits], dim=-1)
        return answers(list(both.transpose(1, 2).float().cpu()), both, batch["attention_mask"])

    def value(self, unit: Any, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        best, answer, none = float("-inf"), "", float("inf")
        for window, logits in zip(windows, outputs, strict=True):
            score, low, high = best_span(logits, window["_offsets"])
            none = min(none, float(logits[0, 0] + logits[1, 0]))
            if score > best:
                best, answer = score, unit[1][low:high]
        return "" if UNANSWERABLE in self.labels and none > best else answer

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        return [values[unit] for (unit,) in self.units(columns)]

    def gold(self, columns: Columns) -> list[list[str]]:
        return [list(answer["text"]) or [""] for answer in columns["answers"]]


def best_span(logits: Tensor, offsets: Sequence[tuple[int, int]]) -> tuple[float, int, int]:
    """(score, start, end) of the best span of a window, in code points.

    logits: (2, tokens) start and end; offsets: code points of each token, (0, 0) outside the context.
    """
    length = len(offsets)
    inside = torch.tensor([high > low for low, high in offsets])
    start = logits[0, :length].masked_fill(~inside, -1e9)
    end = logits[1, :length].masked_fill(~inside, -1e9)
    scores = start[:, None] + end[None, :]
    allowed = torch.ones(length, length, dtype=torch.bool).triu() & ~torch.ones(length, length, dtype=torch.bool).triu(
        MAX_ANSWER
    )
    scores = scores.masked_fill(~allowed, float("-inf"))
    best = int(scores.argmax())
    first, last = divmod(best, length)
    return float(scores[first, last]), offsets[first][0], offsets[last][1]
