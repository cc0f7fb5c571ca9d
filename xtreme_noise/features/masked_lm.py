"""Features of texts, and of texts with their translations, before tokens are masked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xtreme_noise.features.base import Columns, Features, plain

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature

log = logging.getLogger(__name__)


class MaskedLMFeatures(Features):
    """One feature for each window of a text, or for each pair."""

    def training_features(self, columns: Columns) -> list[Feature]:
        return [window for windows in self._windows(self._pairs(columns)) for window in windows]

    @staticmethod
    def _pairs(columns: Columns) -> list[tuple[str, str | None]]:
        others = columns["text_pair"] if "text_pair" in columns else [None] * len(columns["text"])
        return list(zip(columns["text"], others, strict=True))

    def _windows(self, pairs: Sequence[tuple[str, str | None]]) -> list[list[Feature]]:
        """Splits a long text into windows; truncates the longer side of a pair that is too long."""
        texts = [text for text, _ in pairs]
        if not pairs or pairs[0][1] is None:
            encoding = self._encode(texts, None, return_overflowing_tokens=True)
            rows = encoding["overflow_to_sample_mapping"]
        else:
            encoding = self._encode(texts, [str(other) for _, other in pairs])
            rows = range(len(pairs))
            full = sum(len(ids) == self.limits.max_length for ids in encoding["input_ids"])
            if full:
                most = self.limits.max_length
                log.info(
                    "%d of %d pairs have %d tokens, the maximum: longer ones are truncated", full, len(pairs), most
                )
        windows: list[list[Feature]] = [[] for _ in pairs]
        names = [*self.tokenizer.model_input_names, "special_tokens_mask"]
        for row, number in enumerate(rows):
            windows[number].append(plain(encoding, row, names))
        return windows

    def _encode(self, texts: list[str], others: list[str] | None, **how: Any) -> Any:
        return self.tokenizer(
            texts, others, truncation=True, max_length=self.limits.max_length, return_special_tokens_mask=True, **how
        )
