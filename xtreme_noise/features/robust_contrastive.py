"""Features of texts with their noisy versions, before tokens are masked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xtreme_noise.features.base import Columns, plain
from xtreme_noise.features.masked_lm import MaskedLMFeatures
from xtreme_noise.noise.apply import NOISY

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature

log = logging.getLogger(__name__)


class RobustContrastiveFeatures(MaskedLMFeatures):
    """One feature for each pair of a text and its noisy version."""

    @staticmethod
    def tokens(feature: Feature) -> int:
        return len(feature["clean"]["input_ids"]) + len(feature["noisy"]["input_ids"])

    def training_features(self, columns: Columns) -> list[Feature]:
        """Truncates a text that is too long: windows of the two sides would not contain the same words."""
        clean = list(columns["text"])
        noisy = list(columns[NOISY + "text"]) if NOISY + "text" in columns else clean
        names = [*self.tokenizer.model_input_names, "special_tokens_mask"]
        sides = [self._encode(texts, None) for texts in (clean, noisy)]
        full = sum(len(ids) == self.limits.max_length for ids in sides[0]["input_ids"])
        if full:
            most = self.limits.max_length
            log.info("%d of %d texts have %d tokens, the maximum: longer ones are truncated", full, len(clean), most)
        return [
            {name: plain(side, row, names) for name, side in zip(("clean", "noisy"), sides, strict=True)}
            for row in range(len(clean))
        ]
