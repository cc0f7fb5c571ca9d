"""What is imported when: a person waits for it. Commands run here in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
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
import json, os, sys
from xtreme_noise import cli
for line, *words in json.loads(sys.argv[1]):
    os.environ["COMP_LINE"] = f"xtreme-noise {line}"
    code = cli.main(words)
    print("imported", json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imported(commands: Sequence[Sequence[str]], folder: Path, repository: Path) -> tuple[list[int], list[set[str]]]:
    """The exit codes of commands, one after the other in one process, and the packages that are imported after each.

    commands: the line to complete, if any, and the words of each.
    """
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, json.dumps(commands)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    lines = [line.partition("imported ")[2] for line in done.stdout.splitlines() if line.startswith("imported ")]
    found = list(map(json.loads, lines))
    assert len(found) == len(commands)
    return [code for code, _ in found], [set(names) for _, names in found]


def test_what_needs_no_composition_does_not_import_hydra(tmp_path: Path, repository: Path) -> None:
    complete = ["--shell-completion", "query=bash"]
    commands = [["", "--version"], ["", "--help"], ["task=x", *complete], ["task.rec", *complete]]
    codes, names = imported(commands, tmp_path, repository)
    assert codes == [0, 0, 0, 0]
    assert not names[-1] & (HEAVY | {"hydra", "omegaconf", "numpy", "pyarrow"})


def test_a_wrong_command_imports_nothing_heavy(tmp_path: Path, repository: Path) -> None:
    wrong = ["seedd=3", "task=xnly", "noise.families.char.x=1", "model.precision=half"]
    codes, names = imported([["", word] for word in wrong], tmp_path, repository)
    assert codes == [2, 2, 2, 2]
    assert not names[-1] & (HEAVY | {"pyarrow"})


def test_a_report_imports_no_more_than_it_draws_with(tmp_path: Path, repository: Path) -> None:
    sweep = make(tmp_path / "s", Spec(languages=("en", "de"), noises=("char",), levels=(0.1,), items=10))
    [code], [names] = imported([["", "mode=report", f"sweep={sweep}"]], tmp_path, repository)
    assert code == 0
    assert not names & ((HEAVY | {"altair", "jsonschema", "narwhals"}) - {"scipy"})


def test_a_first_plan_tokenizes_without_torch(workdir: Path, repository: Path) -> None:
    [code], [names] = imported([["", "mode=plan", *QUICK, "sweep=s", "store=store"]], workdir, repository)
    assert code == 0
    assert {"transformers", "datasets"} <= names
    assert not names & (HEAVY - {"transformers", "datasets", "pandas"})


@pytest.mark.usefixtures("kept_logging")
def test_what_is_known_needs_no_torch(workdir: Path, repository: Path) -> None:
    """A plan that was made before, and a finished run."""
    words = [*QUICK, "sweep=s", "store=store"]
    for mode in ("plan", "run"):
        assert cli.main([f"mode={mode}", *words]) == 0
    codes, (plan, run) = imported([["", f"mode={mode}", *words] for mode in ("plan", "run")], workdir, repository)
    assert codes == [0, 0]
    assert not plan & HEAVY
    assert not run & (HEAVY - {"pandas"})  # pyarrow looks whether pandas is there


def test_a_list_imports_neither_torch_nor_data_sets(tmp_path: Path, repository: Path) -> None:
    [code], [names] = imported([["", "mode=list", "list.json=true"]], tmp_path, repository)
    assert code == 0
    assert not names & HEAVY
