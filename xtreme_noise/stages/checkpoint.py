"""What an interrupted fit goes on from: its last state, in one file, to the same final weights as if never interrupted.

The file is in safetensors' format: tensors by number, and everything else as JSON in its header. Nothing is pickled.
"""

from __future__ import annotations

import json
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import CheckpointIO
from pytorch_lightning.callbacks import Callback
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from xtreme_noise import interrupt

log = logging.getLogger(__name__)
LAST = "last.safetensors"
FORMAT = "1"  # raise it when what is written here means something else


def pack(value: Any, tensors: dict[str, Tensor], names: dict[Any, str]) -> Any:
    """`value` as plain JSON; its tensors go to `tensors`, one that several keys share once.

    Raises TypeError for what is neither None, a number, text, a tensor, nor a dict, list or tuple of them.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Tensor):
        place = (value.data_ptr(), value.shape, value.stride(), value.dtype) if value.numel() else len(tensors)
        if place not in names:
            names[place] = str(len(tensors))
            tensors[names[place]] = value.detach().contiguous()
        return {"tensor": names[place]}
    if isinstance(value, dict):
        return {"dict": [[pack(key, tensors, names), pack(item, tensors, names)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [pack(item, tensors, names) for item in value]}
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    """What `pack` was given."""
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {unpack(key, tensors): unpack(item, tensors) for key, item in content}
    items = [unpack(item, tensors) for item in content]
    return items if kind == "list" else tuple(items)


class SafeCheckpointIO(CheckpointIO):
    """Lightning's checkpoints without pickle. A file is whole or is not there."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        del storage_options
        tensors: dict[str, Tensor] = {}
        state = json.dumps(pack(checkpoint, tensors, {}))
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        try:
            save_file(tensors, temporary, metadata={"format": FORMAT, "state": state})
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Raises ValueError when the file is of another format, SafetensorError when it is damaged."""
        del map_location, weights_only
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            if header.get("format") != FORMAT:
                raise ValueError(f"{path} has the format {header.get('format')!r}, not {FORMAT!r}")
            tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118
        found: dict[str, Any] = unpack(json.loads(header["state"]), tensors)
        return found

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def last(folder: Path) -> Path | None:
    """The checkpoint in `folder`, or None. One that cannot be read is removed: its fit starts again."""
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
        if header.get("format") == FORMAT:
            return path
        problem = f"its format is {header.get('format')!r}"
    except (SafetensorError, OSError) as error:
        problem = str(error)
    log.warning("%s cannot be gone on from (%s): this stage is trained from its beginning", path, problem)
    path.unlink()
    return None


class Resume(Callback):
    """Writes the state of a fit every `minutes` (0: after every step) and puts the random state back on the way in.

    Between two steps of an epoch only: what happens at its end (the choice on dev, the next order of the data) is
    then done in full by the run that goes on. Keeps `achieved`, the noise of earlier epochs, and the seconds spent.
    """

    def __init__(self, folder: Path, minutes: float, achieved: dict[int, float]) -> None:
        self.path = folder / LAST
        self.interval = 60 * minutes
        self.achieved = achieved
        self.begin = self.saved = time.monotonic()
        self._random: list[dict[str, Any]] | None = None  # of every rank; to be put back

    def seconds(self) -> float:
        """Spent on this fit, in all of its runs; what was lost with a kill is not counted."""
        return time.monotonic() - self.begin

    def state_dict(self) -> dict[str, Any]:
        mine = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
        every = [mine]
        if _ranks() > 1:
            every = [{} for _ in range(_ranks())]
            torch.distributed.all_gather_object(every, mine)
        return {"random": every, "achieved": self.achieved, "seconds": self.seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._random = state_dict["random"]
        self.achieved.update(state_dict["achieved"])
        self.begin = time.monotonic() - state_dict["seconds"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        del pl_module
        self.saved = time.monotonic()
        if self._random is not None:
            log.info("goes on in epoch %d after step %d", trainer.current_epoch + 1, trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Only here: the loader of an epoch that is gone on with has drawn a number of its own until now."""
        del pl_module, batch, batch_idx
        interrupt.check()
        trainer.datamodule.start = 0  # type: ignore[attr-defined]  # for the loaders of further epochs
        if self._random is not None:
            mine = self._random[trainer.global_rank]
            torch.set_rng_state(mine["cpu"])
            torch.cuda.set_rng_state_all(mine["cuda"])
            self._random = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        del pl_module, outputs, batch
        if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        due = time.monotonic() - self.saved >= self.interval
        if trainer.world_size > 1:  # saving takes all ranks, and their clocks differ
            due = trainer.strategy.reduce_boolean_decision(due, all=False)
        if due:
            try:
                trainer.save_checkpoint(self.path)
            except OSError as error:  # a full disk: the fit itself can do without
                log.warning("%s could not be written: %s", self.path, error)
            self.saved = time.monotonic()


def _ranks() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if distributed else 1
