"""Filling the gap of a prompt with one of several choices, without training: factual probing as in BMLAMA.

By a masked-LM head, as Qi et al. (2023, arXiv 2310.10378) score encoders: the gap becomes one mask for each subword of
a choice; the subwords are read from left to right, each in the place of its mask once it is scored; the score is the
mean of their log-probabilities. Where a checkpoint has no such head, the score is the cosine of two vectors, as in
asymmetric retrieval: of the prompt with "..." for the gap as the query, and of the choice as the passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit, plain
from xtreme_noise.finite import answers, unit_vectors
from xtreme_noise.modules.class_scores import LogProbabilities, log_probabilities
from xtreme_noise.modules.masked_lm import MaskedLMModule
from xtreme_noise.modules.pooling import pool
from xtreme_noise.tasks.cloze import GAP

BLANK = "..."  # for the gap, in a query
SCALE = 100.0  # of cosines, before the softmax of class scores: the temperature .01 that e5 was trained with
WORD_START = "▁"  # a subword of its own before a word that SentencePiece has no other beginning for


class _Filled(NamedTuple):
    """A unit: a prompt and what may fill its gap."""

    prompt: str
    choice: str


class _Text(NamedTuple):
    """A unit: a query or a passage, with its prefix."""

    text: str


class ClozeModule(MaskedLMModule):
    """masked: whether choices are scored by the masked-LM head. A unit is then a filled prompt, its value the score, a
    float; otherwise it is a text, its value a unit vector, float32 of shape (hidden,).
    """

    family = "cloze"
    renews = False
    masked = True

    def training_features(self, columns: Columns) -> list[Feature]:
        del columns
        raise TypeError("tasks of the family cloze are evaluated without training")

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        """A unit for each choice; before them, without the head, the one of the prompt."""
        pairs = zip(columns["prompt"], columns["choices"], strict=True)
        if self.masked:
            return [tuple(_Filled(prompt, choice) for choice in choices) for prompt, choices in pairs]
        return [
            (
                _Text(self.prefix + prompt.replace(GAP, BLANK)),
                *(_Text(self.passage_prefix + choice) for choice in choices),
            )
            for prompt, choices in pairs
        ]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        if self.masked:
            return self._filled(units)
        encoding = self.tokenizer([unit.text for unit in units], truncation=True, max_length=self.limits.max_length)
        return [[plain(encoding, row, self.tokenizer.model_input_names)] for row in range(len(units))]

    def _filled(self, units: Sequence[_Filled]) -> list[list[Feature]]:
        """One window for each subword of the choice; `labels` is that subword at its mask, -100 elsewhere."""
        before, after = self.frame
        room = self.limits.max_length - len(before) - len(after)
        choices = self._choices(units, room)
        texts = [self._masked_text(unit, len(ids)) for unit, ids in zip(units, choices, strict=True)]
        distinct = list(dict.fromkeys(texts))
        known = dict(zip(distinct, self.tokenizer(distinct, add_special_tokens=False)["input_ids"], strict=True))
        found = []
        for text, choice in zip(texts, choices, strict=True):
            ids, first = self._window(known[text], len(choice), room)
            found.append(
                [self._step([*before, *ids, *after], len(before) + first, choice, n) for n in range(len(choice))]
            )
        return found

    def _choices(self, units: Sequence[_Filled], room: int) -> list[list[int]]:
        """The subwords of the choices, cut to `room`. Without a space before the gap, as in Chinese, a lone WORD_START
        is dropped, as Qi et al. do for Chinese.
        """
        distinct = list(dict.fromkeys(unit.choice for unit in units))
        known = dict(zip(distinct, self.tokenizer(distinct, add_special_tokens=False)["input_ids"], strict=True))
        start = self.tokenizer.convert_tokens_to_ids(WORD_START)
        found = []
        for unit in units:
            ids = list(known[unit.choice]) or [self.tokenizer.unk_token_id]
            if len(ids) > 1 and ids[0] == start and _joined(unit.prompt):
                ids = ids[1:]
            found.append(ids[:room])
        return found

    def _masked_text(self, unit: _Filled, count: int) -> str:
        glue = "" if _joined(unit.prompt) else " "
        return unit.prompt.replace(GAP, glue.join([self.tokenizer.mask_token] * count))

    def _window(self, ids: Sequence[int], count: int, room: int) -> tuple[list[int], int]:
        """At most `room` ids around the masks, and the place of the first mask in them."""
        first = list(ids).index(self.tokenizer.mask_token_id)
        begin = max(0, min(first - (room - count) // 2, len(ids) - room))
        return list(ids[begin : begin + room]), first - begin

    def _step(self, ids: list[int], first: int, choice: Sequence[int], number: int) -> Feature:
        """The window in which subword `number` of the choice is scored: those before it are filled in."""
        filled, labels, at = list(ids), [-100] * len(ids), first + number
        filled[first:at], labels[at] = choice[:number], choice[number]
        feature = {"input_ids": filled, "attention_mask": [1] * len(ids), "labels": labels}
        if "token_type_ids" in self.tokenizer.model_input_names:
            feature["token_type_ids"] = [0] * len(ids)
        return feature

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        if not self.masked:
            states = self.model.base_model(**batch).last_hidden_state
            return unit_vectors(pool(states.float(), batch["attention_mask"], self.pooling))
        labels = batch.pop("labels")
        chosen = labels != -100  # one place in each row
        found = self._logits(batch, chosen)[0].log_softmax(-1).gather(1, labels[chosen].unsqueeze(1)).cpu()
        return answers(found.squeeze(1).tolist(), found)

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return sum(outputs) / len(outputs) if self.masked else outputs[0]

    def _scores(self, columns: Columns, values: Mapping[Unit, Any]) -> list[list[float]]:
        """The score of every choice of every example."""
        found = []
        for units in self.units(columns):
            own = [values[unit] for unit in units]
            found.append(own if self.masked else [float(own[0] @ vector) for vector in own[1:]])
        return found

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        """The number of the choice with the highest score, counted from 0; ties go to the first."""
        return [str(max(range(len(row)), key=row.__getitem__)) for row in self._scores(columns, values)]

    def class_scores(self, columns: Columns, values: Mapping[Unit, Any]) -> list[LogProbabilities]:
        """Logarithms of the softmax over the choices, of cosines times SCALE."""
        scale = 1.0 if self.masked else SCALE
        return [log_probabilities(scale * torch.tensor(row)) for row in self._scores(columns, values)]

    def choices(self, columns: Columns) -> list[int] | None:
        return [len(some) for some in columns["choices"]]

    def gold(self, columns: Columns) -> list[str]:
        return [str(label) for label in columns["label"]]


def _joined(prompt: str) -> bool:
    """Whether a letter comes before the gap, without a space between."""
    before = prompt[: prompt.index(GAP)]
    return bool(before) and not before[-1].isspace()
