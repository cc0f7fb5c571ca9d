"""Span question answering: windows with a stride over long contexts, the best span over all windows.

Features and decoding follow the official recipe (Devlin et al. 2019; transformers' run_qa): a span scores
start + end logit, lies in the context of one window and has at most MAX_ANSWER tokens. With the label `unanswerable`
(SQuAD v2) the first token stands for "no answer": it is what such questions are trained on, and the prediction is empty
when even the window that speaks least for it gives it more than the best span has (a threshold of 0).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForQuestionAnswering

from xtreme_noise.data.batching import Feature
from xtreme_noise.data.examples import UNANSWERABLE
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import Columns, TaskModule, Unit, plain

log = logging.getLogger(__name__)
MAX_ANSWER = 30  # tokens, as in the official scripts
MAX_QUESTION = 64


class QAModule(TaskModule):
    """A unit is (question, context); its value the answer's text."""

    family = "qa"
    auto_class = AutoModelForQuestionAnswering

    @classmethod
    def head(cls, labels: Sequence[str]) -> dict[str, Any]:
        """Start and end: said outright, because a checkpoint may carry the number of labels of another task."""
        del labels
        return {"num_labels": 2}

    def _encode(self, questions: Sequence[str], contexts: Sequence[str]) -> tuple[Any, list[int]]:
        length = self.limits.max_length
        cut = min(MAX_QUESTION, length // 3)
        encoding = self.tokenizer(
            self._shortened(questions, cut),
            list(contexts),
            truncation="only_second",
            max_length=length,
            stride=min(self.limits.stride, (length - cut) // 3),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        return encoding, list(encoding["overflow_to_sample_mapping"])

    def _shortened(self, questions: Sequence[str], cut: int) -> list[str]:
        """Questions of at most `cut` tokens, as the official scripts cut them, so that the context has room."""
        offsets = self.tokenizer(
            list(questions),
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )["offset_mapping"]
        return [
            question if len(spans) <= cut else question[: spans[cut - 1][1]]
            for question, spans in zip(questions, offsets, strict=True)
        ]

    def training_features(self, columns: Columns) -> list[Feature]:
        encoding, sample = self._encode(columns["question"], columns["context"])
        names = self.tokenizer.model_input_names
        features = []
        whole = set()
        empty = [not answer["text"] for answer in columns["answers"]]
        for row, number in enumerate(sample):
            answer = columns["answers"][number]
            if empty[number]:
                features.append(plain(encoding, row, names) | {"start_positions": 0, "end_positions": 0})
                continue
            text = answer["text"][0]
            begin = answer["answer_start"][0] + len(text) - len(text.lstrip())  # white space at an edge has no token
            start, end = self._positions(encoding, row, begin, begin + len(text.strip()))
            if end:
                whole.add(number)
            feature = plain(encoding, row, names)
            features.append(feature | {"start_positions": start, "end_positions": end})
        if lost := empty.count(False) - len(whole):
            log.warning(
                "%d of %d answers are longer than what neighbouring windows share: no window holds one whole",
                lost,
                lost + len(whole),
            )
        return features

    @staticmethod
    def _positions(encoding: Any, row: int, begin: int, end: int) -> tuple[int, int]:
        """First and last token of the answer in a window; (0, 0), the first token, when it is not wholly there."""
        sequence, offsets = encoding.sequence_ids(row), encoding["offset_mapping"][row]
        inside = [
            at
            for at, (part, (low, high)) in enumerate(zip(sequence, offsets, strict=True))
            if part == 1 and low < end and high > begin and high > low
        ]
        if not inside or offsets[inside[0]][0] > begin or offsets[inside[-1]][1] < end:
            return 0, 0
        return inside[0], inside[-1]

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        return [(pair,) for pair in zip(columns["question"], columns["context"], strict=True)]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        encoding, sample = self._encode([question for question, _ in units], [context for _, context in units])
        names = self.tokenizer.model_input_names
        found: list[list[Feature]] = [[] for _ in units]
        for row, number in enumerate(sample):
            context = [
                offset if part == 1 else (0, 0)
                for part, offset in zip(encoding.sequence_ids(row), encoding["offset_mapping"][row], strict=True)
            ]
            found[number].append(plain(encoding, row, names) | {"_offsets": context})
        return found

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        found = self.model(**batch)
        both = torch.stack([found.start_logits, found.end_logits], dim=-1)
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
    """(score, first code point, code point after the last) of the best span of a window.

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
