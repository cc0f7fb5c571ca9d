"""Retrieval without training: pooled sentence embeddings and exact nearest neighbours by cosine.

Source of the protocol: XTREME's Tatoeba (mean over the non-pad tokens of one layer, cosine, accuracy of the nearest
neighbour). Layer, pooling and prefix are settings of the model; all layers can be scored in the same pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModel

from xtreme_noise.data.batching import Feature
from xtreme_noise.features.base import Columns, Unit, plain
from xtreme_noise.finite import unit_vectors
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.pooling import pool
from xtreme_noise.record import layer_name
from xtreme_noise.search import top_k

CHUNK = 4096  # queries searched at once: bounds memory to CHUNK x candidates floats


class RetrievalModule(TaskModule):
    """A unit is a text; its value unit vectors, float32 of shape (1 + swept poolings x hidden states, hidden).

    The first is the one for predictions; then, for each swept pooling, one for every hidden state from the embeddings
    (0) to the last layer.
    """

    family = "retrieval"
    auto_class = AutoModel

    def training_features(self, columns: Columns) -> list[Feature]:
        del columns
        raise TypeError("tasks of the family retrieval are evaluated without training")

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        return list(zip(columns["query"], columns["candidate"], strict=True))

    def features(self, units: Sequence[Any]) -> list[list[Feature]]:
        texts = [self.prefix + text for text in units]
        encoding = self.tokenizer(texts, truncation=True, max_length=self.limits.max_length)
        names = self.tokenizer.model_input_names
        return [[plain(encoding, row, names)] for row in range(len(texts))]

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        states = self.model(**batch, output_hidden_states=True).hidden_states
        chosen = [(states[self.layer], self.pooling)] + [(layer, how) for how in self.sweep for layer in states]
        pooled = torch.stack([pool(layer.float(), batch["attention_mask"], how) for layer, how in chosen], 1)
        return unit_vectors(pooled)

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return outputs[0]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        return self._nearest(columns, values, 0)

    def further(self, columns: Columns, values: Mapping[Unit, Any]) -> dict[str, list[str]]:
        """Predictions of every layer with every swept pooling, by names such as "layer 0 mean"."""
        if not self.sweep:
            return {}
        layers = (len(values[columns["query"][0]]) - 1) // len(self.sweep)
        names = [layer_name(layer, how) for how in self.sweep for layer in range(layers)]
        return {name: self._nearest(columns, values, place) for place, name in enumerate(names, 1)}

    @staticmethod
    def _nearest(columns: Columns, values: Mapping[Unit, Any], place: int) -> list[str]:
        """The id of each query's nearest candidate, by the vectors at `place` of the values."""
        queries = np.stack([values[text][place] for text in columns["query"]])
        candidates = np.stack([values[text][place] for text in columns["candidate"]])
        nearest = [
            int(row)
            for start in range(0, len(queries), CHUNK)
            for row in (queries[start : start + CHUNK] @ candidates.T).argmax(1)
        ]
        return [columns["id"][row] for row in nearest]

    def nearest(self, columns: Columns, values: Mapping[Unit, Any], depth: int) -> tuple[list[list[str]], int]:
        queries, candidates = (np.stack([values[text][0] for text in columns[side]]) for side in ("query", "candidate"))
        _, rows = top_k(queries, candidates, depth)
        return [[columns["id"][row] for row in best] for best in rows], len(candidates)

    def gold(self, columns: Columns) -> list[str]:
        return list(columns["id"])
