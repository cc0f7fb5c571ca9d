"""How a fit runs: several devices, accumulated and recomputed gradients, early stopping, what is frozen."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file

from tests import program
from tests.e2e import world
from tests.unit.test_resume import Killed, kill_after
from xtreme_noise import cli, models
from xtreme_noise.config.schema import Config, ModelConfig
from xtreme_noise.data.batching import LengthBuckets
from xtreme_noise.stages.checkpoint import CheckpointCallback
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store


def job(root: Path, store: Path, *overrides: str) -> Config:
    recipe = ["task.recipe.batch_size=4", "task.recipe.learning_rate=1e-3"]
    return world.job(root, "task=xnli", *recipe, f"store={store}", *overrides)


def fit(root: Path, store: Path, *overrides: str) -> Path:
    return train(Plan(job(root, store, *overrides)), Store(store), False)


def facts(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "training.json").read_text())
    return found


CHANGING = ["trainer.accumulate_grad_batches=2", "trainer.gradient_checkpointing=true", "trainer.devices=2",
            "task.recipe.patience=2", "model.attention=eager", "model.attention_dropout=0.5"]  # fmt: skip


@pytest.mark.parametrize("override", CHANGING)
def test_what_can_change_a_weight_is_in_the_key(root: Path, tmp_path: Path, override: str) -> None:
    key = Plan(job(root, tmp_path)).stages[-1].key()
    assert Plan(job(root, tmp_path, override)).stages[-1].key() != key
    name, _ = override.split("=")
    default = {"accumulate_grad_batches": "1", "gradient_checkpointing": "false", "devices": "1"}.get(
        name.split(".")[-1], "null"
    )
    assert Plan(job(root, tmp_path, f"{name}={default}")).stages[-1].key() == key
    assert Plan(job(root, tmp_path, "trainer.checkpoint_minutes=1")).stages[-1].key() == key


def test_accumulated_gradients_are_one_update(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    real = CheckpointCallback.on_train_batch_end

    def counted(self: CheckpointCallback, trainer: Any, *rest: Any) -> None:
        steps.append(trainer.global_step)
        real(self, trainer, *rest)

    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", counted)
    fit(root, tmp_path / "s", "trainer.accumulate_grad_batches=4")
    assert steps == [0, 0, 0, 1, 1, 2], "six batches; the last two make an update of their own"


def test_a_fit_in_bfloat16_repeats_to_the_byte(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With clipped gradients, which Lightning refuses for an optimizer that is fused as a whole."""
    fused: list[bool] = []

    def note(_: Any, optimizer: Any) -> None:
        fused.extend(group["fused"] for group in optimizer.param_groups)

    monkeypatch.setattr("xtreme_noise.modules.base.TaskModule.on_before_optimizer_step", note)
    paths = [fit(root, tmp_path / name, "model.precision=bf16-mixed") for name in "ab"]
    first, second = ((path / "model.safetensors").read_bytes() for path in paths)
    assert first == second
    assert fused and all(fused)


