"""Features of questions: windows with a stride over long contexts, as in the official recipe (modules/qa.py)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xtreme_noise.features.base import Columns, Features, plain

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature

log = logging.getLogger(__name__)
MAX_QUESTION = 64


class QAFeatures(Features):
    """One feature for each window of a context."""

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
