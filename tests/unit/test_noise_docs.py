"""docs/families.md and the table of docs/noise.md: every example is what the code gives, every count what it can do."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract import script
from tests.golden import digests
from tests.real import lines
from xtreme_noise.languages import LANGUAGES, XTREME_R
from xtreme_noise.noise import build, families
from xtreme_noise.noise.registry import checked_parameters, family_class

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROW = re.compile(r"^\| (\w+) \| (.+) \| (.+) \|$", re.MULTILINE)
TABLES = {
    "natural": "definitely\tdefinately\nreceived\trecieved\ntheir\tthere\nuntil\tuntill\nАгентство\tАгенство\n"
    "сделать\tзделать\nбудущем\tбудующем\nкृपया\tкृप्या\nकृपया\tकृप्या\nमें\tमे\n",
    "codeswitch": "bought\tkaufte\nhouse\tHaus\nlarge\tgroßen\ngarden\tGarten\nriver\tFluss\nअच्छी\tgood\n"
    "किताब\tbook\nшहर\tcity\nशहर\tcity\nдом\thouse\nчасто\toften\nдрузья\tfriends\nреки\triver\n",
}
WHOLE_WORDS = {"word", "romanize", "wrong_layout"}  # one change costs a word: means of 400 sentences waver
SHOWN = "\u200b\u2060\ufeff\u00ad"  # characters that the page writes as ⟨U+200B⟩


@cache
def sections() -> dict[str, str]:
    parts = (DOCS / "families.md").read_text(encoding="utf-8").split("\n## ")[1:]
    return {name: text for name, _, text in (part.partition("\n") for part in parts)}


def examples(name: str) -> list[tuple[str, str, str]]:
    """(language, clean, noisy) of the last table of a section."""
    _, _, table = sections()[name].partition("| language | clean | noisy |\n|---|---|---|\n")
    return ROW.findall(table)


def documented(name: str, folder: Path) -> Any:
    """The family as its section means it: with its defaults, and with the tables above."""
    if name == "nlpaug":
        return build(name)
    if name not in TABLES:
        return digests.perturber(name)
    (folder / "table.tsv").write_text(TABLES[name], encoding="utf-8")
    return family_class(name)(checked_parameters(name, {"path": str(folder / "table.tsv")}))


def test_every_family_has_a_section() -> None:
    assert list(sections()) == families()


@pytest.mark.parametrize("name", [name for name in families() if name != "attested"])
def test_examples_are_what_the_code_gives(name: str, tmp_path: Path) -> None:
    perturber = documented(name, tmp_path)
    found = examples(name)
    assert len(found) >= 3
    for code, clean, noisy in found:
        perturber.prepare([clean], 0.1, code)
        given = perturber(clean, 0.1, "example", language=code).text
        if name == "invisible":
            given = "".join(f"⟨U+{ord(char):04X}⟩" if char in SHOWN else char for char in given)
        assert noisy == given, f"{name} {code}"


@pytest.mark.data
def test_the_attested_example_is_from_its_set(shared_data: Path) -> None:
    ((code, clean, noisy),) = examples("attested")
    rows = lines(shared_data / "xnli_noisy" / f"test_typos_0.05.{code}.jsonl.gz")
    assert any((row["clean_hypothesis"], row["hypothesis"]) == (clean, noisy) for row in rows)


@pytest.mark.parametrize("name", [name for name in families() if name not in ("attested", "ime")])
def test_examples_are_of_three_scripts(name: str) -> None:
    used = {next(filter(None, map(script, clean)), "") for _, clean, _ in examples(name)}
    assert len(used) >= 3


@pytest.mark.parametrize("name", [name for name in digests.FAMILIES if name not in TABLES])
def test_the_section_counts_the_languages(name: str) -> None:
    perturber = digests.perturber(name)
    (said,) = re.findall(r"\*\*Languages\.\*\* (.+)", sections()[name])
    count = re.match(r"(?:All |The )?(\d+)\b", said)
    if count:
        assert int(count[1]) == len(perturber.languages())
    named = re.match(r"[\w ]+: all but ((?:[a-z]{2}(?:, | and ))+[a-z]{2})\b", said)
    if named:
        lacking = re.split(", | and ", named[1])
        assert sorted(lacking) == [code for code in sorted(LANGUAGES) if not perturber.supports(code)]
    assert bool(named) == ("all but" in said)


def test_the_table_of_families() -> None:
    """docs/noise.md: languages of XTREME-R, token labels and what else is to be known of every family."""
    text = (DOCS / "noise.md").read_text(encoding="utf-8")
    table = text[text.index("| family | what it does |") :].split("\n\n")[0]
    seen = []
    for line in table.splitlines()[2:]:
        named, _, languages, labels, remarks = (cell.strip() for cell in line.strip("|").split("|"))
        for name in re.findall(r"`(\w+)`", named):
            seen.append(name)
            if name in ("attested", "nlpaug"):
                continue
            perturber = digests.perturber(name)
            supported = [code for code in XTREME_R if perturber.supports(code)]
            count = re.match(r"\d+", languages)
            if count:
                assert int(count[0]) == len(supported), name
                lacking = re.findall(r"\b[a-z]{2}\b", languages.partition("not ")[2].partition("Latin")[0])
                assert not lacking or set(lacking) == set(XTREME_R) - set(supported), name
            elif name not in TABLES:
                assert languages.split(", ") == [code for code in ("zh", "ja", "ko") if code in supported], name
            assert (labels == "refused") == (not perturber.keeps_tokens), name
            assert ("changes meaning" in remarks) == (not perturber.label_preserving), name
            assert ("foreign letters" in remarks) == (not perturber.keeps_script), name
            assert ("needs a table" in remarks) == (name in TABLES), name
    assert sorted(seen) == families()


def test_published_levels_are_right_and_of_this_version() -> None:
    """docs/noise_levels.csv: within .005 up to level .1, .01 above it, where there is enough to act on."""
    with (DOCS / "noise_levels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    perturbers = {name: digests.perturber(name) for name in {row["family"] for row in rows} - {"nlpaug"}}
    for row in rows:
        name, level, achieved = row["family"], float(row["level"]), float(row["achieved"])
        if name == "nlpaug":
            continue
        perturber = perturbers[name]
        what = f"{name} {row['language']} {level}: {achieved}"
        assert row["signature"] == perturber.signature, f"{what}: python benchmarks/noise_levels.py --families {name}"
        assert perturber.supports(row["language"]), what
        slack = (0.005 if level <= 0.1 else 0.01) * (3 if name in WHOLE_WORDS else 1)
        if achieved >= level - slack or float(row["capacity"]) >= 0.6:
            assert abs(achieved - level) <= slack, what
    assert {row["family"] for row in rows} >= {"char", "keyboard", "diacritic"}
