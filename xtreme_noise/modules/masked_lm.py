"""Masked language modelling: of a text (MLM), or of a text with its translation (TLM, Conneau and Lample 2019).

In every epoch, 15 % of the tokens of an input are chosen; of those, 80 % become the mask token, 10 % another token, and
10 % stay (Devlin et al. 2019). The head scores only chosen positions: with a large vocabulary, the others would take
most of the time and memory. A checkpoint without a language-model head gets a new one, tied to the embeddings.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import AutoModelForMaskedLM

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.features.masked_lm import MaskedLMFeatures
from xtreme_noise.finite import answers
from xtreme_noise.modules.base import TaskModule

log = logging.getLogger(__name__)
CHOSEN = 0.15  # of the tokens that are not special tokens; at least one
MASKED, REPLACED = 0.8, 0.1  # of the chosen


class MaskedLMModule(MaskedLMFeatures, TaskModule):
    """A unit is (text, its translation or None); its value the ids predicted at the chosen positions.

    On the dev set the choice depends only on the text, so that epochs are compared on the same positions.
    """

    family = "masked_lm"
    auto_class = AutoModelForMaskedLM
    pretrained_head = True
    renews = True

    @classmethod
    def head(cls, labels: Sequence[str]) -> dict[str, Any]:
        """No settings: the vocabulary is the checkpoint's."""
        del labels
        return {}

    def renew(self, features: Sequence[Feature], epoch: int, seed: int) -> list[Feature]:
        random = np.random.Generator(np.random.Philox(key=[seed, epoch]))
        return [self._masked(feature, random) for feature in features]

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        inputs = dict(batch)
        labels = inputs.pop("labels")
        chosen = labels != -100
        return language_loss(self._logits(inputs, chosen)[0], labels[chosen])

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        return [(pair,) for pair in self._pairs(columns)]

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        masked = []
        for unit, windows in zip(units, self._windows(units), strict=True):
            name = hashlib.blake2b(repr(unit).encode(), digest_size=16).digest()
            random = np.random.Generator(np.random.Philox(key=np.frombuffer(name, np.uint64)))
            masked.append([self._masked(window, random) for window in windows])
        return masked

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        labels = batch.pop("labels")
        chosen = labels != -100
        logits = self._logits(batch, chosen)[0]
        best = torch.split(logits.argmax(-1).cpu(), chosen.sum(1).tolist())
        largest = torch.zeros(chosen.shape, device=logits.device).masked_scatter(chosen, logits.abs().amax(-1))
        return answers([row.tolist() for row in best], largest)

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return [token for row in outputs for token in row]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        return [" ".join(map(str, values[unit])) for (unit,) in self.units(columns)]

    def gold(self, columns: Columns) -> list[str]:
        rows = ((label for window in windows for label in window["labels"]) for windows in self._units_of(columns))
        return [" ".join(str(label) for label in row if label != -100) for row in rows]

    def _units_of(self, columns: Columns) -> list[list[Feature]]:
        return self.features([unit for (unit,) in self.units(columns)])

    @cached_property
    def _ordinary(self) -> NDArray[np.int64]:
        """Ids that may replace a token."""
        count = min(len(self.tokenizer), self.model.config.vocab_size)
        return np.setdiff1d(np.arange(count), self.tokenizer.all_special_ids)

    def _masked(self, feature: Feature, random: np.random.Generator) -> Feature:
        """The window with chosen tokens masked, and their original ids as `labels` (-100 elsewhere)."""
        window = dict(feature)
        free = np.flatnonzero(np.asarray(window.pop("special_tokens_mask")) == 0)
        ids, labels = np.array(window["input_ids"]), np.full(len(window["input_ids"]), -100)
        if len(free):
            chosen = random.choice(free, max(1, round(CHOSEN * len(free))), replace=False)
            labels[chosen] = ids[chosen]
            fate = random.random(len(chosen))
            ids[chosen[fate < MASKED]] = self.tokenizer.mask_token_id
            other = chosen[(fate >= MASKED) & (fate < MASKED + REPLACED)]
            ids[other] = random.choice(self._ordinary, len(other))
        return window | {"input_ids": ids.tolist(), "labels": labels.tolist()}

    def _logits(self, inputs: Mapping[str, Tensor], chosen: Tensor) -> tuple[Tensor, Tensor]:
        """(chosen positions, vocabulary) scores in float32, and the encoder's states (rows, length, hidden).

        A hook passes only the chosen states from the encoder to the head, whatever the class of the model.
        """
        states: list[Tensor] = []

        def only_chosen(_: Any, __: Any, output: Any) -> Any:
            states.append(output.last_hidden_state)
            output.last_hidden_state = output.last_hidden_state[chosen].unsqueeze(0)
            return output

        hook = self.model.base_model.register_forward_hook(only_chosen)
        try:
            logits: Tensor = self.model(**inputs).logits
        finally:
            hook.remove()
        return logits.squeeze(0).float(), states[0]


def language_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of (positions, vocabulary); 0, not 0 / 0, for a batch without a chosen token."""
    return torch.nn.functional.cross_entropy(logits, labels) if len(labels) else logits.sum()
