"""Shared by the benchmarks: the data folder, composed jobs, how a result is printed, and the ratios of a run."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch

from xtreme_noise import hardware
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config


class Ratio(NamedTuple):
    """A measured ratio. rises: it is worse when it is higher."""

    value: float
    rises: bool


RATIOS: dict[str, Ratio] = {}  # of all comparisons printed in this process, by name


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


def fit_seconds(
    module: Any, data: Any, precision: Any = "32-true", accelerator: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> float:  # fmt: skip
    """One epoch of training on one device, nothing else."""
    trainer = pl.Trainer(
        max_epochs=1, accelerator=accelerator, devices=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, gradient_clip_val=1.0, use_distributed_sampler=False,
        precision=precision,
    )  # fmt: skip
    data.setup("fit")
    begin = clock()
    trainer.fit(module, datamodule=data)
    return clock() - begin


def machine() -> str:
    """A description of the machine."""
    return (
        f"{os.cpu_count()} CPU cores ({platform.machine()}), {torch.get_num_threads()} torch threads, no GPU used; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def kind() -> str:
    """The kind of machine in words: ratios are comparable where it is the same."""
    words = {"amx": "AMX", "avx512_bf16": "AVX-512 and bfloat16", "avx512": "AVX-512", "avx2": "AVX2"}
    has = words.get(hardware.instructions(), hardware.instructions())
    cores, threads = os.cpu_count(), torch.get_num_threads()
    return f"{cores} CPU core{'s' * (cores != 1)} with {has}, {threads} thread{'s' * (threads != 1)}"


def line(name: str, ours: float, other: float, unit: str, target: str) -> None:
    """Print and keep one comparison: both figures, their ratio and its target. "at most": a lower ratio is better."""
    RATIOS[name] = Ratio(ours / other, target.startswith("at most"))
    print(
        f"{name}: {ours:.2f} against {other:.2f} {unit}, ratio {ours / other:.2f} (target: {target})",
        flush=True,
    )
