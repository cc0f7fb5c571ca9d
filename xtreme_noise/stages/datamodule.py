"""The LightningDataModule of every task: training batches in length buckets, with or without noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytorch_lightning as pl
from datasets import Dataset
from torch.utils.data import DataLoader

from xtreme_noise.data.batching import Feature, LengthBuckets
from xtreme_noise.modules.base import TaskModule

TOKENISED_AT_ONCE = 2000  # examples


class TaskDataModule(pl.LightningDataModule):
    """Examples of one task for one module.

    train: target or intermediate training examples in normal form; noisy_train(epoch) replaces them in that epoch.
    most: the maximum number of batches in an epoch; None: all.
    """

    def __init__(
        self,
        module: TaskModule,
        *,
        train: Dataset | None = None,
        noisy_train: Callable[[int], Dataset] | None = None,
        batch_size: int = 32,
        most: int | None = None,
        seed: int = 0,
        workers: int = 0,
    ) -> None:
        super().__init__()
        self.module = module
        self.train = train
        self.noisy_train = noisy_train
        self.batch_size = batch_size
        self.most = most
        self.seed = seed
        self.workers = workers
        self.features: list[Feature] = []
        # Where an interrupted fit resumes: its epoch, and how many batches of it are done.
        self.epoch = self.start = 0
        self._epoch: int | None = None  # the epoch whose noise is in `features`

    def setup(self, stage: str) -> None:
        if stage == "fit" and self.train is not None and not self.features:
            self._tokenise(self.train)

    def _tokenise(self, train: Dataset) -> None:
        self.features = []
        for start in range(0, len(train), TOKENISED_AT_ONCE):
            self.features += self.module.training_features(train[start : start + TOKENISED_AT_ONCE])

    def begin(self, epoch: int) -> None:
        """Prepare the features of an epoch: with noise, each epoch has its own."""
        if self.noisy_train is not None and epoch != self._epoch:
            self._tokenise(self.noisy_train(epoch))
            self._epoch = epoch

    def renewed(self, epoch: int) -> Sequence[Feature]:
        """The features as they are in an epoch, such as with other masked tokens."""
        return self.module.renew(self.features, epoch, self.seed)

    def tokens(self) -> int:
        """Subword tokens of the training features, without padding."""
        return sum(map(self.module.tokens, self.features))

    def trained_tokens(self, epochs: int) -> int:
        """Subword tokens of all batches of a fit."""
        if self.most is None:
            return self.tokens() * epochs
        lengths = [self.module.tokens(feature) for feature in self.features]
        batches = LengthBuckets(lengths, self.batch_size, self.seed, most=self.most)
        total = 0
        for epoch in range(epochs):
            batches.set_epoch(epoch)
            total += sum(lengths[number] for batch in batches for number in batch)
        return total

    def train_dataloader(self) -> DataLoader[Any]:
        """Called once, or before every epoch when training is noisy."""
        # Lightning calls this for a resumed fit before it knows the epoch.
        epoch = max(self.trainer.current_epoch, self.epoch) if self.trainer else 0
        self.begin(epoch)
        lengths = [self.module.tokens(feature) for feature in self.features]
        features: Any = self.renewed(epoch)
        batches = LengthBuckets(
            lengths, self.batch_size, self.seed, self.start, self.most,
            rank=self.trainer.global_rank if self.trainer else 0, ranks=self.trainer.world_size if self.trainer else 1,
        )  # fmt: skip
        batches.set_epoch(epoch)
        return DataLoader(
            features,
            batch_sampler=batches,
            collate_fn=partial(type(self.module).collate, pad_id=self.module.tokenizer.pad_token_id),
            num_workers=self.workers,
            pin_memory=self._on_cuda(),
        )

    def _on_cuda(self) -> bool:
        """Whether batches go to a GPU: from pinned memory they are copied while it computes (unmeasured)."""
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint in the middle of an epoch."""
        assert self.trainer is not None
        return {"epoch": self.trainer.current_epoch, "start": self.trainer.fit_loop.batch_idx + 1}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epoch, self.start = state_dict["epoch"], state_dict["start"]