def gradients(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """That of a weight at each update of the fits to come, before it is clipped."""
    found: list[torch.Tensor] = []

    def note(self: Any, _: Any) -> None:
        found.append(self.model.classifier.out_proj.weight.grad.clone())

    monkeypatch.setattr("xtreme_noise.modules.base.TaskModule.on_before_optimizer_step", note)
    return found


def test_an_update_is_the_mean_of_its_batches(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of an epoch, too, and after an interruption. The weights stay as they are, there is no dropout."""
    path = without_dropout(tmp_path)
    options = ["model.loader=hub", f"model.path={path}", "model.parameters={}", "task.recipe.learning_rate=1e-12"]
    found = gradients(monkeypatch)
    fit(root, tmp_path / "s", *options)
    single = list(found)
    assert len(single) == 6
    for number, sizes in ((4, [4, 2]), (9, [6])):
        found.clear()
        fit(root, tmp_path / "s", *options, f"trainer.accumulate_grad_batches={number}")
        for whole, batches in zip(found, torch.split(torch.stack(single), sizes), strict=True):
            assert torch.allclose(whole, batches.mean(0), rtol=1e-4, atol=1e-8)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(1, patch)
        fit(root, tmp_path / "t", *options, "trainer.accumulate_grad_batches=4", "trainer.checkpoint_minutes=0")
    found.clear()
    fit(root, tmp_path / "t", *options, "trainer.accumulate_grad_batches=4")
    assert len(found) == 1 and torch.allclose(found[0], torch.stack(single[4:]).mean(0), rtol=1e-4, atol=1e-8)


def without_dropout(tmp_path: Path) -> Path:
    path = models.materialise(ModelConfig(loader="random"), Store(tmp_path / "models"), True)
    config = json.loads((path / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_recomputed_activations_give_the_same_weights(root: Path, tmp_path: Path) -> None:
    one, other = (fit(root, tmp_path / "s", f"trainer.gradient_checkpointing={flag}") for flag in ("true", "false"))
    assert one != other
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()


def test_a_fit_stops_when_dev_gets_no_better(root: Path, tmp_path: Path) -> None:
    slow = ["task.recipe.epochs=9", "task.recipe.learning_rate=1e-12"]  # nothing is learned
    stopped = facts(fit(root, tmp_path / "s", *slow, "task.recipe.patience=2"))
    assert len(stopped["dev_scores"]) == 3 and stopped["chosen_epoch"] == 1
    assert len(facts(fit(root, tmp_path / "s", *slow))["dev_scores"]) == 9


def test_batches_come_in_another_order_in_every_epoch() -> None:
    """As Lightning asks for them."""
    from lightning_fabric.utilities.data import _set_sampler_epoch
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(range(30), batch_sampler=LengthBuckets(range(30), 4, 0))  # type: ignore[arg-type]
    epochs = []
    for epoch in range(2):
        _set_sampler_epoch(loader, epoch)
        epochs.append([batch.tolist() for batch in loader])
    assert epochs[0] != epochs[1]
    for found in epochs:
        assert sorted(number for batch in found for number in batch) == list(range(30))


def test_ranks_share_each_batch() -> None:
    lengths = [n % 7 + 1 for n in range(33)]
    whole = list(LengthBuckets(lengths, 8, 0))
    parts = [list(LengthBuckets(lengths, 8, 0, rank=rank, ranks=2)) for rank in range(2)]
    for one, other, batch in zip(*parts, whole, strict=True):
        if len(batch) > 1:
            assert sorted(one + other) == sorted(batch) and abs(len(one) - len(other)) <= 1
        else:
            assert one == other == batch, "no rank is without an example"
    assert min(map(len, whole)) == 1


def test_two_processes_train_as_one(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without dropout, which cannot be the same on two ranks; some batches are not even."""
    program.fork_ranks(monkeypatch)
    path = without_dropout(tmp_path)
    options = ["model.loader=hub", f"model.path={path}", "model.parameters={}", "task.recipe.batch_size=5",
               "trainer.accumulate_grad_batches=2"]  # fmt: skip
    one = fit(root, tmp_path / "s", *options, "task.recipe.epochs=2")
    two = fit(root, tmp_path / "s", *options, "task.recipe.epochs=2", "trainer.devices=2")
    assert one != two
    start, before, after = (load_file(folder / "model.safetensors") for folder in (path, one, two))
    assert before.keys() == after.keys()
    moved = max(float((before[f"roberta.{name}"] - start[name]).abs().max()) for name in start)
    apart = max(float((before[name] - after[name]).abs().max()) for name in before)
    assert apart < 1e-4 < 1e-3 < moved
    for same in ("dev_scores", "tokens", "examples", "chosen_epoch"):
        assert facts(one)[same] == facts(two)[same]


_SCRIPT = """
import multiprocessing, os, signal, threading, time
from xtreme_noise.stages import distributed

def rank():
    threading.Thread(target=distributed._end_with_parent, daemon=True).start()
    time.sleep(300)

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=rank)
    process.start()
    time.sleep(2)
    print(process.is_alive(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_rank_ends_with_its_parent(tmp_path: Path) -> None:
    """A command that is killed leaves nobody who goes on training: nobody has its stdout open any more."""
    (tmp_path / "killed.py").write_text(_SCRIPT)
    done = subprocess.run([sys.executable, tmp_path / "killed.py"], stdout=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "True\n")


def test_frozen_embeddings_cost_nothing(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No gradient, no state of the optimizer, and the backward pass ends before them."""
    seen: dict[str, Any] = {}

    def look(self: CheckpointCallback, trainer: Any, module: Any, *_: Any) -> None:
        del self
        frozen = [weight for weight in module.parameters() if not weight.requires_grad]
        seen["frozen"] = sum(weight.numel() for weight in frozen)
        seen["gradients"] = [weight for weight in frozen if weight.grad is not None]
        state = trainer.optimizers[0].state
        seen["state"] = sum(tensor.numel() for one in state.values() for tensor in one.values() if tensor.ndim)
        trained = [weight for weight in module.parameters() if weight.requires_grad]
        seen["trained"] = sum(weight.numel() for weight in trained)

    states: list[bool] = []
    real = pl.LightningModule.on_train_epoch_start

    def hooked(self: Any) -> None:
        real(self)
        embeddings = models.embeddings(self.model)
        embeddings.register_forward_hook(lambda _m, _i, output: states.append(output.requires_grad))

    monkeypatch.setattr(CheckpointCallback, "on_train_batch_end", look)
    monkeypatch.setattr("xtreme_noise.modules.base.TaskModule.on_train_epoch_start", hooked)
    fit(root, tmp_path / "s", "model.freeze_embeddings=true")
    assert seen["frozen"] > 1_000_000 and seen["gradients"] == []
    assert seen["state"] == 2 * seen["trained"] < 200_000
    assert states and not any(states)


@pytest.mark.usefixtures("workdir")
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_shards_without_cuda_are_refused_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["task=intents", "trainer.devices=2", "trainer.strategy=fsdp"]) == 2
    assert "fsdp needs CUDA devices" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.devices=0", "at least 1"),
        ("trainer.accumulate_grad_batches=0", "at least 1"),
        ("trainer.strategy=dpp", "did you mean 'ddp'"),
        ("trainer.strategy=fsdp", "trainer.devices"),
        ("trainer.checkpoint_minutes=-1", "at least 0"),
        ("task.recipe.patience=0", "at least 1"),
        ("task=lareqa trainer.devices=2", "must be 1 for lareqa"),
        ("intermediate=robust_contrastive intermediate.arm=english train_noise=char train_noise.stages=[intermediate] "
         "trainer.devices=2",
         "must be 1 for robust_contrastive/english"),
        ("intermediate=stilts trainer.devices=2", "must be 1 for a multitask stage (stilts/english)"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("workdir")
def test_mistakes(override: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=plan", *([] if "task=" in override else ["task=xnli"]), *override.split()]) == 2
    assert words in capsys.readouterr().err
