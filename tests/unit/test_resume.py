"""An interrupted fit ends in the weights of one that was never interrupted, bit for bit."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from tests import program
from tests.e2e.world import data, job, words
from xtreme_noise.errors import UserError
from xtreme_noise.stages import checkpoint
from xtreme_noise.stages import fit as stage_fit
from xtreme_noise.stages.checkpoint import LAST, CheckpointCallback, SafeCheckpointIO, last
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store

EVERY_STEP = "trainer.checkpoint_minutes=0"


class Killed(BaseException):
    """In place of a power cut."""


def fit(root: Path, store: Path, *overrides: str) -> Path:
    """The finished directory of a target stage: three epochs of six steps, with dropout."""
    recipe = ["task.recipe.epochs=3", "task.recipe.batch_size=4", "task.recipe.learning_rate=1e-3"]
    cfg = job(root, "task=xnli", *recipe, f"store={store}", *overrides)
    return train(Plan(cfg), Store(store), False)


def result(path: Path) -> tuple[bytes, dict[str, Any]]:
    """All that a fit leaves, but the time it took."""
    facts = json.loads((path / "training.json").read_text())
    del facts["seconds"]
    return (path / "model.safetensors").read_bytes(), facts


def kill_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = CheckpointCallback.on_train_batch_end

    def killing(self: CheckpointCallback, trainer: Any, *rest: Any) -> None:
        real(self, trainer, *rest)
        if trainer.global_step == step:
            raise Killed

    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", killing)


@pytest.mark.parametrize("options", [["train_noise=char"], ["model.freeze_embeddings=true"]], ids=["noise", "frozen"])
def test_killed_three_times(root: Path, tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first epoch, at the very end of one (the state of the step before is gone on with), and in the last."""
    straight = fit(root, tmp_path / "straight", *options, "trainer.checkpoint_minutes=null")
    assert not (tmp_path / "straight" / "unfinished").exists()
    store = tmp_path / "killed"
    sizes = []
    for step in (2, 12, 16):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_after(step, patch)
            fit(root, store, *options, EVERY_STEP)
        (state,) = store.glob(f"unfinished/stages/*/{LAST}")
        sizes.append(state.stat().st_size)
    resumed = fit(root, store, *options, EVERY_STEP)
    assert resumed.name == straight.name, "how often a state is written changes no identity"
    assert result(resumed) == result(straight)
    assert not list(store.glob("unfinished/stages/*")), "a finished stage needs no state"
    if "model.freeze_embeddings=true" in options:
        assert max(sizes) < 1_000_000, "frozen embeddings (4.8 MB) are in the state"


