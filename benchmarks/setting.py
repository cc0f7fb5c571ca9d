"""Shared by the benchmarks: the data folder, composed jobs, and how a result is printed."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config


def data_folder() -> Path:
    """The real data: XTREME_NOISE_DATA, or shared/data next to the checkout. Raises SystemExit if it is missing."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("XTREME_NOISE_DATA", default))
    if not folder.is_dir():
        raise SystemExit("the benchmarks need the real data: set XTREME_NOISE_DATA to its folder")
    return folder


def job(*overrides: str) -> Config:
    """One composed and checked job that reads the real data."""
    (cfg,) = compose.jobs([*overrides, "source=files", f"source.root={data_folder()}", "trainer.progress=false"])
    return cfg


def fit_seconds(module: Any, data: Any, precision: Any = "32-true") -> float:
    """One epoch of training on a CPU, nothing else."""
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, gradient_clip_val=1.0, use_distributed_sampler=False, precision=precision,
    )  # fmt: skip
    data.setup("fit")
    begin = time.perf_counter()
    trainer.fit(module, datamodule=data)
    return time.perf_counter() - begin


def machine() -> str:
    """A description of the machine."""
    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} torch threads, no GPU used; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def line(name: str, ours: float, other: float, unit: str, target: str) -> None:
    """Print one comparison: both figures, their ratio and its target."""
    print(
        f"{name}: {ours:.2f} against {other:.2f} {unit}, ratio {ours / other:.2f} (target: {target})",
        flush=True,
    )
