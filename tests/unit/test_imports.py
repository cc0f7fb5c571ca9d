"""What is imported when: a person waits for it. Commands run here in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.sweep_factory import Spec, make
from xtreme_noise import cli

HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "pandas",
    "pytorch_lightning",
    "torchmetrics",
    "nlpaug",
    "sklearn",
    "scipy",
}
QUICK = ["model=tiny", "task=intents", "source=embedded", "languages=[en]", "noise=[char]", "noise.levels=[0,0.1]"]
QUICK += ["task.size.train=20", "task.size.test=20", "task.size.dev=20", "task.recipe.epochs=1"]
_SCRIPT = """
import json, sys
from xtreme_noise import cli
code = cli.main(sys.argv[1:])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imported(words: list[str], folder: Path, repository: Path, line: str = "") -> tuple[int, set[str]]:
    """The exit code of a command, and the packages that it has imported."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(repository), "COMP_LINE": f"xtreme-noise {line}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    code, names = json.loads(done.stdout.splitlines()[-1])
    return code, set(names)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--version"], ""),
        (["--help"], ""),
        (["--shell-completion", "query=bash"], "task=x"),
        (["--shell-completion", "query=bash"], "task.rec"),
    ],
    ids=["version", "help", "options", "keys"],
)
def test_what_needs_no_composition_does_not_import_hydra(
    words: list[str], line: str, tmp_path: Path, repository: Path
) -> None:
    code, names = imported(words, tmp_path, repository, line)
    assert code == 0
    assert not names & (HEAVY | {"hydra", "omegaconf", "numpy", "pyarrow"})


@pytest.mark.parametrize("word", ["seedd=3", "task=xnly", "noise.families.char.x=1", "model.precision=half"])
def test_a_wrong_command_imports_nothing_heavy(word: str, tmp_path: Path, repository: Path) -> None:
    code, names = imported([word], tmp_path, repository)
    assert code == 2
    assert not names & (HEAVY | {"pyarrow"})


def test_a_report_imports_no_more_than_it_draws_with(tmp_path: Path, repository: Path) -> None:
    sweep = make(tmp_path / "s", Spec(languages=("en", "de"), noises=("char",), levels=(0.1,), items=10))
    code, names = imported(["mode=report", f"sweep={sweep}"], tmp_path, repository)
    assert code == 0
    assert not names & ((HEAVY | {"altair", "jsonschema", "narwhals"}) - {"scipy"})


def test_a_first_plan_tokenizes_without_torch(workdir: Path, repository: Path) -> None:
    code, names = imported(["mode=plan", *QUICK, "sweep=s", "store=store"], workdir, repository)
    assert code == 0
    assert {"transformers", "datasets"} <= names
    assert not names & (HEAVY - {"transformers", "datasets", "pandas"})


@pytest.mark.usefixtures("kept_logging")
def test_what_is_known_needs_no_torch(workdir: Path, repository: Path) -> None:
    """A plan that was made before, and a finished run."""
    words = [*QUICK, "sweep=s", "store=store"]
    for mode, free in (("plan", HEAVY), ("run", HEAVY - {"pandas"})):  # pyarrow looks whether pandas is there
        assert cli.main([f"mode={mode}", *words]) == 0
        code, names = imported([f"mode={mode}", *words], workdir, repository)
        assert code == 0
        assert not names & free, mode
