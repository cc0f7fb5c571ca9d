"""A run's log without Lightning's lines on hardware, tips and loops; its warnings stay."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import logging
import xtreme_noise
words = ["model=tiny", "task=intents", "source=embedded", "languages=[en]", "noise=[char]", "noise.levels=[0]"]
words += ["limit=4", "task.recipe.epochs=1", "store=store", "sweep=s"]
xtreme_noise.run(*words)
logging.getLogger("pytorch_lightning.utilities.rank_zero").warning("a warning of Lightning")
"""


@pytest.mark.slow
@pytest.mark.usefixtures("workdir")
def test_only_warnings_of_lightning() -> None:
    """In a fresh process: the first import of Lightning sets its level."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=True)
    log = done.stdout + done.stderr
    assert "training on" in log and "a warning of Lightning" in log
    for line in ("GPU available", "TPU available", "Tip:", "estimate number of", "Trainer.fit"):
        assert line not in log
