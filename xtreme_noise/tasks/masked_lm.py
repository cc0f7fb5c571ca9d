"""id, text, text_pair (its translation, where there is one); every text once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.tasks.base import NoiseField, Row, TaskFamily
from xtreme_noise.tasks.rows import plain_text


class MaskedLM(TaskFamily):
    name = "masked_lm"
    module = "xtreme_noise.modules.masked_lm:MaskedLMModule"
    features = "xtreme_noise.features.masked_lm:MaskedLMFeatures"
    noise_fields = {"text": NoiseField(("text",))}  # noqa: RUF012
    identity = ("text", "text_pair")
    paragraphs = ("text", "text_pair")
    pretraining = windows = True

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        return plain_text(row, labels, where)


family = MaskedLM()
