"""id, text; every text once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import plain_text


class RobustContrastive(TaskFamily):
    name = "robust_contrastive"
    module = "xtreme_noise.modules.robust_contrastive:RobustContrastiveModule"
    features = "xtreme_noise.features.robust_contrastive:RobustContrastiveFeatures"
    noise_fields = {"text": NoiseField(("text",))}  # noqa: RUF012
    identity = ("text",)
    paragraphs = ("text",)
    pretraining = whole_batches = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        return plain_text(row, labels, where)


family = RobustContrastive()
