"""A job is one process, whatever the environment says of ranks, and Lightning saves nothing by itself."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.test_resume import Killed, fit, result
from xtreme_noise import ranks, trackers
from xtreme_noise.config.schema import TrackerConfig
from xtreme_noise.stages.checkpoint import CheckpointCallback

SLURM = {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_JOB_NAME": "x"}
TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1"}
LIGHTNING = {"PL_TRAINER_LIMIT_TRAIN_BATCHES": "1", "PL_TRAINER_OVERFIT_BATCHES": "1", "PL_GLOBAL_SEED": "5"}


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment as in a job of Slurm, whose programs do nothing."""
    for name in ("srun", "scontrol"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for name, value in SLURM.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("environment", [TORCHRUN, LIGHTNING], ids=["ranks", "lightning"])
def test_a_fit_is_the_same_in_any_environment(
    environment: dict[str, str], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: None,
) -> None:  # fmt: skip
    assert slurm is None
    with monkeypatch.context() as patch:
        for name in SLURM:
            patch.delenv(name)
        undisturbed = fit(root, tmp_path / "undisturbed")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    seen: list[dict[str, str]] = []
    real = CheckpointCallback.on_train_start

    def on_train_start(self: CheckpointCallback, *rest: Any) -> None:
        seen.append(dict(os.environ))
        real(self, *rest)

    monkeypatch.setattr(CheckpointCallback, "on_train_start", on_train_start)
    assert result(fit(root, tmp_path / "disturbed")) == result(undisturbed)
    assert not {name for name in seen[0] if name in environment and name != "PL_GLOBAL_SEED"}
    assert SLURM.items() <= seen[0].items(), "submitit needs it to requeue"
    assert dict(os.environ) == before


def test_lightning_saves_no_state_of_its_own_and_reads_none(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slurm: None
) -> None:
    """Under Slurm it would save into the current folder at SIGUSR1, and the next fit there would load it."""
    assert slurm is None
    handlers: list[Any] = []
    real = CheckpointCallback.on_train_batch_end

    def on_train_batch_end(self: CheckpointCallback, trainer: Any, *rest: Any) -> None:
        real(self, trainer, *rest)
        handlers.append(signal.getsignal(signal.SIGUSR1))
        if trainer.global_step == 8:
            trainer.save_checkpoint("hpc_ckpt_1.ckpt")  # as an older version would have
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(CheckpointCallback, "on_train_batch_end", on_train_batch_end)
        fit(root, tmp_path / "killed", "seed=1")
    assert set(handlers) == {signal.SIG_DFL}
    assert Path("hpc_ckpt_1.ckpt").is_file()
    after = fit(root, tmp_path / "after", "seed=2")
    Path("hpc_ckpt_1.ckpt").unlink()
    assert result(after) == result(fit(root, tmp_path / "undisturbed", "seed=2"))


@pytest.mark.parametrize("variable", ["RANK", "SLURM_PROCID"])
def test_a_tracker_logs_in_every_process(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning's loggers are silent but for rank 0, as they read it from the environment when they are imported."""
    monkeypatch.setenv(variable, "1")
    rank_zero_only = sys.modules["lightning_utilities.core.rank_zero"].rank_zero_only
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    tracker = trackers.Tracker(TrackerConfig(kind="csv"), tmp_path, "a job", {})
    tracker.open().log_metrics({"a": 1.0})
    tracker.close()
    assert (tmp_path / "csv" / "version_0" / "metrics.csv").is_file()


def test_what_was_hidden_comes_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    with pytest.raises(Killed), ranks.alone():
        assert "RANK" not in os.environ
        os.environ["PL_SEED_WORKERS"] = "1"
        raise Killed
    assert os.environ["RANK"] == "3" and "PL_SEED_WORKERS" not in os.environ
