"""Each tracker once: one run a job, closed with the job, nothing outside its folder."""

from __future__ import annotations

import csv
import importlib.util
import sqlite3
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from pytorch_lightning.loggers import Logger

from tests.e2e.world import QUICK
from xtreme_noise import trackers
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config, TaskConfig, TrackerConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.stages.run import run_job

CONFIG = asdict(Config(task=TaskConfig(name="xnli", labels=[f"label {n}" for n in range(300)])))


@pytest.fixture
def study(workdir: Path) -> Path:
    """Three jobs' runs go here; the working directory stays empty."""
    return workdir.parent / "study"


def track(kind: str, study: Path, job: str, score: float) -> None:
    """What a job does with its tracker."""
    directory = study / "jobs" / job
    logger = trackers.build(TrackerConfig(kind=kind), directory, f"run of {job}", CONFIG)
    logger.log_metrics({"loss": 0.5}, step=3)
    logger.log_metrics({"xnli/de/char@0.05#0": score})
    trackers.close(logger)


def test_csv(study: Path, workdir: Path) -> None:
    track("csv", study, "a", 0.25)
    track("csv", study, "a", 0.75)  # resumed: the earlier file stays
    track("csv", study, "b", 0.5)
    files = sorted(study.glob("jobs/*/csv/*/metrics.csv"))
    assert [p.relative_to(study).as_posix() for p in files] == [
        "jobs/a/csv/version_0/metrics.csv",
        "jobs/a/csv/version_1/metrics.csv",
        "jobs/b/csv/version_0/metrics.csv",
    ]
    rows = list(csv.DictReader(files[1].open()))
    assert [row["xnli/de/char@0.05#0"] for row in rows if row["xnli/de/char@0.05#0"]] == ["0.75"]
    assert not any(workdir.iterdir())


def test_a_rerun_of_what_is_finished_adds_nothing(
    workdir: Path, store_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another tracker is shown all of it."""
    opened: list[str] = []
    real = trackers.build

    def build(cfg: TrackerConfig, *rest: Any) -> Logger:
        opened.append(cfg.kind)
        return real(cfg, *rest)

    monkeypatch.setattr(trackers, "build", build)

    def run(kind: str) -> set[str]:
        [cfg] = compose.jobs(
            ["source=embedded", "task=intents", *QUICK, "languages=[en]", "task.size.test=4", "noise.level=0.1",
             f"tracker={kind}", f"store={store_path}", f"sweep={workdir}"]
        )  # fmt: skip
        run_job(cfg, workdir / "jobs" / "a")
        return {path.relative_to(workdir / "jobs" / "a").parts[0] for path in workdir.rglob("*/a/*/**")}

    first = run("csv")
    assert opened == ["csv"]
    for _ in range(2):
        assert run("csv") == first
    assert opened == ["csv"]
    assert run("tensorboard") == first | {"tensorboard"} and opened == ["csv", "tensorboard"]
    assert [path.name for path in workdir.glob("jobs/a/csv/*")] == ["version_0"]


def test_csv_keeps_no_empty_versions(study: Path) -> None:
    """Of runs that failed before they had anything to log."""
    for _ in range(3):
        logger = trackers.build(TrackerConfig(kind="csv"), study / "jobs" / "a", "run", CONFIG)
        (Path(str(logger.log_dir)) / "hparams.yaml").parent.mkdir(parents=True, exist_ok=True)
    assert len(list(study.glob("jobs/a/csv/*"))) == 1
    track("csv", study, "a", 0.5)
    track("csv", study, "a", 0.5)
    assert [path.name for path in sorted(study.glob("jobs/a/csv/*"))] == ["version_0", "version_1"]


def test_tensorboard(study: Path, workdir: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    track("tensorboard", study, "a", 0.25)
    track("tensorboard", study, "b", 0.5)
    for job, score in (("a", 0.25), ("b", 0.5)):
        events = EventAccumulator(str(study / "jobs" / job / "tensorboard"))
        events.Reload()
        assert [event.value for event in events.Scalars("xnli/de/char@0.05#0")] == [score]
    assert not any(workdir.iterdir())


def test_mlflow_has_one_run_a_job_in_the_database_of_the_study(study: Path, workdir: Path) -> None:
    pytest.importorskip("mlflow")
    track("mlflow", study, "a", 0.25)
    track("mlflow", study, "b", 0.5)
    track("mlflow", study, "a", 0.75)  # resumed: the same run goes on
    with sqlite3.connect(study / "mlflow.db") as database:
        runs = database.execute("select name, status from runs order by name").fetchall()
        scores = database.execute(
            "select r.name, m.value from metrics m join runs r on r.run_uuid = m.run_uuid "
            "where m.key like 'xnli%' order by r.name, m.value"
        ).fetchall()
    assert runs == [("run of a", "FINISHED"), ("run of b", "FINISHED")]
    assert scores == [("run of a", 0.25), ("run of a", 0.75), ("run of b", 0.5)]
    assert not any(workdir.iterdir())


def test_wandb_is_offline_and_keeps_jobs_apart_in_the_group_of_their_study(
    study: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    groups: list[str] = []
    real = trackers.close

    def close(logger: Any) -> None:
        groups.append(logger.experiment.group)
        real(logger)

    monkeypatch.setattr(trackers, "close", close)
    track("wandb", study, "a", 0.25)
    assert wandb.run is None
    track("wandb", study, "b", 0.5)
    assert groups == [study.name, study.name]
    assert [len(list((study / "jobs" / job / "wandb").glob("offline-run-*/*.wandb"))) for job in "ab"] == [1, 1]
    assert not any(workdir.iterdir())


@pytest.mark.parametrize("kind", ["tensorboard", "mlflow", "wandb"])
def test_a_missing_package_names_its_extra(kind: str, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == kind else find(name))
    with pytest.raises(ConfigError, match=rf"pip install 'xtreme-noise\[{kind}\]'"):
        trackers.build(TrackerConfig(kind=kind), study, "run", CONFIG)
    with pytest.raises(ConfigError, match=rf"pip install 'xtreme-noise\[{kind}\]'"):
        compose.jobs(["task=xnli", f"tracker={kind}"])  # a command is told before anything is trained


def test_an_unknown_tracker_is_named(study: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'csv'"):
        trackers.build(TrackerConfig(kind="cvs"), study, "run", CONFIG)
