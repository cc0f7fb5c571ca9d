"""A trial says everywhere that its scores mean nothing; errors in data are said once, last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xtreme_noise import cli
from xtreme_noise.config import limits

pytestmark = pytest.mark.usefixtures("kept_logging")


def test_a_trial_says_so(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["model=tiny", "source=embedded", "limit=4", "languages=[en]", "noise.levels=[0]", "sweep=s"]
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert "mean nothing" in " ".join(said.split())
    assert limits.note(4) in (workdir / "s" / "report.html").read_text(encoding="utf-8")
    [record] = (workdir / "s").glob("jobs/*/job.json")
    cells = json.loads(record.read_text(encoding="utf-8"))["cells"]
    assert {(cell["n"], cell["limit"]) for cell in cells} == {(4, 4)}
    assert cli.main(["mode=plan", *words]) == 0
    assert limits.note(4) in capsys.readouterr().out


def test_errors_in_data_are_said_once_and_last(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workdir / "own" / "task").mkdir(parents=True)
    (workdir / "own" / "task" / "mine.yaml").write_text(
        "name: mine\nfamily: classification\nmetric: accuracy\nlabels: [good, bad]\nlanguages: [en, de, fr]\n"
        "noise_field: text\nrecipe: {epochs: 1}\ndata:\n  files:\n"
        + "".join(f'    {part}: [{{path: "{part}.{{language}}.jsonl"}}]\n' for part in ("train", "dev"))
        + '    test: {path: "test.{language}.jsonl"}\n'
    )
    labels = {"train.en": "good", "dev.en": "bad", "test.en": "bad", "test.de": "ugly", "test.fr": ""}
    for name, label in labels.items():
        row = json.dumps({"text": f"some words of {name}", "label": label}) + "\n"
        (workdir / f"{name}.jsonl").write_text(row if label else "")
    words = ["task=mine", "model=tiny", "source.root=.", f"--config-dir={workdir / 'own'}", "sweep=s"]
    assert cli.main(words) == 1
    lines = capsys.readouterr().err.splitlines()
    assert "test.de.jsonl, line 1: label 'ugly' is out of range" in lines[-2]
    assert "test.fr.jsonl: no examples; it is empty" in lines[-1]
    assert all(line.startswith("xtreme-noise: 3 cells: ") for line in lines[-2:])
    assert sum("'ugly'" in line for line in lines if line.startswith("xtreme-noise: ")) == 1
