"""Where a fit is, as lines of the log: for files and pipes, which no progress bar is drawn on."""

from __future__ import annotations

import logging
import time
from typing import Any

from pytorch_lightning.callbacks import Callback

log = logging.getLogger(__name__)
SECONDS = 60.0


class ProgressLines(Callback):
    """A line a minute: batches done, of how many, and about how long the rest takes (dev sets not counted)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._first = 0
        self._begin = self._last = time.monotonic()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        del pl_module
        self._first = trainer.fit_loop.total_batch_idx + 1  # of a resumed fit: not what was done before
        self._begin = self._last = time.monotonic()

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        now = time.monotonic()
        if now - self._last < SECONDS or not trainer.is_global_zero:
            return
        self._last = now
        done, wanted = trainer.fit_loop.total_batch_idx + 1, trainer.num_training_batches * trainer.max_epochs
        left = (now - self._begin) / max(1, done - self._first) * (wanted - done)
        log.info("%s: %d of %d batches, about %.0f minutes left", self.name, done, wanted, left / 60)
