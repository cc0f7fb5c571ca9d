"""mode=check: everything that is wrong with files of one's own, at once, one line each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from xtreme_noise import cli
from xtreme_noise.commands import check
from xtreme_noise.noise.edits import NoisedText
from xtreme_noise.noise.registry import plain

TASK = """\
name: {name}
family: classification
metric: {metric}
labels: [good, bad]
languages: {languages}
noise_field: {field}
{more}
data:
  files:
    train: [{{path: "yn/train.{{language}}.jsonl"}}]
    dev: [{{path: "yn/dev.{{language}}.jsonl"}}]
    test: {{path: "yn/test.{{language}}.jsonl", columns: {{text: sentence}}}}
"""
RIGHT = {"name": "mine", "metric": "accuracy", "languages": "[en, de]", "field": "text", "more": ""}


def rows(path: Path, some: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in some), encoding="utf-8")


@pytest.fixture
def mine(workdir: Path) -> Path:
    """A folder with data in which everything is right; options go into its folder `own`."""
    for name, column in (("train.en", "text"), ("dev.en", "text"), ("test.en", "sentence"), ("test.de", "sentence")):
        some = [
            {column: f"{name} words of text {number}", "label": ("good", "bad")[number % 2]} for number in range(20)
        ]
        rows(workdir / "data" / "yn" / f"{name}.jsonl", some)
    (workdir / "own" / "task").mkdir(parents=True)
    return workdir


def checked(mine: Path, capsys: pytest.CaptureFixture[str], *words: str, **task: str) -> tuple[int, list[str]]:
    (mine / "own" / "task" / "mine.yaml").write_text(TASK.format(**(RIGHT | task)))
    capsys.readouterr()
    code = cli.main(["mode=check", "task=mine", f"--config-dir={mine / 'own'}", "source.root=data", *words])
    said = capsys.readouterr()
    return code, [*said.out.splitlines(), *said.err.splitlines()]


def test_a_task_in_which_nothing_is_wrong(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(mine, capsys) == (0, ["nothing wrong found in task: 40 rows of 4 splits"])
    assert checked(mine, capsys, "check.rows=null")[1] == ["nothing wrong found in task: 80 rows of 4 splits"]
    code, said = checked(mine, capsys, "noise=[char]")
    assert (code, said) == (0, ["nothing wrong found in task, noise: 40 rows of 4 splits, 20 rows with noise"])
    assert not (mine / "store").exists()
    assert not (mine / "multirun_outputs").exists()


def test_everything_is_named_at_once(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = mine / "data" / "yn"
    rows(data / "train.en.jsonl", [{"text": f"t{number}", "label": "ugly"} for number in range(20)])
    rows(data / "test.de.jsonl", [])
    rows(data / "test.en.jsonl", [{"words": "x", "label": "good"}])
    (data / "dev.en.jsonl").unlink()
    more = "recipe: {epochs: 0, learning_rate: -1}"
    code, said = checked(
        mine, capsys, name="mien", metric="span_f1", languages="[en, de, xx]", field="words", more=more
    )
    assert code == 2
    wanted = [
        "task.noise_field (own/task/mine.yaml, line 6): unknown 'words'",
        "task.languages (own/task/mine.yaml, line 5): unknown language 'xx'",
        "task.recipe.learning_rate (own/task/mine.yaml, line 7) must be greater than 0",
        "task.recipe.epochs (own/task/mine.yaml, line 7) must be at least 1",
        "task.metric (own/task/mine.yaml, line 3): 'span_f1' is not for a classification task",
        "task.name (own/task/mine.yaml, line 1) is 'mien' in the file of task=mine: write name: mine",
        "train.en.jsonl, line 1: label 'ugly' is out of range",
        "dev.en.jsonl: no such file",
        "test.en.jsonl, line 1: no column 'sentence' (for 'text'); the row has words, label",
        "test.de.jsonl: no examples; it is empty",
    ]
    lines = list(said)
    for part in wanted:
        [line] = [one for one in lines if part in one]
        lines.remove(line)
    assert "(and 9 more such rows)" in "".join(said)
    assert said[-1].endswith("problems")
    assert "Traceback" not in "".join(said)


def test_answers_of_qa(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [
        {"text": ["nowhere"], "answer_start": [0]},
        {"text": ["words"], "answer_start": [99]},
        {"text": [], "answer_start": []},
    ]
    for part in ("train", "dev", "test"):
        some = [{"question": "what", "context": "some words", "answers": one} for one in wrong]
        rows(mine / "data" / "qa" / f"{part}.en.jsonl", some)
    (mine / "own/task/q.yaml").write_text(
        "name: q\nfamily: qa\nmetric: squad_f1\nlanguages: [en]\nnoise_field: question\nrecipe: {stride: 10}\n"
        'data: {files: {train: [{path: "qa/train.{language}.jsonl"}], dev: [{path: "qa/dev.{language}.jsonl"}], '
        'test: {path: "qa/test.{language}.jsonl"}}}\n'
    )
    assert cli.main(["mode=check", "task=q", f"--config-dir={mine / 'own'}", "source.root=data"]) == 2
    said = capsys.readouterr().out
    assert "answer 'nowhere' is not at code point 0" in said
    assert "answer 'words' is not at code point 99" in said
    assert "'answers' contains no answer" in said


def test_what_cannot_be_composed_is_one_line(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(mine, capsys, more="lables: [a]")
    assert code == 2
    assert len(said) == 1
    assert "lables" in said[0]
    assert "did you mean" in said[0]


def test_a_missing_root_is_said_once(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = checked(mine, capsys, "source.root=null")
    assert code == 2
    assert sum("source.root is not set" in line for line in said) == 1


def test_a_model_without_files(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mine / "own/model").mkdir()
    (mine / "own/model/ours.yaml").write_text("name: ours\nloader: hub\npath: data\n")
    assert cli.main(["mode=check", "model=ours", f"--config-dir={mine / 'own'}"]) == 2
    assert "has no config.json" in capsys.readouterr().out
    assert cli.main(["mode=check", "model=tiny"]) == 0


class _Bad:
    """char, but spoiled in one way."""

    def __init__(self, way: str) -> None:
        self.real, self.way, self.calls = plain("char", {}), way, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def __call__(self, text: str, level: float, uid: str, **how: Any) -> NoisedText:
        self.calls += 1
        if self.way == "raises" and text.endswith("3"):
            raise IndexError("string index out of range")
        if self.way == "unprotected":
            how = how | {"protect": ()}
        if self.way == "not the same":
            how = how | {"seed": self.calls}
        return self.real(text, level, uid, **how)

    def supports(self, language: str) -> bool:
        return self.way != "nowhere" and self.real.supports(language)


@pytest.mark.parametrize(
    ("way", "says"),
    [
        ("raises", "test-3: IndexError: string index out of range"),
        ("unprotected", "changed protected text in 'text'"),
        ("not the same", "the same call gave other noise the second time"),
        ("nowhere", "acts in no language of mine (it does not support de)"),
        ("", "nothing wrong found"),
    ],
)
def test_a_noise_family(
    way: str, says: str, mine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "plain", lambda _family, _parameters: _Bad(way))
    code, said = checked(mine, capsys, "noise=[char]")
    assert code == (2 if way else 0)
    assert says in said[0]
