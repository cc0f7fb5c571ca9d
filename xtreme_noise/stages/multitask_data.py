"""Multitask batches: each of one task, drawn with a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from xtreme_noise.data.batching import EpochBatches, Feature, LengthBuckets
from xtreme_noise.errors import ConfigError
from xtreme_noise.stages.datamodule import TaskDataModule

ROUNDS = 1_000_000  # more passes over a task than an epoch can have


class DrawnBatches(EpochBatches):
    """Batches of example indices, each from one task; indices run through the tasks one after the other.

    lengths: tokens of every example, task by task; sizes: batch size of each task; chances: of the tasks, sum 1. count:
    the batches of an epoch, from those that one pass over each task has. The task of every batch is drawn; an exhausted
    task starts again in a new order. The order depends only on these arguments, the seed and the epoch.
    """

    def __init__(
        self,
        lengths: Sequence[Sequence[int]],
        sizes: Sequence[int],
        chances: Sequence[float],
        seed: int,
        start: int = 0,
        count: Callable[[Sequence[int]], float] = sum,
    ) -> None:
        super().__init__(seed, start)
        self.lengths = lengths
        self.sizes = sizes
        self.chances = chances
        self.count = count

    def __len__(self) -> int:
        return round(self.count([-(-len(some) // size) for some, size in zip(self.lengths, self.sizes, strict=True)]))

    def __iter__(self) -> Iterator[list[int]]:
        streams = [self._stream(task) for task in range(len(self.lengths))]
        random, start = self._begin()
        drawn = random.choice(len(self.chances), size=len(self), p=self.chances).tolist()
        for number, task in enumerate(drawn):
            batch = next(streams[task])
            if number >= start:
                yield batch

    def _stream(self, task: int) -> Iterator[list[int]]:
        offset = sum(map(len, self.lengths[:task]))
        batches = LengthBuckets(self.lengths[task], self.sizes[task], self.seed)
        number = self.epoch * ROUNDS
        while True:
            batches.set_epoch(number)
            for batch in batches:
                yield [offset + index for index in batch]
            number += 1


class MultitaskData(pl.LightningDataModule):
    """Multitask training batches, as (name of the task, tensors).

    chances: the probability of each task, in the order of `parts`; count: see DrawnBatches.
    """

    def __init__(
        self, parts: Mapping[str, TaskDataModule], chances: Sequence[float], seed: int, workers: int = 0,
        count: Callable[[Sequence[int]], float] = sum,
    ) -> None:  # fmt: skip
        super().__init__()
        self.parts = dict(parts)
        self.chances = list(chances)
        self.seed = seed
        self.workers = workers
        self.count = count
        self.epoch = self.start = 0  # where an interrupted fit resumes

    def setup(self, stage: str) -> None:
        for part in self.parts.values():
            part.setup(stage)

    def batches(self) -> DrawnBatches:
        lengths = [[part.module.tokens(feature) for feature in part.features] for part in self.parts.values()]
        sizes = [part.batch_size for part in self.parts.values()]
        return DrawnBatches(lengths, sizes, self.chances, self.seed, count=self.count)

    def trained(self, epochs: int) -> tuple[dict[str, int], dict[str, int]]:
        """Subword tokens and batches of a fit, by task."""
        batches = self.batches()
        lengths = [length for some in batches.lengths for length in some]
        owners = [name for name, part in self.parts.items() for _ in part.features]
        tokens, counts = dict.fromkeys(self.parts, 0), dict.fromkeys(self.parts, 0)
        for epoch in range(epochs):
            batches.set_epoch(epoch)
            for batch in batches:
                tokens[owners[batch[0]]] += sum(lengths[index] for index in batch)
                counts[owners[batch[0]]] += 1
        return tokens, counts

    def train_dataloader(self) -> DataLoader[Any]:
        """Called once, or before every epoch when its examples are others. Raises ConfigError on several devices."""
        if self.trainer and self.trainer.world_size > 1:
            raise ConfigError("multitask stages train on one device: set trainer.devices=1")
        epoch = max(self.trainer.current_epoch, self.epoch) if self.trainer else 0
        for part in self.parts.values():
            part.begin(epoch)
        batches = self.batches()
        batches.start = self.start
        batches.set_epoch(epoch)
        examples: Any = [(name, feature) for name, part in self.parts.items() for feature in part.renewed(epoch)]
        return DataLoader(
            examples, batch_sampler=batches, collate_fn=partial(_collate, self.parts), num_workers=self.workers
        )

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint in the middle of an epoch."""
        assert self.trainer is not None
        return {"epoch": self.trainer.current_epoch, "start": self.trainer.fit_loop.batch_idx + 1}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epoch, self.start = state_dict["epoch"], state_dict["start"]


def _collate(
    parts: Mapping[str, TaskDataModule], batch: Sequence[tuple[str, Feature]]
) -> tuple[str, dict[str, torch.Tensor]]:
    name = batch[0][0]
    module = parts[name].module
    return name, type(module).collate([feature for _, feature in batch], pad_id=module.tokenizer.pad_token_id)
