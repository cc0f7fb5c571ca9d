"""Ranking by a dual encoder: one encoder for queries and candidates, the inner product of unit vectors as the score.

Source of the protocol: XTREME-R's LAReQA and Mewsli-X (run_retrieval_qa.py): shared weights, L2-normalised pooled
output, a softmax over the candidates of the batch, with a learned scale that starts at 100. A candidate is a text, or a
sentence with its paragraph. Two differences to that script: a candidate that occurs twice in a batch is not counted as
a wrong answer, and pooling is a setting (there: the first token's state through a tanh layer).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel

from xtreme_noise.data.batching import Feature, pad
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.features.ranking import RankingFeatures, Text, queries_of, texts_of
from xtreme_noise.finite import unit_vectors
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.pooling import pool
from xtreme_noise.search import top_k

MAX_QUERY = 96  # tokens, as in the official scripts
SCALE = 100.0
FILE = "dual_encoder.safetensors"  # contains the scale, beside the encoder's own files
WHOLE_AT_ONCE = 2**24  # scores of whole rankings in memory at once


class Candidates(NamedTuple):
    """The candidates of a search: ids, and unit vectors (candidates, hidden), which may be memory-mapped."""

    ids: Sequence[str]
    vectors: NDArray[np.float32]


class DualEncoderModule(RankingFeatures, TaskModule):
    """The value of a unit is a unit vector, float32 of shape (hidden,).

    candidates: the pool; None: the candidates are those of the given examples (dev sets).
    """

    family = "ranking"
    auto_class = AutoModel
    candidates: Candidates | None = None

    def __init__(self, model: Any, tokenizer: Any, **settings: Any) -> None:
        super().__init__(model, tokenizer, **settings)
        self.scale = torch.nn.Parameter(torch.tensor(SCALE))

    def save(self, directory: Path) -> None:
        super().save(directory)
        save_file({"scale": self.scale.detach().cpu()}, directory / FILE)

    def restore(self, directory: Path) -> None:
        """Load the scale, if the stage before is of this family and so has one."""
        if (directory / FILE).is_file():
            with torch.no_grad():
                self.scale.copy_(load_file(directory / FILE)["scale"])

    # -- training ------------------------------------------------------------------------------------------------

    @staticmethod
    def collate(features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """Inputs of both sides as query_* and text_*; `first`: the first row of the batch with the same candidate."""
        batch = {
            f"{side}_{name}": tensor
            for side in ("query", "text")
            for name, tensor in pad([feature[side] for feature in features], pad_id).items()
        }
        rows: dict[tuple[int, ...], int] = {}
        first = [rows.setdefault(tuple(feature["text"]["input_ids"]), row) for row, feature in enumerate(features)]
        return batch | {"first": torch.tensor(first)}

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        del batch_idx
        normalize = torch.nn.functional.normalize
        queries, texts = (normalize(self._vectors(_side(batch, side)), dim=-1) for side in ("query", "text"))
        first = batch["first"]
        same = (first[:, None] == first[None, :]) & ~torch.eye(len(first), dtype=torch.bool, device=first.device)
        logits = (self.scale * queries @ texts.T).masked_fill(same, float("-inf"))
        loss = torch.nn.functional.cross_entropy(logits, torch.arange(len(first), device=first.device))
        self.log("train/loss", loss, prog_bar=True, batch_size=len(first))
        return loss

    def _vectors(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """(batch, hidden) vectors, float32, whose directions count."""
        return pool(self.model(**inputs).last_hidden_state.float(), inputs["attention_mask"], self.pooling)

    # -- predictions ---------------------------------------------------------------------------------------------

    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        """Queries, and candidates where the examples contain them; rows of a pool have no queries."""
        sides = ([queries_of(columns)] if "query" in columns else []) + (
            [texts_of(columns)] if "text" in columns else []
        )
        return list(zip(*sides, strict=True))

    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        return unit_vectors(self._vectors(batch))

    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        del unit, windows
        return outputs[0]

    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        """The ids of the `depth` best candidates, best first, as a JSON list. Without a depth the ranking ends after
        the last right candidate, as the rest does not change average precision."""
        queries = np.stack([values[unit] for unit in queries_of(columns)])
        ids, vectors = self._among(columns, values)
        if self.depth is not None:
            _, rows = top_k(queries, vectors, self.depth)
            return [json.dumps([ids[row] for row in best], ensure_ascii=False) for best in rows]
        return [
            json.dumps(ranking[: _last(ranking, right) + 1], ensure_ascii=False)
            for ranking, right in zip(_rankings(queries, ids, vectors), self.gold(columns), strict=True)
        ]

    def nearest(self, columns: Columns, values: Mapping[Unit, Any], depth: int) -> tuple[list[list[str]], int]:
        ids, vectors = self._among(columns, values)
        _, rows = top_k(np.stack([values[unit] for unit in queries_of(columns)]), vectors, depth)
        return [[ids[row] for row in best] for best in rows], len(ids)

    def _among(self, columns: Columns, values: Mapping[Unit, Any]) -> Candidates:
        if "text" not in columns:
            if self.candidates is None:
                raise TypeError("the examples contain no candidates, and there is no pool")
            return self.candidates
        texts = list(dict.fromkeys(texts_of(columns)))
        return Candidates([str(row) for row in range(len(texts))], np.stack([values[text] for text in texts]))

    def choices(self, columns: Columns) -> list[int] | None:
        return None if self.candidates is None else [len(self.candidates.ids)] * len(columns["query"])

    def gold(self, columns: Columns) -> list[list[str]]:
        if "relevant" in columns:
            return [list(ids) for ids in columns["relevant"]]
        numbers: dict[Text, int] = {}
        return [[str(numbers.setdefault(text, len(numbers)))] for text in texts_of(columns)]


def _side(batch: Mapping[str, Tensor], side: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{side}_"): batch[name] for name in batch if name.startswith(f"{side}_")}


def _rankings(queries: NDArray[np.float32], ids: Sequence[str], vectors: NDArray[np.float32]) -> Iterator[list[str]]:
    """All candidates of every query, best first, ties in the order of the pool."""
    step = max(1, WHOLE_AT_ONCE // len(ids))
    for start in range(0, len(queries), step):
        for row in np.argsort(-(queries[start : start + step] @ vectors.T), axis=1, kind="stable"):
            yield [ids[number] for number in row]


def _last(ranking: Sequence[str], right: Sequence[str]) -> int:
    wanted = set(right)
    return max(place for place, name in enumerate(ranking) if name in wanted)
