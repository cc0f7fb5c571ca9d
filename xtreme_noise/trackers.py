"""Experiment trackers: one run per job, in the folder of the job or the study; nothing leaves this machine.

The results of a study are its cells and predictions; a tracker is an additional view of training curves and scores.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise import ranks
from xtreme_noise.config.schema import TrackerConfig
from xtreme_noise.config.sense import tracker_installed
from xtreme_noise.parts import TRACKERS
from xtreme_noise.writing import file_lock, make_folder

if TYPE_CHECKING:  # Lightning is heavy: it is imported when there is something to log
    from pytorch_lightning.loggers import Logger


def build(cfg: TrackerConfig, directory: Path, run_name: str, config: dict[str, Any]) -> Logger:
    """The Lightning logger of the job in `directory`, with its configuration logged.

    Raises ConfigError when the tracker is unknown or its package is not installed.
    """
    open_logger = TRACKERS.get(cfg.kind)
    tracker_installed(cfg.kind)
    ranks.rank_zero()
    make_folder(directory)
    logger: Logger = open_logger(cfg, directory, run_name)
    logger.log_hyperparams(config)
    return logger


class Tracker:
    """The logger of a job, opened at the first log entry, so that rerunning a finished job does not touch it."""

    def __init__(self, cfg: TrackerConfig, directory: Path, run_name: str, config: dict[str, Any]) -> None:
        self._arguments = (cfg, directory, run_name, config)
        self._logger: Logger | None = None

    def open(self) -> Logger:
        """The logger, one for the whole job. Raises what `build` raises."""
        if self._logger is None:
            self._logger = build(*self._arguments)
        return self._logger

    def close(self) -> None:
        """End the run, if there is one."""
        if self._logger is not None:
            close(self._logger)


def close(logger: Logger) -> None:
    """End the job's run, so that the next job in this process starts its own."""
    from pytorch_lightning.loggers import WandbLogger

    logger.save()
    logger.finalize("success")
    if isinstance(logger, WandbLogger):
        logger.experiment.finish()  # Lightning keeps it open, and would merge the next job into it


def csv_logger(_: TrackerConfig, directory: Path, __: str) -> Logger:
    """A CSV file a run of the job. The configuration is in the job's folder already, in .hydra/config.yaml."""
    from pytorch_lightning.loggers import CSVLogger

    class Metrics(CSVLogger):
        def log_hyperparams(self, *_: Any, **__: Any) -> None:
            pass

    for version in (directory / "csv").glob("version_*"):
        if not (version / "metrics.csv").exists():  # left by a run that ended before its first metric
            shutil.rmtree(version)
    return Metrics(directory, name="csv")  # version_0, version_1, ...: a resumed job keeps the earlier file


def tensorboard_logger(_: TrackerConfig, directory: Path, __: str) -> Logger:
    """Event files of the job, which a resumed job continues."""
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(directory, name="tensorboard", version="", default_hp_metric=False)


def mlflow_logger(cfg: TrackerConfig, directory: Path, run_name: str) -> Logger:
    """One database per study. A resumed job continues its run, identified by the job's tag."""
    from pytorch_lightning.loggers import MLFlowLogger

    study = _study(directory)
    uri = f"sqlite:///{study / 'mlflow.db'}"
    artifacts = (study / "mlflow").as_uri()
    with file_lock(study / ".mlflow.lock"):  # parallel jobs would create the tables twice
        from mlflow import MlflowClient

        client = MlflowClient(uri)
        known = client.get_experiment_by_name(cfg.project)
        experiment = known.experiment_id if known else client.create_experiment(cfg.project, artifacts)
        runs = client.search_runs([experiment], f"tags.job = '{directory.name}'", max_results=1)
        run_id = runs[0].info.run_id if runs else None
        logger = MLFlowLogger(
            cfg.project,
            run_name=run_name,
            tracking_uri=uri,
            artifact_location=artifacts,
            tags={"job": directory.name},
            run_id=run_id,
        )
        if logger.run_id is None:
            raise RuntimeError(f"MLflow did not create a run in {uri}")
    return logger


def wandb_logger(cfg: TrackerConfig, directory: Path, run_name: str) -> Logger:
    """A run on this machine only, for `wandb sync`, in the group of its study."""
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    if wandb.run is not None:
        raise RuntimeError("another W&B run is open in this process, and would receive the data of this job")
    logger = WandbLogger(
        name=run_name,
        group=_study(directory).name,
        id=directory.name,  # so that `wandb sync` merges the files of a resumed job into one run
        save_dir=directory,
        project=cfg.project,
        offline=True,
        settings=wandb.Settings(console="off", silent=True),
    )
    if logger.experiment is None:
        raise RuntimeError("W&B did not create a run")
    return logger


def _study(directory: Path) -> Path:
    """The folder of the study of a job."""
    return directory.parent.parent if directory.parent.name == "jobs" else directory
