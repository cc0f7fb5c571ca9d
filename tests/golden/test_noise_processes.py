"""The same output in every process and on every Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden.digests import GOLDEN
from tests.machine import PYENV, PYTHONS

NEEDED = "import sys, icu4py, rapidfuzz, regex; assert sys.version_info >= (3, 10)"


def interpreters() -> list[str]:
    found = PYTHONS or [str(path) for path in sorted(PYENV.glob("*/bin/python")) if path.exists()]
    return found or ["none"]


def digests(python: str, repository: Path, hash_seed: str) -> dict[str, str]:
    done = subprocess.run(
        [python, "-m", "tests.golden.digests"],
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(repository)},
        cwd=repository,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def check(found: dict[str, str]) -> None:
    golden = json.loads(GOLDEN.read_text())
    assert len(found) >= 20
    assert {name: golden.get(name) for name in found} == found


@pytest.mark.slow
def test_output_does_not_depend_on_the_order_of_sets(repository: Path) -> None:
    """test_noise_golden computes the same digests in every run, under another seed in each."""
    check(digests(sys.executable, repository, "1"))


@pytest.mark.slow
@pytest.mark.parametrize("python", interpreters())
def test_output_on_other_pythons(python: str, repository: Path) -> None:
    """Pythons of $XTREME_NOISE_PYTHONS (these must work), else those of pyenv that have the packages."""
    usable = python != "none" and subprocess.run([python, "-c", NEEDED], capture_output=True).returncode == 0
    if not usable and not PYTHONS:
        pytest.skip(
            f"{python}: not a Python >= 3.10 with icu4py, rapidfuzz and regex; name one in XTREME_NOISE_PYTHONS"
        )
    check(digests(python, repository, "2"))
