"""Averaged weights: of checkpoints of one fit, and of several fits of a stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.e2e.world import job
from tests.unit.test_resume import EVERY_STEP, Killed, fit, kill_after, result
from xtreme_noise import cli
from xtreme_noise.errors import ConfigError
from xtreme_noise.stages.averaging import RunningMean, evenly
from xtreme_noise.stages.checkpoint import CheckpointCallback
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store

THREE = "task.recipe.averaged_checkpoints=3"  # of 18 updates
RUNS = "task.recipe.averaged_runs=2"


def weights(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(path / "model.safetensors")
    return found


def finished(store: Path) -> list[Path]:
    return [path.parent for path in store.glob("stages/*/training.json")]


def facts(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((path / "training.json").read_text())
    return found


def test_checkpoints_are_spread_evenly_and_the_last_update_is_one() -> None:
    assert evenly(3, 18) == [6, 12, 18]
    assert evenly(4, 10) == [3, 5, 8, 10]
    assert evenly(5, 5) == [1, 2, 3, 4, 5]
    with pytest.raises(ConfigError, match="only 4 updates"):
        evenly(5, 4)


def test_a_running_mean_is_the_mean() -> None:
    values = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(1))
    mean = RunningMean()
    for value in values:
        mean.add([("weight", value), ("position", torch.arange(3))])
    assert torch.allclose(mean.mean["weight"], values.mean(0), atol=1e-6)
    assert torch.equal(mean.mean["position"], torch.arange(3))


def test_the_mean_of_checkpoints_is_kept(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    real = CheckpointCallback.on_train_batch_end

    def copied(self: CheckpointCallback, trainer: Any, module: Any, *rest: Any) -> None:
        real(self, trainer, module, *rest)
        if trainer.global_step in (6, 12, 18):
            taken.append({name: weight.detach().clone() for name, weight in module.model.named_parameters()})

    with monkeypatch.context() as patch:
        patch.setattr(CheckpointCallback, "on_train_batch_end", copied)
        path = fit(root, tmp_path / "s", THREE)
    assert len(taken) == 3
    for name, weight in weights(path).items():
        expected = torch.stack([one[name] for one in taken]).mean(0)
        assert torch.allclose(weight, expected, atol=1e-6), name
    found = facts(path)
    assert len(found["dev_scores"]) == 3 and found["chosen_epoch"] is None and found["averaged_checkpoints"] == 3
    assert 0 <= found["dev_score"] <= 1


def test_it_is_resumed_to_the_same_bytes(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = fit(root, tmp_path / "straight", THREE)
    for step in (6, 13):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_after(step, patch)
            fit(root, tmp_path / "killed", THREE, EVERY_STEP)
    assert result(fit(root, tmp_path / "killed", THREE, EVERY_STEP)) == result(straight)


def test_the_mean_of_runs_is_kept_and_the_first_run_is_the_plain_stage(root: Path, tmp_path: Path) -> None:
    store = tmp_path / "s"
    plain = fit(root, store)
    average = fit(root, store, RUNS)
    (other,) = (path for path in finished(store) if path not in (plain, average))
    both = [weights(plain), weights(other)]
    for name, weight in weights(average).items():
        assert torch.allclose(weight, (both[0][name] + both[1][name]) / 2, atol=1e-6), name
    assert not torch.equal(both[0]["classifier.dense.weight"], both[1]["classifier.dense.weight"]), "the same dropout"
    found = facts(average)
    assert found["averaged_runs"] == 2 and found["dev_scores"] == [facts(plain)["dev_score"], facts(other)["dev_score"]]
    assert found["updates"] == 36 and found["chosen_epoch"] is None


def test_runs_start_from_one_head(root: Path, tmp_path: Path) -> None:
    average = fit(root, tmp_path, RUNS, "task.recipe.learning_rate=1e-12")
    for path in finished(tmp_path):
        for name, weight in weights(path).items():
            assert torch.allclose(weight, weights(average)[name], atol=1e-6), name


def test_a_run_that_is_there_is_not_planned_again(root: Path, tmp_path: Path) -> None:
    from xtreme_noise.commands.plan import survey

    recipe = ["task.recipe.epochs=3", "task.recipe.batch_size=4", "task.recipe.learning_rate=1e-3"]
    cfg = job(root, "task=xnli", *recipe, f"store={tmp_path}", "task.recipe.averaged_runs=3")

    def tokens() -> float:
        ((_, work),) = survey([cfg]).stages.values()
        return work.tokens

    before = tokens()
    fit(root, tmp_path)
    assert tokens() == pytest.approx(before * 2 / 3)
    assert [Store(tmp_path).there("stages", run.key()) for run in Plan(cfg).stages[-1].runs] == [True, False, False]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["task.recipe.averaged_checkpoints=1"], "at least 2"),
        (["task.recipe.averaged_runs=1"], "at least 2"),
        (["task.recipe.averaged_checkpoints=3", "task.recipe.patience=1"], "leave one out"),
        (["intermediate=stilts", "intermediate.recipe.averaged_runs=2"], "one task"),
        (["intermediate=stilts", "intermediate.tasks.mnli.recipe.averaged_runs=2"], "one task"),
        (["intermediate=stilts", "intermediate.tasks.mnli.recipe.averaged_checkpoints=2"], "multitask stage"),
    ],
)
def test_refused(overrides: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=plan", "task=xnli", "model=tiny", *overrides]) == 2
    assert said in capsys.readouterr().err