def test_a_run_that_goes_on_does_not_train_again_what_it_has(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = []
    real = CheckpointCallback.on_train_batch_start

    def counted(self: CheckpointCallback, trainer: Any, *rest: Any) -> None:
        steps.append(trainer.global_step)
        real(self, trainer, *rest)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(9, patch)
        fit(root, tmp_path / "s", EVERY_STEP)
    monkeypatch.setattr(CheckpointCallback, "on_train_batch_start", counted)
    fit(root, tmp_path / "s")
    assert steps == list(range(9, 18))


def rewritten(state: Path, change: Callable[[dict[str, str], dict[str, torch.Tensor]], object]) -> None:
    """Write the file anew with another header or other tensors, as somebody might who knows the format."""
    with safe_open(state, "pt") as stream:
        header, tensors = stream.metadata(), {name: stream.get_tensor(name).clone() for name in stream.keys()}  # noqa: SIM118
    change(header, tensors)
    save_file(tensors, state, header)


def resaved(state: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Another state, with a checksum that is right."""
    content = SafeCheckpointIO().load_checkpoint(state)
    change(content)
    SafeCheckpointIO().save_checkpoint(content, state)


def flipped(state: Path, place: float) -> None:
    content = bytearray(state.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    state.write_bytes(content)


def first(state: dict[str, Any]) -> str:
    return str(next(iter(state["state_dict"])))


def folder(state: Path) -> None:
    state.unlink()
    state.mkdir()


def broken_link(state: Path) -> None:
    state.unlink()
    state.symlink_to("nowhere")


def swapped(state: Path) -> None:
    """That of another stage, whole."""
    other = state.parent.with_name("other") / LAST
    SafeCheckpointIO().save_checkpoint(SafeCheckpointIO().load_checkpoint(state), other)
    other.replace(state)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda state: state.write_bytes(b""),
    "cut off": lambda state: state.write_bytes(state.read_bytes()[:1000]),
    "last byte gone": lambda state: state.write_bytes(state.read_bytes()[:-1]),
    "zeros": lambda state: state.write_bytes(bytes(state.stat().st_size)),
    "no safetensors": lambda state: state.write_bytes(b"PK" + state.read_bytes()),
    "a folder": folder,
    "a link to nothing": broken_link,
    "a bit in the length": lambda state: flipped(state, 0.0),
    "a bit in the header": lambda state: flipped(state, 0.002),
    "a bit of a tensor": lambda state: flipped(state, 0.7),
    "the last bit": lambda state: flipped(state, 1.0),
    "state is no JSON": lambda state: rewritten(state, lambda header, _: header.update(state="{")),
    "another step": lambda state: rewritten(
        state, lambda header, _: header.update(state=header["state"].replace('"global_step", 8', '"global_step", 9'))
    ),
    "another tensor": lambda state: rewritten(state, lambda _, tensors: tensors["0"].add_(1)),
    "another shape": lambda state: rewritten(state, lambda _, tensors: tensors.update({"0": torch.zeros(3)})),
    "another dtype": lambda state: rewritten(state, lambda _, tensors: tensors.update({"0": tensors["0"].double()})),
    "a tensor less": lambda state: rewritten(state, lambda _, tensors: tensors.pop("0")),
    "a tensor renamed": lambda state: rewritten(state, lambda _, tensors: tensors.update(x=tensors.pop("0"))),
    "no header": lambda state: rewritten(state, lambda header, _: header.clear()),
    "the format of before": lambda state: rewritten(state, lambda header, _: header.update(format="1")),
    "of another stage": swapped,
}  # fmt: skip
# Whole, and not of this fit.
UNFIT: dict[str, Callable[[Path], object]] = {
    "a weight renamed": lambda state: resaved(
        state, lambda content: content["state_dict"].update(x=content["state_dict"].pop(first(content)))
    ),
    "a weight of another shape": lambda state: resaved(
        state, lambda content: content["state_dict"].update({first(content): torch.zeros(3)})
    ),
    "moments of another shape": lambda state: resaved(
        state, lambda content: content["optimizer_states"][0]["state"][0].update(exp_avg=torch.zeros(3))
    ),
    "kept weights renamed": lambda state: resaved(
        state, lambda content: content["callbacks"]["BestEpochSelector"]["kept"].update(mean={"x": torch.zeros(3)})
    ),
    "no choice on dev": lambda state: resaved(state, lambda content: content["callbacks"].pop("BestEpochSelector")),
    "no random state": lambda state: resaved(state, lambda content: content["callbacks"].pop("CheckpointCallback")),
    "no place in the data": lambda state: resaved(state, lambda content: content.pop("TaskDataModule")),
    "no loops": lambda state: resaved(state, lambda content: content.pop("loops")),
    "no optimizer": lambda state: resaved(state, lambda content: content.pop("optimizer_states")),
}  # fmt: skip


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Data, a store with a fit that was killed after eight steps, and the stage that it would have made."""
    folder = tmp_path_factory.mktemp("killed")
    root = data(folder / "data")
    straight = fit(root, folder / "straight")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        kill_after(8, patch)
        fit(root, folder / "store", EVERY_STEP)
    return root, folder / "store", straight


def damaged(killed: tuple[Path, Path, Path], tmp_path: Path, harm: str) -> Path:
    """A copy of the store, its state damaged."""
    store = tmp_path / "copy"
    shutil.copytree(killed[1], store)
    (state,) = store.glob(f"unfinished/stages/*/{LAST}")
    (DAMAGE | UNFIT)[harm](state)
    return state


@pytest.mark.parametrize("harm", DAMAGE)
def test_a_damaged_state_is_not_read(harm: str, killed: tuple[Path, Path, Path], tmp_path: Path) -> None:
    state = damaged(killed, tmp_path, harm)
    assert last(state.parent, Store(tmp_path / "copy")) is None
    assert not os.path.lexists(state)
    assert len(list((tmp_path / "copy").glob(f"damaged/*/{LAST}"))) == (harm != "a link to nothing")


# One of each way to be found: when it is read, when it is loaded, in the first step.
@pytest.mark.parametrize("harm", ["a bit of a tensor", "no choice on dev", "moments of another shape"])
def test_a_damaged_state_is_set_aside_and_trained_again(
    harm: str, killed: tuple[Path, Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = damaged(killed, tmp_path, harm)
    content = state.read_bytes()
    store = tmp_path / "copy"
    assert result(fit(killed[0], store, EVERY_STEP)) == result(killed[2])
    (aside,) = store.glob(f"damaged/*/{LAST}")
    assert aside.read_bytes() == content and aside.parent.name.startswith(state.parent.name)
    [line] = [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and record.name == checkpoint.__name__
    ]
    assert str(state) in line and "set aside" in line and "from scratch" in line and "\n" not in line


@pytest.mark.parametrize("harm", UNFIT)
def test_a_state_that_does_not_fit_is_not_trained_on(
    harm: str, killed: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with it is known before a step has been made of it."""
    damaged(killed, tmp_path, harm)
    states, steps = list[Path | None](), list[int]()
    real, step = stage_fit._train, CheckpointCallback.on_train_batch_end

    def training(*, state: Path | None, **others: Any) -> None:
        states.append(state)
        if state is None:
            raise Killed  # it would be trained from its beginning
        real(state=state, **others)

    def stepped(self: CheckpointCallback, trainer: Any, *rest: Any) -> None:
        steps.append(trainer.global_step)
        step(self, trainer, *rest)

    monkeypatch.setattr(stage_fit, "_train", training)
    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", stepped)
    with pytest.raises(Killed):
        fit(killed[0], tmp_path / "copy")
    assert states[-1] is None and not steps
    assert not list((tmp_path / "copy").glob(f"unfinished/stages/*/{LAST}"))
    assert len(list((tmp_path / "copy").glob(f"damaged/*/{LAST}"))) == 1


def test_what_is_no_fault_of_the_state_leaves_it(
    killed: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Want of memory, a full disk, or a mistake of the user's in the first step: the next run resumes from it."""
    store = tmp_path / "copy"
    shutil.copytree(killed[1], store)
    for error in (torch.OutOfMemoryError("CUDA out of memory"), OSError(28, "No space left"), UserError("not finite")):
        with monkeypatch.context() as patch, pytest.raises((type(error), UserError)):
            patch.setattr(CheckpointCallback, "on_train_batch_start", Mock(side_effect=error))
            fit(killed[0], store)
        assert list(store.glob(f"unfinished/stages/*/{LAST}")) and not list(store.glob("damaged/*"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), SafetensorError("I/O error: No space")])
def test_a_full_disk_does_not_end_a_fit(
    error: Exception, killed: tuple[Path, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Whatever the class of the error, nothing half-written is left, and the stage is what it would have been."""

    def full(tensors: Any, path: Path, metadata: Any) -> None:
        del tensors, metadata
        path.write_bytes(b"half of it")
        (path.parent / ".tmpAbC123").write_bytes(b"what safetensors leaves when it is killed")
        raise error

    monkeypatch.setattr(checkpoint, "save_file", full)
    left: list[str] = []
    real = shutil.rmtree

    def removed(path: Path, *rest: Any, **options: Any) -> None:
        left.extend(one.name for one in path.glob("*") if path.parents[1].name == "unfinished")
        real(path, *rest, **options)

    monkeypatch.setattr(shutil, "rmtree", removed)
    assert result(fit(killed[0], tmp_path / "s", EVERY_STEP)) == result(killed[2])
    assert left == [".tmpAbC123"], "one, of the last write: each removes what was left before"
    assert "could not be written" in caplog.text and "training continues without a checkpoint" in caplog.text


def test_the_state_makes_room_for_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that holds the stage or the state of its fit, but not both. Where that is not enough, the state stays."""
    unfinished, directory = tmp_path / "unfinished", tmp_path / "stage"
    directory.mkdir()

    def save(to: Path) -> None:
        (to / "heads").mkdir()
        (to / "heads" / "half").write_bytes(b"x")
        if unfinished.exists():
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    module = Mock(save=save, state_dict=lambda: {"w": torch.zeros(25)})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Mock(free=40))
    for size, enough in ((59, False), (60, True)):
        unfinished.mkdir(exist_ok=True)
        (unfinished / LAST).write_bytes(bytes(size))
        with contextlib.nullcontext() if enough else pytest.raises(SafetensorError):
            stage_fit._save(module, directory, unfinished)
        assert unfinished.exists() != enough
        shutil.rmtree(directory / "heads")


def test_kill_9(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    epochs, store = "task.recipe.epochs=6", tmp_path / "killed"
    recipe = ["task.recipe.batch_size=4", "task.recipe.learning_rate=1e-3", epochs]
    overrides = words(root, "task=xnli", "languages=[en]", "noise.levels=[0]", *recipe, f"store={store}", EVERY_STEP)
    process = program.start(*overrides)
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if list(store.glob(f"unfinished/stages/*/{LAST}")):
            break
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert list(store.glob(f"unfinished/stages/*/{LAST}")), "it was finished before it could be killed"
    with caplog.at_level("INFO"):
        resumed = fit(root, store, epochs)
    assert "resumed in epoch" in caplog.text
    assert result(resumed) == result(fit(root, tmp_path / "straight", epochs))


def test_states_are_plain(tmp_path: Path) -> None:
    weight = torch.arange(6.0).reshape(2, 3)
    state: dict[Any, Any] = {
        "a": [1, 2.5, None, True, "x", (1, (2,))],
        3: {"w": weight, "tied": weight, "t": weight.T},
        "e": {},
    }
    writer = SafeCheckpointIO()
    writer.save_checkpoint(state, tmp_path / "x" / LAST)
    found: dict[Any, Any] = writer.load_checkpoint(tmp_path / "x" / LAST)
    assert found["a"] == state["a"] and found["e"] == {} and isinstance(found["a"][-1], tuple)
    assert all(torch.equal(found[3][name], state[3][name]) for name in ("w", "tied", "t"))
    assert [path.name for path in (tmp_path / "x").iterdir()] == [LAST]
    with pytest.raises(TypeError, match="cannot contain a set"):
        writer.save_checkpoint({"a": {1}}, tmp_path / "y" / LAST)
    store = Store(tmp_path)
    assert last(tmp_path / "x", store) == tmp_path / "x" / LAST and last(tmp_path / "y", store) is None
    save_file({"w": weight}, tmp_path / "x" / LAST)
    assert last(tmp_path / "x", store) is None and not list((tmp_path / "x").iterdir())
