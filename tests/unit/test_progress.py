"""Lines of the log that say where a fit is."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest

from tests.e2e.world import QUICK, data
from xtreme_noise.config import compose
from xtreme_noise.stages import progress
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store


def test_a_line_says_how_far_a_fit_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "SECONDS", 0.0)
    files = ["source=files", f"source.root={data(tmp_path / 'data')}", f"store={tmp_path / 'store'}"]
    [cfg] = compose.jobs([*QUICK, *files, "task=xnli", "task.recipe.batch_size=4", "task.recipe.epochs=2"])
    with caplog.at_level(logging.INFO, logger="xtreme_noise"), warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # what Lightning makes torch say is nobody's concern
        train(Plan(cfg), Store(cfg.store), False)
    lines = [record.message for record in caplog.records if "batches, about" in record.message]
    assert lines[0].startswith("xnli: 1 of 12 batches") and lines[-1] == "xnli: 12 of 12 batches, about 0 minutes left"
