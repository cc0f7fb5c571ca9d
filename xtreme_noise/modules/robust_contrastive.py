"""Robust contrastive pretraining (Stickland et al. 2023, arXiv 2210.04782): clean texts with their noisy versions.

The loss is masked language modelling on both sides, plus a contrastive term: the mean-pooled states of a text and of
its noisy version should be nearer to each other (cosine over a temperature) than to the other texts of the batch. The
paper keeps 4,096 earlier texts as additional negatives; here all negatives come from the batch.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from xtreme_noise.data.batching import Feature, pad
from xtreme_noise.features.robust_contrastive import RobustContrastiveFeatures
from xtreme_noise.modules.masked_lm import MaskedLMModule, language_loss

log = logging.getLogger(__name__)
WEIGHT, TEMPERATURE = 1.0, 0.05  # of the contrastive term


class RobustContrastiveModule(RobustContrastiveFeatures, MaskedLMModule):
    """Trained on pairs (`text`, `noisy_text`); scored on the dev set as a masked language model of clean text."""

    family = "robust_contrastive"
    pairs_noise = True

    @staticmethod
    def collate(features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """Clean rows first, then their noisy versions in the same order."""
        return pad([feature["clean"] for feature in features] + [feature["noisy"] for feature in features], pad_id)

    def _masked(self, feature: Feature, random: Any) -> Feature:
        if "clean" not in feature:
            return super()._masked(feature, random)
        return {name: super(RobustContrastiveModule, self)._masked(side, random) for name, side in feature.items()}

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        inputs = dict(batch)
        labels = inputs.pop("labels")
        chosen = labels != -100
        logits, states = self._logits(inputs, chosen)
        language = language_loss(logits, labels[chosen])
        mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
        pooled = torch.nn.functional.normalize(((states * mask).sum(1) / mask.sum(1)).float(), dim=-1)
        clean, noisy = pooled.chunk(2)
        assert self.recipe is not None
        weight, temperature = self.recipe.contrast_weight, self.recipe.contrast_temperature
        contrast = contrastive(clean, noisy, TEMPERATURE if temperature is None else temperature)
        return language + (WEIGHT if weight is None else weight) * contrast


def contrastive(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """InfoNCE of unit vectors (n, hidden) where equal rows are the positive pairs; mean of both directions."""
    scores = one @ other.T / temperature
    right = torch.arange(len(one), device=one.device)
    cross_entropy = torch.nn.functional.cross_entropy
    return (cross_entropy(scores, right) + cross_entropy(scores.T, right)) / 2
