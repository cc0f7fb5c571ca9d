"""What an interrupted fit is resumed from: its last state, in one file; the final weights are as if never interrupted.

The file is in safetensors' format: tensors by number, and everything else as JSON in its header. Nothing is pickled. A
checksum of all of it, and the stage that it is of, stand in the header: a state that was damaged is set aside.
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
FORMAT = "2"  # raise it when what is written here means something else


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


class Unfit(Exception):
    """A state that is whole, and that a fit cannot be resumed from."""


class SafeCheckpointIO(CheckpointIO):
    """Lightning's checkpoints without pickle. A file is whole or is not there.

    needs, callbacks: names without which Lightning would resume and leave something at its beginning.
    """

    def __init__(self, needs: Sequence[str] = (), callbacks: Sequence[str] = ()) -> None:
        self.needs, self.callbacks = needs, callbacks

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """What cannot be written is said in the log: the fit itself can do without."""
        del storage_options
        tensors: dict[str, Tensor] = {}
        state = json.dumps(pack(checkpoint, tensors, {}))
        try:
            _write(Path(path), state, tensors)
        except Exception as error:  # a full disk: safetensors has an error class of its own for it
            log.warning("%s could not be written (%s): training continues without it", path, error)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Raises ValueError when the file is damaged, of another format or of another stage."""
        del map_location, weights_only
        state, tensors = _read(Path(path))
        found: dict[str, Any] = unpack(json.loads(state), tensors)
        lacking = [name for name in self.needs if name not in found]
        lacking += [name for name in self.callbacks if name not in found["callbacks"]]
        if lacking:
            raise ValueError(f"it holds no {lacking[0]}")
        return found

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def _write(target: Path, state: str, tensors: dict[str, Tensor]) -> None:
    make_folder(target.parent)
    for leftover in target.parent.iterdir():  # of a killed run; safetensors has temporary files of its own
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
    """The state and its tensors. Raises ValueError for a file that is not as it was written, or of another stage."""
    try:
        with safe_open(path, framework="pt") as stream:
            header = stream.metadata() or {}
            tensors = {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(str(error)) from error
    if header.get("format") != FORMAT:
        raise ValueError(f"its format is {header.get('format')!r}, not {FORMAT!r}")
    if header.pop("sha256", None) != _checksum(header, tensors):
        raise ValueError("it has other bytes than when it was written")
    if header["of"] != path.parent.name:
        raise ValueError(f"it is of another stage, {header['of']}")
    return header["state"], tensors


def _checksum(header: dict[str, str], tensors: dict[str, Tensor]) -> str:
    found = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        found.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def last(folder: Path, store: Store) -> Path | None:
    """The checkpoint in `folder`, or None. One that is damaged is set aside: its fit starts again."""
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
    """Put a checkpoint away that a fit cannot be resumed from, and say so."""
    aside = store.set_aside(path, path.parent.name)
    log.warning("%s is damaged (%s): it is set aside as %s, and this stage is trained again", path, why, aside)


class Resume(Callback):
    """Writes the state of a fit every `minutes` (0: after every step) and puts the random state back on the way in.

    Between two steps of an epoch only: what happens at its end (the choice on dev, the next order of the data) is
    then done in full by the run that resumes. Keeps `achieved`, the noise of earlier epochs, and the seconds spent.
    """

    def __init__(self, folder: Path, minutes: float, achieved: dict[int, float]) -> None:
        self.path = folder / LAST
        self.interval = 60 * minutes
        self.achieved = achieved
        self.begin = self.saved = time.monotonic()
        self.begun = False  # whether the state of before, if there was one, has been trained on
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
            log.info("resumed in epoch %d after step %d", trainer.current_epoch + 1, trainer.global_step)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Only here: the loader of a resumed epoch has drawn a number of its own until now."""
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
        if trainer.world_size > 1:  # saving takes all ranks, and their clocks differ
            due = trainer.strategy.reduce_boolean_decision(due, all=False)
        if due:
            trainer.save_checkpoint(self.path)
            self.saved = time.monotonic()


def _ranks() -> int:
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if distributed else 1
