"""MultiCheckList: cases filled in from templates, their error rate from command to report, subsamples of cases."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from tests.e2e.world import cells, qa, words, write
from xtreme_noise import cli
from xtreme_noise.data import checklist
from xtreme_noise.data.checklist import TESTS, filled_templates, first_names
from xtreme_noise.data.examples import normalise
from xtreme_noise.data.sources import subsample
from xtreme_noise.errors import DataError
from xtreme_noise.languages import XTREME_R

# field | English | German, several wordings parted by //, after @ the English words that one holds for
TEMPLATES = """
Name | A is COMP than B. Who is more / less COMP? |
Capability | Vocabulary |
Context | {first_name} is {adj[0]} than {first_name1}. | {first_name} ist {adj[0]} als {first_name1}.
Question | Who is less {adj[1]}? | Wer ist weniger {adj[1]}?
Answer | {first_name1} | {first_name1}
Question | Who is {adj[0]}? | Wer ist {adj[0]}?
Answer | {first_name} | {first_name}
adj | older, old | älter, alt
adj | taller, tall | größer, groß
Name | Intensifiers (very, super, extremely) and reducers (somewhat, kinda, etc)? |
Context | {first_name} is {very} {s}. {first_name1} is {s}. | {first_name} ist {very} {s}. {first_name1} ist {s}.
Context | {first_name1} is {somewhat} {s}. {first_name} is {s}. | {first_name} ist {somewhat} {s}. {first_name} ist {s}.
Question | Who is most {s}? | Wer ist am meisten {s}?
Answer | {first_name} | {first_name}
Question | Who is least {s}? | Wer ist am wenigsten {s}?
Answer | {first_name1} | {first_name1}
state | happy | glücklich
very | very | sehr
somewhat | somewhat | etwas
Name | size, shape, age, color |
Context | There is {obj[0]} here. {obj[1]} is {p.v1} and {p.v2}. | Es gibt {obj[0]}. {obj[1]} ist {p.v1} und {p.v2}.
Question | What {p.p1} is {obj[1]}? | Welche {p.p1} hat {obj[1]}? @color // Welches {p.p1} hat {obj[1]}? @age
Answer | {p.v1} | {p.v1}
Question | What {p.p2} is {obj[1]}? | Welche {p.p2} hat {obj[1]}? @color // Welches {p.p1} hat {obj[1]}? @age
Answer | {p.v2} | {p.v2}
obj | a sofa, the sofa | ein Sofa, das Sofa
obj | a door, the door | eine Tür, die Tür
color | red | rot
color | blue | blau @a sofa, the sofa // bläulich @a door, the door
age | old | alt
property | color | Farbe
property | age | Alter
Name | Profession vs nationality |
Context | {first_name} is {profession} and {nationality}. | {first_name} ist {profession} und {nationality}.
Question | What is {first_name}'s job? | Was ist {first_name}s Beruf?
Answer | {profession} | {profession}
Question | What is {first_name}'s nationality? | Was ist {first_name}s Nationalität?
Answer | {nationality} | {nationality}
nationality | Chinese | chinesisch
profession | a model | ein Model
profession | an agent | ein Vertreter
Name | Animal vs Vehicle |
Context | {first_name} has {animal} and {vehicle}. | {first_name} hat {animal} und {vehicle}.
Question | What animal does {first_name} have? | Was für ein Tier hat {first_name}?
Answer | {animal} | {animal}
Question | What vehicle does {first_name} have? | Was für ein Fahrzeug hat {first_name}?
Answer | {vehicle} | {vehicle}
animal | a dog | einen Hund
animal | a cat | eine Katze
vehicle | a car | ein Auto
Name | Animal vs Vehicle v2 |
Context | {first_name} got {animal}. {first_name2} got {vehicle}. | {first_name} nahm {animal}. {first_name2} {vehicle}.
Question | Who bought an animal? | Wer hat ein Tier gekauft?
Answer | {first_name} | {first_name}
Question | Who bought a vehicle? | Wer hat ein Fahrzeug gekauft?
Answer | {first_name2} | {first_name2}
"""


def templates(language: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(TEMPLATES.strip().splitlines()):
        field, english, german = (part.strip() for part in (line + " |").split("|")[:3])
        wordings = [one.partition(" @") for one in (english if language == "en" else german).split(" // ")]
        variants = [{"text": text, "placeholders": only} for text, _, only in wordings]
        rows.append({"row": number, "field": field, "en": english, "variants": variants})
    return rows


def made(language: str, rows: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    given = templates(language) if rows is None else rows
    raw = filled_templates(((f"line {n}", row) for n, row in enumerate(given, 1)), language)
    return normalise(raw, family="qa", labels=(), columns={}, prefix="test", what="templates")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(checklist, "CASES", 3)
    return 3


def test_cases_are_filled_in_alike_in_every_language(few: int) -> None:
    english, german = made("en"), made("de")
    assert Counter(row["case"].split("/")[0] for row in english) == {
        name: few * (4 if name == "intensifiers" else 2) for name in TESTS.values()
    }
    # A context that names one person twice holds no answer to one of its questions: it is left out.
    assert sum(row["case"].startswith("intensifiers") for row in german) == few * 2
    by_id = {row["id"]: row for row in german}
    pairs = {"a dog": "einen Hund", "a cat": "eine Katze", "a model": "ein Model", "an agent": "ein Vertreter"}
    seen = 0
    for row in english:
        other = by_id.get(row["id"])
        answer = row["answers"]["text"][0]
        if answer in pairs and other:
            assert other["answers"]["text"] == [pairs[answer]]
            seen += 1
    assert seen == 2 * few
    for row in german:
        if row["case"].startswith("properties"):
            assert row["context"].split(". ")[1][0].isupper()
            old = "Alter" in row["question"]
            assert row["question"].startswith("Welches" if old else "Welche ")
            assert (row["answers"]["text"] == ["alt"]) == old
            assert ("bläulich" in row["context"]) == ("Tür" in row["context"] and "bl" in row["context"])
    assert made("en") == english and len({(r["question"], r["context"]) for r in english}) > 20


@pytest.mark.usefixtures("few")
def test_templates_that_do_not_do() -> None:
    rows = templates("en")
    with pytest.raises(DataError, match="lack the test comparisons"):
        made("en", [row for row in rows if row["row"] > 8])
    for row in rows:
        if row["field"] == "Question" and "animal does" in row["en"]:
            row["variants"] = []
    with pytest.raises(DataError, match="only 0 of 3 cases of animal_vehicle can be filled in"):
        made("en", rows)
    with pytest.raises(DataError, match="no first names in 'sv'"):
        made("sv", templates("en"))


def test_names() -> None:
    for code in XTREME_R:
        names = first_names(code)
        assert len(set(names)) == 10
        assert not [(one, other) for one in names for other in names if one != other and one in other], code


def test_subsamples_hold_whole_cases() -> None:
    cases = [f"t/{n // 3}" for n in range(30)]
    data = Dataset.from_dict({"id": [str(n) for n in range(30)], "case": cases})
    chosen = subsample(data, 11, "test")
    assert set(Counter(chosen["case"]).values()) == {3} and len(chosen) == 9
    assert set(chosen["id"]) < set(subsample(data, 20, "test")["id"])
    assert len(subsample(data, 1, "test")) == 3


@pytest.mark.usefixtures("workdir", "few")
def test_study(tmp_path: Path, store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "data"
    write(root / "squad/train.en.jsonl.gz", qa("en", 20, 400))
    write(root / "tydiqa_goldp/heldout.en.jsonl.gz", qa("en", 6, 500))
    write(root / "xquad/test.de.jsonl.gz", qa("de", 6))
    for code in ("en", "de"):
        write(root / f"multichecklist/templates.{code}.jsonl.gz", templates(code))
    job = words(root)
    assert cli.main([*job, "task=xquad", "languages=[de]", "noise.levels=[0]", "sweep=one"]) == 0
    command = [*job, "task=multichecklist", "languages=[en,de,ro]"]
    assert cli.main([*command, "noise=[char]", "noise.level=0.3", "sweep=s"]) == 0
    assert len(list((store_path / "stages").glob("*/training.json"))) == 1, "one fit for xquad and multichecklist"
    found = {(row["language"], row["noise"]): row for row in cells(Path("s"))}
    assert found["ro", "clean"]["status"] == "missing" and found["en", "clean"]["n"] == 3 * (5 * 2 + 4)
    for (language, _), row in found.items():
        if language == "ro":
            continue
        assert (row["status"], row["task"], row["metric"]) == ("ok", "multichecklist", "error_rate")
        tests = json.loads(row["extra"])
        assert list(tests) == list(TESTS.values())
        assert row["score"] == pytest.approx(sum(tests.values()) / 6), "as many cases in every test"
    # Whatever noise does, the drop is that of the right answers.
    with Path("s/tables/scores.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["drop"]]
    for row in rows:
        clean, noisy = found[row["language"], "clean"]["score"], found[row["language"], "char"]["score"]
        assert float(row["drop"]) == pytest.approx(noisy - clean)
    assert cli.main(["mode=export", "sweep=s"]) == 0
    folder = "s/export/tiny_none_s42/char_n0/0.3"
    scoring = [*job, "mode=score", "task=multichecklist", "languages=[en,de]", f"score.folder={folder}", "sweep=t"]
    assert cli.main(scoring) == 0
    with Path("t/score.csv").open(encoding="utf-8", newline="") as file:
        back = {row["language"]: row for row in csv.DictReader(file)}
    for code in ("en", "de"):
        assert float(back[code]["score"]) == pytest.approx(found[code, "char"]["score"], abs=1e-6)
        for name, value in json.loads(found[code, "char"]["extra"]).items():
            assert float(back[code][name]) == pytest.approx(value, abs=1e-6)
    capsys.readouterr()
    assert cli.main([*command, "task.dev_metric=null", "sweep=u"]) != 0
    assert "error_rate cannot choose an epoch" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize(("language", "contexts"), [("ru", 6), ("gu", 4), ("qu", 6), ("pa", 6), ("my", 6)])
def test_real_templates(shared_data: Path, monkeypatch: pytest.MonkeyPatch, language: str, contexts: int) -> None:
    """Agreement by case, gender and property (ru), wrong names (gu), endings on answers (qu), third forms (pa)."""
    count = 25
    monkeypatch.setattr(checklist, "CASES", count)
    path = shared_data / f"multichecklist/templates.{language}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = made(language, [json.loads(line) for line in lines])
    tests = {name: [row for row in rows if row["case"].split("/")[0] == name] for name in TESTS.values()}
    assert all(len({row["case"] for row in some}) == count for some in tests.values())
    assert len(tests["intensifiers"]) == count * 2 * contexts and len(tests["properties"]) == count * 2
    assert not [row for row in rows if "{" in row["question"] + row["context"]]
