"""CSV files are opened in spreadsheet programs: no text of a study may run there, and no number may change."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest

import xtreme_noise
from tests.unit.sweep_factory import Spec, make
from tests.unit.test_results import entry, record
from xtreme_noise import names, results
from xtreme_noise.interchange import export
from xtreme_noise.report.study import read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.sheets import harmless, sheet

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1+1",
    "\u00a0@x",
    "\uff1d1",
    "--5",
]
PLAIN = [
    "-0.5", "+.5", "-1e-07", "1", "-12", "", "a=b", "nli/english", "a-b", "'=1", None, -0.5, 1, float("-inf"), True,
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE)
def test_formulas_are_text(value: str) -> None:
    assert harmless(value) == f"'{value}"
    [row] = csv.DictReader(io.StringIO(sheet(["error"], [{"error": value}]), newline=""))
    assert row["error"] == f"'{value}"
    assert sheet([value], []).lstrip('"').startswith("'"), "in the header as well"


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_what_is_none_stays(value: Any) -> None:
    assert harmless(value) is value


def test_every_table_goes_that_way() -> None:
    """No other module writes CSV by itself."""
    package = Path(xtreme_noise.__file__).parent
    writers = [path.name for path in package.rglob("*.py") if re.search(r"csv\.(Dict)?[Ww]riter", path.read_text())]
    assert writers == ["sheets.py"]


def test_the_tables_of_a_study(tmp_path: Path) -> None:
    def fail(row: dict[str, Any]) -> tuple[str, str | None]:
        return ("error", "=cmd|' /C calc'!A0") if row["level"] else ("ok", None)

    spec = Spec(tasks={"=task": "qa"}, models=("@model",), intermediates=("none",), languages=("en",), status=fail)
    sweep = make(tmp_path / "s", spec)
    made = tables(read_study(sweep, resample=False))
    (sweep / "tables").mkdir()
    results._stages(sweep, [{"stages": [{"digest": "d", "stage": "-x", "dev_scores": [-0.5]}]}])
    made["stages.csv"] = (sweep / "tables/stages.csv").read_text()
    made["index.csv"] = (export.export(sweep)[0] / "index.csv").read_text()
    for name, text in made.items():
        for row in csv.reader(io.StringIO(text, newline="")):
            assert not [cell for cell in row if harmless(cell) != cell], name
    assert "'=cmd|" in made["cells.csv"] and "'@model" in made["scores.csv"] and "'-x" in made["stages.csv"]


def test_numbers_of_the_tables_are_numbers(tmp_path: Path) -> None:
    record(tmp_path, "a", entry("ok", "aa", score=0.5), entry("ok", "bb", noise="char", level=0.1, score=0.75))
    results.finish(tmp_path)
    rows = list(csv.DictReader(io.StringIO(tables(read_study(tmp_path, resample=False))["curves.csv"])))
    assert [row["drop_rate"] for row in rows] == ["0.0", "-0.5"]


REFUSED = [
    "", " ", "../x", "a/../b", "/a", "a//b", "a/", ".", "..", "a\tb", "a\x1bb", "a\nb", "\ud800", "x" * 121, "日" * 41,
    "con", "NUL", "nli/aux.txt", "com1", "LPT9.csv", "a\\b", "C:x", "a|b", "a?", "<a>", "=1+1", "+x", "@x", "-x",
    "a.", " a", "a ",
]  # fmt: skip
TAKEN = [
    "xnli",
    "nli/english",
    "e5-24",
    "xnli, 5 random shots",
    "tiny@1",
    "日本語",
    "console",
    "x" * 120,
    "a.b",
    "chain[nli,qa]",
]


def test_what_a_name_may_be() -> None:
    assert [name for name in REFUSED if not names.problem(name)] == []
    assert [name for name in TAKEN if names.problem(name)] == []


def test_file_names() -> None:
    assert names.slug("xnli", "nli/english", "s42") == "xnli_nli-english_s42"
    made = [names.slug(text) for text in (*REFUSED, *TAKEN, "é", "è", "x" * 300, "x" * 301)]
    assert all(re.fullmatch(r"\w[A-Za-z0-9._-]{0,119}", name) for name in made)
    assert not [name for name in made if names.RESERVED.fullmatch(name)]
    assert len({names.slug(text) for text in ("日本", "中文", "é", "è", "e", "x" * 300, "x" * 301)}) == 7
