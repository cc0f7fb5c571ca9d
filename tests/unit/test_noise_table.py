"""mode=noise_table: what acts where, measured on the text at hand, on the terminal and as CSV."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.files import csv_rows
from xtreme_noise import cli
from xtreme_noise.commands import noise_table
from xtreme_noise.errors import ConfigError
from xtreme_noise.noise import families
from xtreme_noise.noise.registry import checked_parameters, family_class

pytestmark = pytest.mark.usefixtures("workdir")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four families, so that the test takes a moment; which ones there are is the registry's business."""
    monkeypatch.setattr(noise_table, "families", lambda: ["attested", "char", "keyboard", "natural"])
    monkeypatch.setattr(noise_table, "SENTENCES", 60)


def table(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["family"], row["language"]): row for row in csv_rows(folder / noise_table.FILE)}


@pytest.mark.usefixtures("few")
def test_the_table_on_embedded_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=noise_table", "languages=[de,zh,sw]", f"sweep={tmp_path / 'out'}"]) == 0
    shown = capsys.readouterr().out
    assert "embedded intents test" in shown
    assert "de German" in shown and "needs a table" in shown
    rows = table(tmp_path / "out")
    assert float(rows["char", "de"]["achieved"]) == pytest.approx(0.05, abs=0.01)
    assert 0 < float(rows["char", "de"]["word_change_rate"]) < 1
    assert float(rows["char", "de"]["capacity"]) > 0.5
    assert rows["keyboard", "zh"]["status"] == "not supported"
    assert rows["char", "sw"]["status"] == "no text"  # which the embedded task lacks
    assert {rows["natural", code]["status"] for code in ("de", "zh", "sw")} == {"needs a table"}
    assert "noise.families.natural.path" in rows["natural", "de"]["note"]
    assert rows["attested", "de"]["status"] == "in a test set" and "in a test set" in shown


@pytest.mark.usefixtures("few")
def test_real_text_is_taken_where_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "sib200").mkdir()
    with gzip.open(tmp_path / "sib200" / "test.swh_Latn.jsonl.gz", "wt", encoding="utf-8") as file:
        for number in range(60):
            file.write(json.dumps({"text": f"Watoto wanacheza nje ya nyumba kubwa {number}."}) + "\n")
    arguments = [f"source.root={tmp_path}", f"sweep={tmp_path / 'out'}", "languages=[sw,de]", "noise.level=0.2"]
    assert cli.main(["mode=noise_table", *arguments]) == 0
    rows = table(tmp_path / "out")
    assert (rows["char", "sw"]["text"], rows["char", "sw"]["sentences"]) == ("SIB-200 test", "60")
    assert rows["char", "de"]["text"] == "embedded intents test"
    assert float(rows["char", "sw"]["achieved"]) == pytest.approx(0.2, abs=0.02)


@pytest.mark.usefixtures("few")
def test_the_families_of_the_command_alone(tmp_path: Path) -> None:
    sweep = f"sweep={tmp_path / 'out'}"
    for word, wanted in (("noise=[keyboard,char]", {"keyboard", "char"}), ("noise=keyboard", {"keyboard"})):
        assert cli.main(["mode=noise_table", word, "languages=[de]", sweep]) == 0
        assert {family for family, _ in table(tmp_path / "out")} == wanted
    assert cli.main(["mode=noise_table", "noise.families.char.swap=0", "languages=[de]", sweep]) == 0
    assert {family for family, _ in table(tmp_path / "out")} == {"attested", "char", "keyboard", "natural"}


@pytest.mark.usefixtures("few")
def test_a_table_of_the_users_own_is_used(tmp_path: Path) -> None:
    (tmp_path / "typos.tsv").write_text("timer\ttimr\t3\n", encoding="utf-8")
    arguments = ["noise=natural", f"noise.families.natural.path={tmp_path / 'typos.tsv'}", "languages=[de,th]"]
    assert cli.main(["mode=noise_table", f"sweep={tmp_path / 'out'}", *arguments]) == 0
    rows = table(tmp_path / "out")
    assert rows["natural", "de"]["status"] == "ok"
    assert float(rows["natural", "de"]["achieved"]) < 0.045  # capacity says why
    assert rows["natural", "th"]["status"] == "nothing to act on"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["languages=[de,xx]"], "xx"),
        (["noise.level=0"], "above 0"),
        (["noise.level=1.5"], "from 0 to 1"),
        (["noise=natural"], "needs a table"),
        (["noise.families.char.swop=1"], "swop"),
        (["source.root=/there/is/no/such/folder"], "no such folder"),
        (["-m", "seed=0,1"], "cannot be swept"),
    ],
)
def test_what_is_wrong_is_said_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    monkeypatch.setattr(noise_table, "show", lambda *_: pytest.fail("it was not checked first"))
    assert cli.main(["mode=noise_table", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_every_family_can_be_asked() -> None:
    """Built with its defaults, or in need of a table: nothing else stands between a family and the table."""
    for family in families():
        try:
            perturber = family_class(family)(checked_parameters(family, {}))
        except ConfigError as error:
            assert "table" in str(error)
            continue
        assert perturber.languages()
