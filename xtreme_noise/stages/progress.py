"""Training progress as log lines, for files and pipes, where no progress bar is drawn."""

from __future__ import annotations

import logging
import time
from typing import Any

from pytorch_lightning.callbacks import Callback

log = logging.getLogger(__name__)
SECONDS = 60.0


class ProgressLines(Callback):
    """One line a minute: batches done, total batches, and an estimate of the time left (without dev sets)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._first = 0
        self._begin = self._last = time.monotonic()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        del pl_module
        self._first = trainer.fit_loop.total_batch_idx + 1  # batches done before a resume do not count
        self._begin = self._last = time.monotonic()

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS or not trainer.is_global_zero:
            return
        self._last = now
        done, wanted = trainer.fit_loop.total_batch_idx + 1, trainer.num_training_batches * trainer.max_epochs
        left = (now - self._begin) / max(1, done - self._first) * (wanted - done)
        log.info("%s: %d of %d batches, about %.0f minutes left", self.name, done, wanted, left / 60)
