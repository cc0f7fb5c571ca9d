"""Batches with little padding: sorted by length for inference, shuffled length buckets for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler

Feature = dict[str, Any]
BUCKET = 50  # batches in a bucket, sorted by length together: large enough to pad little, small enough to mix well


def sorted_batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices in batches of at most `tokens` padded tokens (at least one example each), longest first."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batches: list[list[int]] = []
    for index in order:
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches


class EpochBatches(Sampler[list[int]]):
    """Batches of indices in an order that depends on the seed and the epoch.

    start: batches of the first pass to skip, because an interrupted fit has already trained on them.
    """

    def __init__(self, seed: int, start: int = 0) -> None:
        self.seed = seed
        self.start = start
        self.epoch = 0
        # Lightning sets the epoch on the `sampler` of a batch sampler, so this object is its own.
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of an epoch."""
        self.epoch = epoch

    def _begin(self) -> tuple[np.random.Generator, int]:
        """The random generator of a pass, and how many of its batches to skip."""
        start, self.start = self.start, 0
        return np.random.Generator(np.random.Philox(key=[self.seed, self.epoch])), start


class LengthBuckets(EpochBatches):
    """Batches of examples of similar length, in a seeded random order that differs in every epoch.

    Examples are shuffled, cut into buckets of BUCKET batches and sorted by length within a bucket; then the batches are
    shuffled. The order depends only on (lengths, batch_size, seed, epoch).

    most: the maximum number of batches in an epoch; each epoch then draws other examples.
    rank, ranks: in distributed training, each rank gets its part of every batch. Where a batch has fewer examples than
    there are ranks, some examples go to two ranks.
    """

    def __init__(
        self, lengths: Sequence[int], batch_size: int, seed: int, start: int = 0, most: int | None = None, *,
        rank: int = 0, ranks: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(seed, start)
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.most = most
        self.rank = rank
        self.ranks = ranks

    def __len__(self) -> int:
        batches = -(-len(self.lengths) // self.batch_size)
        return batches if self.most is None else min(batches, self.most)

    def __iter__(self) -> Iterator[list[int]]:
        random, start = self._begin()
        order = random.permutation(len(self.lengths))
        width = self.batch_size * BUCKET
        batches: list[list[int]] = []
        for at in range(0, len(order), width):
            bucket = order[at : at + width]
            bucket = bucket[np.argsort(self.lengths[bucket], kind="stable")]
            batches += [bucket[i : i + self.batch_size].tolist() for i in range(0, len(bucket), self.batch_size)]
        for number in random.permutation(len(batches))[start : self.most]:
            whole = batches[number]
            yield whole[self.rank :: self.ranks] or [whole[self.rank % len(whole)]]


def pad(features: Sequence[Feature], pad_id: int) -> dict[str, torch.Tensor]:
    """Tensors of shape (batch, longest) for lists, (batch,) for numbers. Labels are padded with -100 (ignored)."""
    longest = max(len(feature["input_ids"]) for feature in features)
    fill = {"input_ids": pad_id, "labels": -100}
    batch: dict[str, torch.Tensor] = {}
    for name in features[0]:
        values = [feature[name] for feature in features]
        if isinstance(values[0], list):
            rows = np.full((len(values), longest), fill.get(name, 0), dtype=np.int64)
            for row, value in zip(rows, values, strict=True):
                row[: len(value)] = value
            batch[name] = torch.from_numpy(rows)
        else:
            batch[name] = torch.tensor(values)
    return batch
