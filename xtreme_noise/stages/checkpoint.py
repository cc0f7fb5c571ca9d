"""Checkpoints of a fit, from which an interrupted one resumes and ends with the same weights as an uninterrupted one.

A checkpoint is one safetensors file: tensors by number, everything else as JSON in its header. Nothing is pickled. The
header also contains a checksum and the digest of the stage, so that a damaged checkpoint is detected and set aside.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
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
from xtreme_noise.store import Store
from xtreme_noise.writing import follow, make_folder

log = logging.getLogger(__name__)
LAST = "last.safetensors"
FORMAT = "2"  # raise it when the meaning of the file changes


def pack(value: Any, tensors: dict[str, Tensor], names: dict[Any, str]) -> Any:
    """`value` as plain JSON; its tensors go to `tensors`, a shared one only once.

    Raises TypeError for anything but None, numbers, text, tensors, and dicts, lists or tuples of them.
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
    raise TypeError(f"a checkpoint cannot contain a {type(value).__name__}")


def unpack(packed: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `pack`."""
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {unpack(key, tensors): unpack(item, tensors) for key, item in content}
    items = [unpack(item, tensors) for item in content]
    return items if kind == "list" else tuple(items)


class Unfit(Exception):
    """An intact checkpoint that this fit cannot resume from."""


class SafeCheckpointIO(CheckpointIO):
    """Lightning's checkpoints without pickle, written atomically.

    needs, callbacks: names that a checkpoint must contain; without one, Lightning would silently restore only a part.
    """

    def __init__(self, needs: Sequence[str] = (), callbacks: Sequence[str] = ()) -> None:
        self.needs, self.callbacks = needs, callbacks

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Logs a checkpoint that cannot be written and continues: the fit does not need it."""
        del storage_options
        tensors: dict[str, Tensor] = {}
        state = json.dumps(pack(checkpoint, tensors, {}))
        try:
            _write(Path(path), state, tensors)
        except Exception as error:  # a full disk: safetensors has an error class of its own for it
            log.warning("%s could not be written (%s): training continues without a checkpoint", path, error)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Raises ValueError when the file is damaged, has another format or belongs to another stage."""
        del map_location, weights_only
        state, tensors = _read(Path(path))
        checkpoint: dict[str, Any] = unpack(json.loads(state), tensors)
        lacking = [name for name in self.needs if name not in checkpoint]
        lacking += [name for name in self.callbacks if name not in checkpoint["callbacks"]]
        if lacking:
            raise ValueError(f"it lacks {lacking[0]}")
        return checkpoint

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def _write(target: Path, state: str, tensors: dict[str, Tensor]) -> None:
    make_folder(target.parent)
    for leftover in target.parent.iterdir():  # of a killed run; safetensors writes its own temporary files
        if leftover != target:
            leftover.unlink()
    temporary = target.with_name(f".{target.name}.new")
    header = {"format": FORMAT, "of": target.parent.name, "state": state}
    try:
        save_file(tensors, temporary, metadata=header | {"sha256": _checksum(header, tensors)})
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        follow(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _read(path: Path) -> tuple[str, dict[str, Tensor]]:
    """The state and its tensors. Raises ValueError for a damaged file, or one of another stage."""
    try:
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(str(error)) from error
    if header.get("format") != FORMAT:
        raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
    if header.pop("sha256", None) != _checksum(header, tensors):
        raise ValueError("its checksum does not match its content")
    if header["of"] != path.parent.name:
        raise ValueError(f"it belongs to another stage, {header['of']}")
    return header["state"], tensors


def _checksum(header: dict[str, str], tensors: dict[str, Tensor]) -> str:
    state = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        state.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        state.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return state.hexdigest()


def last(folder: Path, store: Store) -> Path | None:
    """The checkpoint in `folder`, or None. A damaged one is set aside, and its fit starts from scratch."""
    path = folder / LAST
    if not os.path.lexists(path):
        return None
    try:
        _read(path)
    except ValueError as error:
        set_aside(path, store, error)
        return None
    return path


def set_aside(path: Path, store: Store, why: Exception | str) -> None:
    """Move a checkpoint that a fit cannot resume from out of the way, and log it."""
    aside = store.set_aside(path, path.parent.name)
    log.warning("cannot resume from %s (%s): it is set aside as %s; training this stage from scratch", path, why, aside)


class CheckpointCallback(Callback):
    """Writes a checkpoint every `minutes` (0: after every step) and restores the random state on resume.

    Only between two steps of an epoch, never at its end: the run that resumes then does all of the end (scoring dev,
    reordering the data). Also saves `achieved`, the noise of earlier epochs, and the seconds spent.
    """

    def __init__(self, folder: Path, minutes: float, achieved: dict[int, float]) -> None:
        self.path = folder / LAST
        self.interval = 60 * minutes
        self.achieved = achieved
        self.begin = self.saved = time.monotonic()
        self.begun = False  # whether a step has been trained since the start or the resume
        self._random: list[dict[str, Any]] | None = None  # of every rank; restored before the first batch

    def seconds(self) -> float:
        """Spent on this fit, over all its runs; time lost with a killed run is not counted."""
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
        interrupt.fit_begins()
        self.saved = time.monotonic()
        if self._random is not None:
            for optimizer in trainer.optimizers:
                _check_moments(optimizer)
            log.info("resumed in epoch %d after step %d", trainer.current_epoch + 1, trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Restores the random state here and not earlier: starting the loader of a resumed epoch draws a number."""
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
        self.begun = True
        if trainer.is_last_batch or (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        due = time.monotonic() - self.saved >= self.interval
        if trainer.world_size > 1:  # all ranks must save together, and their clocks differ
            due = trainer.strategy.reduce_boolean_decision(due, all=False)
        if due:
            trainer.save_checkpoint(self.path)
            self.saved = time.monotonic()


def _check_moments(optimizer: torch.optim.Optimizer) -> None:
    """Raise ValueError for a state that does not fit its weight: a fused kernel would read and write beyond it."""
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            if name != "step" and (value.shape, value.dtype) != (weight.shape, weight.dtype):
                raise ValueError(
                    f"{name} of the optimizer has the shape {tuple(value.shape)}, its weight {tuple(weight.shape)}"
                )


def _ranks() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if distributed else 1
