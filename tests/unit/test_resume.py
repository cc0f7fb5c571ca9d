"""An interrupted fit ends in the weights of one that was never interrupted, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tests.e2e.world import QUICK, command
from xtreme_noise.config import compose
from xtreme_noise.stages import checkpoint
from xtreme_noise.stages.checkpoint import LAST, Resume, SafeCheckpointIO, last
from xtreme_noise.stages.open import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store

EVERY_STEP = "trainer.checkpoint_minutes=0"


class Killed(BaseException):
    """In place of a power cut."""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def fit(root: Path, store: Path, *overrides: str) -> Path:
    """The finished directory of a target stage: three epochs of six steps, with dropout."""
    [cfg] = compose.jobs(
        [*QUICK, "source=files", f"source.root={root}", "task=xnli", "task.recipe.epochs=3",
         "task.recipe.batch_size=4", "task.recipe.learning_rate=1e-3", f"store={store}", *overrides]
    )  # fmt: skip
    return train(Plan(cfg), Store(store), False)


def result(path: Path) -> tuple[bytes, dict[str, Any]]:
    """All that a fit leaves, but the time it took."""
    facts = json.loads((path / "training.json").read_text())
    del facts["seconds"]
    return (path / "model.safetensors").read_bytes(), facts


def kill_after(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Resume.on_train_batch_end

    def killing(self: Resume, trainer: Any, *rest: Any) -> None:
        real(self, trainer, *rest)
        if trainer.global_step == step:
            raise Killed

    monkeypatch.setattr(Resume, "on_train_batch_end", killing)


@pytest.mark.parametrize(
    "options", [[], ["train_noise=char"], ["model.freeze_embeddings=true"]], ids=["plain", "noise", "frozen"]
)
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
    real = Resume.on_train_batch_start

    def counted(self: Resume, trainer: Any, *rest: Any) -> None:
        steps.append(trainer.global_step)
        real(self, trainer, *rest)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(9, patch)
        fit(root, tmp_path / "s", EVERY_STEP)
    monkeypatch.setattr(Resume, "on_train_batch_start", counted)
    fit(root, tmp_path / "s")
    assert steps == list(range(9, 18))


def test_a_damaged_state_is_left_behind(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = fit(root, tmp_path / "straight")
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(8, patch)
        fit(root, tmp_path / "s", EVERY_STEP)
    (state,) = (tmp_path / "s").glob(f"unfinished/stages/*/{LAST}")
    state.write_bytes(state.read_bytes()[:1000])
    assert result(fit(root, tmp_path / "s")) == result(straight)


def test_a_full_disk_does_not_end_a_fit(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    straight = fit(root, tmp_path / "straight")
    monkeypatch.setattr(checkpoint, "save_file", full)
    assert result(fit(root, tmp_path / "s", EVERY_STEP)) == result(straight)


def test_kill_9(root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    epochs, store = "task.recipe.epochs=6", tmp_path / "killed"
    overrides = [*QUICK, "source=files", f"source.root={root}", "task=xnli", "languages=[en]", "noise.levels=[0]",
                 "task.recipe.batch_size=4", "task.recipe.learning_rate=1e-3", epochs, f"store={store}",
                 EVERY_STEP]  # fmt: skip
    process = subprocess.Popen(
        command(*overrides), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        if list(store.glob(f"unfinished/stages/*/{LAST}")):
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(store.glob(f"unfinished/stages/*/{LAST}")), "it was finished before it could be killed"
    with caplog.at_level("INFO"):
        resumed = fit(root, store, epochs)
    assert "goes on in epoch" in caplog.text
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
    with pytest.raises(TypeError, match="cannot hold a set"):
        writer.save_checkpoint({"a": {1}}, tmp_path / "y" / LAST)
    assert last(tmp_path / "x") == tmp_path / "x" / LAST and last(tmp_path / "y") is None
    save_file({"w": weight}, tmp_path / "x" / LAST)
    assert last(tmp_path / "x") is None and not list((tmp_path / "x").iterdir())
