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
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import Columns, TaskModule, Unit, plain
from xtreme_noise.tasks.qa import UNANSWERABLE

log = logging.getLogger(__name__)
MAX_ANSWER = 30  # tokens, as in the official scripts
MAX_QUESTION = 64


class QAModule(TaskModule):
    """A unit is (question, context); its value the answer's text."""

    family = "qa"
    auto_class = AutoModelForQuestionAnswering

    @classmethod
    def head(cls, labels: Sequence[str]) -> dict[str, Any]:
        """Two outputs, start and end; set here, because the checkpoint's config may have another task's labels."""
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
        """Questions truncated to `cut` tokens, as in the official scripts, so that the context has room."""
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
        places = _places(encoding, sample, columns["answers"])
        return [
            plain(encoding, row, names) | {"start_positions": start, "end_positions": end}
            for row, (start, end) in enumerate(places)
        ]

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


def _places(encoding: Any, sample: Sequence[int], answers: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """First and last token of the answer in each window; (0, 0), the first token, when it is not wholly in the window.

    sample: the example of each window. Characters without a token at an edge of an answer do not count: white space,
    and what a tokenizer drops (zero-width spaces) or composes (accents).
    """
    wanted = [_span(answer) if answer["text"] else None for answer in answers]
    inside = [_overlap(encoding, row, wanted[number]) for row, number in enumerate(sample)]
    every: dict[int, list[tuple[int, int]]] = {}  # answer -> the code points of its tokens, in all windows
    for row, number in enumerate(sample):
        every.setdefault(number, []).extend(encoding["offset_mapping"][row][at] for at in inside[row])
    places, whole = [], set()
    for row, number in enumerate(sample):
        span, tokens, offsets = wanted[number], inside[row], encoding["offset_mapping"][row]
        place = (0, 0)
        if span and tokens:
            begin = max(span[0], min(low for low, _ in every[number]))
            end = min(span[1], max(high for _, high in every[number]))
            if offsets[tokens[0]][0] <= begin and offsets[tokens[-1]][1] >= end:
                place = tokens[0], tokens[-1]
                whole.add(number)
        places.append(place)
    asked = [number for number, span in enumerate(wanted) if span]
    bare = sum(not every.get(number) for number in asked)
    if lost := len(asked) - len(whole) - bare:
        log.warning(
            "%d of %d answers are longer than the overlap of windows: no window contains all of one",
            lost, len(asked),
        )  # fmt: skip
    if bare:
        log.warning("%d of %d answers have no token: the tokenizer drops all of their characters", bare, len(asked))
    return places


def _span(answer: Mapping[str, Any]) -> tuple[int, int]:
    """The code points of the first answer, without surrounding white space, which may belong to a neighbour's token."""
    text, start = answer["text"][0], answer["answer_start"][0]
    begin = start + len(text) - len(text.lstrip())
    return begin, begin + len(text.strip())


def _overlap(encoding: Any, row: int, span: tuple[int, int] | None) -> list[int]:
    """The tokens of a window's context that overlap with the span."""
    if span is None:
        return []
    parts = zip(encoding.sequence_ids(row), encoding["offset_mapping"][row], strict=True)
    return [at for at, (part, (low, high)) in enumerate(parts) if part == 1 and max(low, span[0]) < min(high, span[1])]


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
