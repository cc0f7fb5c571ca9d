"""Batches: by length for inference, shuffled length buckets for training. Padding is most of what a batch wastes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Sampler

Feature = dict[str, Any]
BUCKET = 50  # batches' worth of examples that are sorted together: long enough to pad little, short enough to mix


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
    """Batches of indices in an order that depends on the seed and on the epoch.

    start: batches of the first round that are left out, because an interrupted fit has had them.
    """

    def __init__(self, seed: int, start: int = 0) -> None:
        self.seed = seed
        self.start = start
        self.epoch = 0
        # Lightning tells the sampler of a batch sampler which epoch it is, and nobody else.
        self.sampler = self

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of an epoch."""
        self.epoch = epoch

    def _begin(self) -> tuple[np.random.Generator, int]:
        """The random numbers of a round, and how many of its batches are left out."""
        start, self.start = self.start, 0
        return np.random.Generator(np.random.Philox(key=[self.seed, self.epoch])), start


class LengthBuckets(EpochBatches):
    """Batches of examples of like length in a seeded random order that is another one in every epoch.

    Examples are shuffled, cut into buckets of BUCKET batches, sorted by length inside a bucket, and the batches are
    shuffled. The order depends on (lengths, batch_size, seed, epoch) alone.

    most: batches of an epoch, where that is less than there are: another choice of examples in every epoch.
    rank, ranks: of several processes, each of which gets its part of every batch. A batch with fewer examples than
    there are ranks is given out again from its beginning.
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
        there = -(-len(self.lengths) // self.batch_size)
        return there if self.most is None else min(there, self.most)

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
