"""mode=list: what there is, as text and as JSON with documented keys."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sweep_factory import Spec, make
from xtreme_noise import cli
from xtreme_noise.config import schema

pytestmark = pytest.mark.usefixtures("workdir")
PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def listed(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """stdout as JSON: nothing else may be there."""
    capsys.readouterr()
    assert cli.main(["mode=list", "list.json=true", *words]) == 0
    return json.loads(capsys.readouterr().out)


def by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in rows}


def test_the_json_has_every_part_with_its_documented_keys(capsys: pytest.CaptureFixture[str], workdir: Path) -> None:
    make(workdir / "multirun_outputs" / "s", Spec(languages=("en",), noises=("char",), levels=(0.1,), items=5))
    found = listed(capsys)
    assert tuple(found) == schema.LISTED
    documented = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    for what, rows in found.items():
        assert rows, what
        keys = re.findall(r"`(\w+)`", documented[what])
        assert set(rows[0]) <= set(keys), what
    assert by_name(found["tasks"])["xnli"]["languages"][:2] == ["ar", "bg"]
    assert by_name(found["intermediates"])["nli"]["arms"]["multilingual"] == ["en", "zh", "id", "fa"]
    assert by_name(found["noise"])["ime"] == {"name": "ime", "languages": ["ja", "ko", "zh"], "why": None}
    assert by_name(found["data"])["intents"]["complete"]
    [study] = found["studies"]
    assert (study["name"], study["ok"], study["report"]) == ("s", study["cells"], None)


def test_files_that_are_missing_are_named(capsys: pytest.CaptureFixture[str], workdir: Path) -> None:
    root = workdir / "data" / "xquad"
    root.mkdir(parents=True)
    (root / "test.de.jsonl.gz").touch()
    part = by_name(listed(capsys, "list.what=data", "source.root=data")["data"])["xquad"]["parts"]["test"]
    assert part["there"] == ["de"]
    assert part["missing"]["hi"] == "xquad/test.hi.jsonl.gz: no such file"


def test_own_options_are_listed_and_a_broken_one_says_so(capsys: pytest.CaptureFixture[str], workdir: Path) -> None:
    own = workdir / "own" / "task"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("name: [a\n")
    (own / "short.yaml").write_text("defaults: [/task/xnli@_here_]\nname: short\nlanguages: [de]\n")
    rows = by_name(listed(capsys, "list.what=tasks", f"--config-dir={workdir / 'own'}")["tasks"])
    assert "mine.yaml cannot be read" in rows["mine"]["error"]
    assert rows["short"]["languages"] == ["de"]
    assert rows["short"]["family"] == "classification"


def test_the_text_and_one_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=list"]) == 0
    whole = capsys.readouterr().out
    assert all(f"{what} (" in whole for what in schema.LISTED)
    assert len(whole.splitlines()) < 60
    assert cli.main(["mode=list", "list.what=models"]) == 0
    assert "xlmr_base         hub     FacebookAI/xlm-roberta-base" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["list.what=tsks", "sweep=x", "task=xnli", "limit=5"])
def test_what_does_not_belong_there(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=list", word]) == 2
    assert word.split("=")[0] in capsys.readouterr().err
