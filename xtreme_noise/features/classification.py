"""Features of sentences and sentence pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtreme_noise.features.base import Columns, Features, plain

if TYPE_CHECKING:
    from xtreme_noise.data.batching import Feature


class ClassificationFeatures(Features):
    """One feature for each text, or pair of texts."""

    def _encode(self, texts: list[str], pairs: list[str] | None) -> list[Feature]:
        encoding = self.tokenizer(texts, pairs, truncation=True, max_length=self.limits.max_length)
        names = self.tokenizer.model_input_names
        return [plain(encoding, row, names) for row in range(len(texts))]

    def training_features(self, columns: Columns) -> list[Feature]:
        pairs = list(columns["text_pair"]) if "text_pair" in columns else None
        features = self._encode(list(columns["text"]), pairs)
        return [f | {"labels": label} for f, label in zip(features, columns["label"], strict=True)]
