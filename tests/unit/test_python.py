"""The Python interface: the same study as on the command line, and a process that is left as it was."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

import xtreme_noise
from tests.unit.sweep_factory import Spec, make
from xtreme_noise import models
from xtreme_noise.config import compose
from xtreme_noise.errors import ConfigError, DataError, JobFailed
from xtreme_noise.position import position
from xtreme_noise.stages import cell_lines
from xtreme_noise.store import Store

SMALL: tuple[str, ...] = (
    "model=tiny",
    "task=intents",
    "source=embedded",
    "languages=[en,de]",
    "noise=[char]",
    "noise.levels=[0,0.1]",
)
SMALL += ("task.size.train=20", "task.size.test=20", "task.size.dev=20", "task.recipe.epochs=1", "store=store")


def state() -> dict[str, Any]:
    """What a study could leave changed in the process."""
    signals = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    root = logging.getLogger()
    return {
        "signals": signals,
        "handlers": list(root.handlers),
        "level": root.level,
        "lightning": logging.getLogger("pytorch_lightning").level,
        "hydra": GlobalHydra.instance().hydra,
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "words": sys.argv,
        "random": (random.getstate(), repr(np.random.get_state()), torch.get_rng_state().tolist()),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "collector": gc.get_threshold(),
        "unraisable": sys.unraisablehook,
    }


@pytest.mark.usefixtures("workdir")
def test_a_study_runs_twice_and_leaves_the_process_as_it_was() -> None:
    before = state()
    study = xtreme_noise.run(*SMALL)
    after = state()
    assert {name for name in before if before[name] != after[name]} == set()
    assert study.folder.parent == Path.cwd() / "multirun_outputs"
    assert study.cells["status"].tolist() == ["ok"] * 4
    again = xtreme_noise.run(*SMALL)
    pd.testing.assert_frame_equal(study.cells, again.cells)
    swept = xtreme_noise.run(*SMALL, "seed=42,43", "sweep=seeds", multirun=True)
    assert swept.folder == Path("seeds").absolute() and set(swept.cells["seed"]) == {42, 43}
    assert {name for name in before if before[name] != state()[name]} == set()

    noisy = study.cells[study.cells["level"] > 0].iloc[0]
    items = study.predictions(noisy)
    assert len(items) == noisy["n"] == 20
    assert items["num"].sum() / items["den"].sum() == pytest.approx(noisy["score"])
    assert study.predictions(noisy["cell"]).equals(items)


@pytest.mark.usefixtures("workdir")
def test_errors_are_exceptions_with_the_words_of_the_command_line() -> None:
    before = state()
    with pytest.raises(ConfigError, match=r"did you mean 'xnli'"):
        xtreme_noise.run("task=xnly")
    with pytest.raises(ConfigError, match="multirun=True"):
        xtreme_noise.run("-m", "task=xnli")
    with pytest.raises(ConfigError, match="mode=plan: "):
        xtreme_noise.run("mode=plan", *SMALL)
    with pytest.raises(JobFailed, match=r"a job failed: .*no such file.*; the report lists them first"):
        xtreme_noise.run("model=tiny", "task=xnli", "source.root=.", "languages=[de]", "store=store", "sweep=s")
    assert {name for name in before if before[name] != state()[name]} == set()


@pytest.mark.usefixtures("workdir")
def test_a_process_of_a_study_does_not_begin_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a process imports a script without `if __name__ == "__main__"` from its top (trainer.eval_devices=2)."""
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(ConfigError, match='if __name__ == "__main__"'):
        xtreme_noise.run(*SMALL)
    assert not list(Path.cwd().iterdir())


def test_a_finished_study(tmp_path: Path) -> None:
    folder = make(tmp_path / "s", Spec(languages=("en", "de"), noises=("char",), levels=(0.1,), items=10))
    study = xtreme_noise.Study(folder)
    assert study.report() == folder / "report.html" and study.report().is_file()
    assert "<pre" in study._repr_html_() and "report.html" in study._repr_html_()
    with pytest.raises(DataError, match="no predictions of the cell 'none'"):
        study.predictions("none")
    with pytest.raises(ConfigError, match="contains no results"):
        xtreme_noise.Study(tmp_path / "elsewhere")


@pytest.mark.usefixtures("workdir")
def test_a_model_in_memory(root: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    [cfg] = compose.jobs(["model=tiny", "store=store"])
    saved = models.materialise(cfg.model, Store("store"), True)
    model, tokenizer = AutoModel.from_pretrained(saved), AutoTokenizer.from_pretrained(saved)
    table = xtreme_noise.evaluate(
        model, tokenizer, task="tatoeba", languages="de", levels=[0, 0.2],
        overrides=[f"source.root={root}", "store=store"],
    )  # fmt: skip
    assert table["level"].tolist() == [0.0, 0.2] and table["drop"].iloc[0] == 0
    assert (table["clean"] - table["drop"]).tolist() == pytest.approx(table["score"].tolist())


def test_the_package_is_typed_and_light() -> None:
    assert Path(xtreme_noise.__file__).with_name("py.typed").is_file()
    code = "import sys, xtreme_noise; sys.exit(', '.join({'hydra', 'numpy', 'torch'} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = xtreme_noise.runn


def test_progress_over_cells(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_lines, "SECONDS", 0.0)
    token = position.set((2, 4))
    lines = cell_lines.CellLines(3)
    with caplog.at_level(logging.INFO, logger="xtreme_noise"):
        for _ in range(3):
            lines.begins()
            lines.ends()
    position.reset(token)
    assert caplog.messages == [
        "job 2 of 4, cell 1 of 3, less than a minute left for this job",
        "job 2 of 4, cell 2 of 3, less than a minute left for this job",
    ]
