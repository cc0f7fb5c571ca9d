"""Kinds of edits, and mode=mine_typos: from parallel text to a table that `natural` takes."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from xtreme_noise import cli
from xtreme_noise.commands.mine_typos import mine, read
from xtreme_noise.config.schema import MineConfig
from xtreme_noise.noise.error_mix import EDIT_TYPES, error_mix
from xtreme_noise.noise.registry import checked_parameters, family_class


@pytest.mark.parametrize(
    ("language", "clean", "noisy", "types"),
    [
        ("en", "the house is old", "teh house is old", {"swap": 1}),
        ("en", "the house is old", "the hause is old", {"substitute": 1}),
        ("en", "the house is old", "the hiuse is old", {"adjacent": 1}),
        ("en", "the house is old", "the hoouse is old", {"doubled": 1}),
        ("en", "the house is old", "the houzse is old", {"insert": 1}),
        ("en", "the house is old", "the houe is old", {"delete": 1}),
        ("en", "the house is old", "The HOUSE is old", {"case": 6}),
        ("en", "a lot of it", "alot of it", {"space": 1}),
        ("en", "inside of it", "in side  of it", {"space": 2}),
        ("en", "well, it is", "well it is", {"punctuation": 1}),
        ("en", "well, it is", "well , it is", {"punctuation": 1}),
        ("en", "in the old house", "in old house", {"word": 1}),
        ("en", "in the old house", "in the green house", {"word": 1}),
        ("en", "their houses are green", "there house are gren", {"substitute": 1, "adjacent": 1, "delete": 2}),
        ("fr", "où est-il à midi", "ou est-il a midi", {"diacritic": 2}),
        ("tr", "ılık ve Işık", "ilik ve ışık", {"diacritic": 2, "case": 1}),
        ("hi", "मैं घर में हूँ", "मै घर मे हूँ", {"diacritic": 2}),
        ("hi", "राम का घर", "राम के घर", {"adjacent": 1}),
        ("ar", "كَتَبَ الولد", "كتَبَ الولد", {"diacritic": 1}),
        ("zh", "他们说这很好。", "他们说这很号。", {"substitute": 1}),
        ("en", "the same", "the same", {}),
        ("en", "", "new", {"word": 1}),
    ],
)
def test_kinds_of_edits(language: str, clean: str, noisy: str, types: dict[str, int]) -> None:
    found = error_mix(clean, noisy, language)
    assert found == Counter(types)
    assert set(found) <= set(EDIT_TYPES)


def test_kinds_of_made_noise_are_what_made_it() -> None:
    text = "The committee has decided to publish its report before the end of the year, after long debates in public."
    for family, parameters, expected in (
        ("char", {"insert": 0.0, "delete": 0.0, "substitute": 0.0}, {"swap"}),
        ("char", {"insert": 0.0, "swap": 0.0, "substitute": 0.0}, {"delete"}),
        ("keyboard", {"doubled": 0.0, "missed": 0.0, "unshifted": 0.0}, {"adjacent"}),
    ):
        noise = family_class(family)(checked_parameters(family, parameters))
        found: Counter[str] = Counter()
        for i in range(100):
            found += error_mix(text, noise(text, 0.03, str(i), language="en").text, "en")
        assert sum(found[name] for name in expected) > 0.65 * found.total()


def test_what_parallel_text_holds() -> None:
    pairs = [("the house is old", "teh house is old"), ("the house", "the house"), ("a big house", "a house")]
    found = mine(pairs, "en")
    assert (found.pairs, found.changed) == (3, 2)
    assert found.typos == {("the", "teh"): 1}
    assert (found.errors, found.graphemes) == (2 + 4, 16 + 9 + 11)
    assert (found.touched, found.words) == (2, 4 + 2 + 3)


@pytest.fixture
def parallel(tmp_path: Path) -> Path:
    """The same pairs in three layouts."""
    pairs = [("Das Haus ist alt", "Das Huas ist alt"), ("ein Haus am See", "ein Huas an See"), ("und so", "und so")]
    with gzip.open(tmp_path / "text.jsonl.gz", "wt", encoding="utf-8") as file:
        for clean, noisy in pairs:
            file.write(json.dumps({"good": clean, "bad": noisy, "good_2": None, "bad_2": noisy}) + "\n")
    with (tmp_path / "tokens.jsonl").open("w", encoding="utf-8") as file:
        for clean, noisy in pairs:
            file.write(json.dumps({"good": clean.split(), "bad": noisy.split()}) + "\n")
    (tmp_path / "table.tsv").write_text("".join(f"{clean}\t{noisy}\n" for clean, noisy in pairs), encoding="utf-8")
    return tmp_path


COMMAND = ["mode=mine_typos", "mine.language=de"]


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("text.jsonl.gz", ["mine.clean=[good,good_2]", "mine.noisy=[bad,bad_2]"]),
        ("tokens.jsonl", ["mine.clean=[good]", "mine.noisy=[bad]"]),
        ("table.tsv", []),
    ],
)
def test_mine_and_use(
    parallel: Path, workdir: Path, capsys: pytest.CaptureFixture[str], name: str, columns: list[str]
) -> None:
    output = parallel / "out" / "typos.de.tsv"
    assert cli.main([*COMMAND, f"mine.paths=[{parallel / name}]", f"mine.output={output}", *columns]) == 0
    assert output.read_text(encoding="utf-8") == "Haus\tHuas\t2\nam\tan\t1\n"
    told = capsys.readouterr().out
    assert "2 pairs of word and typo, seen 3 times" in told and "3 pairs of texts, 2 of them" in told
    assert "grapheme error rate 0.1351" in told and "word-change rate    0.3000" in told
    assert not any(workdir.iterdir()), "nothing else is written"
    natural = family_class("natural")(
        checked_parameters("natural", {"path": str(output.parent / "typos.{language}.tsv")})
    )
    assert natural("Ein HAUS", 1.0, "x", language="de").text == "Ein HUAS"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "mine.paths is needed"),
        (["mine.paths=[{folder}/no.tsv]", "mine.output=x.tsv"], "no.tsv: there is no such file"),
        (["mine.paths=[{folder}/tokens.jsonl]", "mine.output=x.tsv"], "mine.clean must name the columns"),
        (["mine.paths=[{folder}/table.tsv]", "mine.output=x.tsv", "mine.clean=[good]"], "as many columns"),
        (["mine.paths=[{folder}/table.tsv]", "mine.output=x.tsv", "mine.language=xx"], "unknown language 'xx'"),
        (["mine.paths=[{folder}/table.tsv]", "mine.output={folder}"], "is a folder"),
        (["mine.path=[{folder}/table.tsv]"], "did you mean 'mine.paths'"),
    ],
)
@pytest.mark.usefixtures("workdir")
def test_mistakes(parallel: Path, capsys: pytest.CaptureFixture[str], given: list[str], message: str) -> None:
    assert cli.main([*COMMAND, *(text.format(folder=parallel) for text in given)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("three.tsv", "a\tb\nc\td\te\n", "three.tsv, line 2: expected two columns"),
        ("same.tsv", "a\ta\n", "no misspelt word"),
        ("number.jsonl", '{"good": 1, "bad": "x"}\n', "number.jsonl, line 1: column 'good' is neither"),
        ("lacks.jsonl", '{"good": "a", "bad": "b"}\n{"good": "x"}\n', "lacks.jsonl, line 2: no column 'bad'"),
        ("torn.jsonl", '{"good": "x", \n', "torn.jsonl, line 1"),
        ("lone.jsonl", '{"good": "a", "bad": "\\ud800"}\n', "lone.jsonl, line 1: not JSON"),
    ],
)
@pytest.mark.usefixtures("workdir")
def test_bad_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    columns = [] if name.endswith(".tsv") else ["mine.clean=[good]", "mine.noisy=[bad]"]
    assert cli.main([*COMMAND, f"mine.paths=[{tmp_path / name}]", f"mine.output={tmp_path}/out.tsv", *columns]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out.tsv").exists()


@pytest.mark.parametrize(
    ("code", "clean", "noisy", "expected"),
    [
        ("de", ["ist es", "", "gut"], ["ists", "ja", "gut"], ("ist es gut", "ists ja gut")),
        ("th", ["ไป แล้ว", "นะ"], ["ไปแล้ว", "น้า"], ("ไปแล้วนะ", "ไปแล้วน้า")),
    ],
)
def test_tokens_become_text(
    tmp_path: Path, code: str, clean: list[str], noisy: list[str], expected: tuple[str, str]
) -> None:
    """A token may be several words or none; in languages without spaces between words, tokens have none either."""
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"clean": clean, "noisy": noisy}), encoding="utf-8")
    assert list(read(MineConfig(paths=[str(path)], clean=["clean"], noisy=["noisy"], language=code))) == [expected]


def distance(one: Counter[str], other: Counter[str]) -> float:
    """Total variation distance of two mixes of edits."""
    return sum(abs(one[name] / one.total() - other[name] / other.total()) for name in EDIT_TYPES) / 2


@pytest.mark.data
@pytest.mark.parametrize("code", ["en", "tr"])
def test_social_is_nearer_to_social_media_than_realistic(shared_data: Path, code: str) -> None:
    """In languages that its weights do not come from, at the attested rate: words changed, and the mix of edits."""
    path = str(shared_data / "multilexnorm2" / f"train.{code}.jsonl.gz")
    rows = read(MineConfig(paths=[path], clean=["clean"], noisy=["noisy"], language=code))
    pairs = [pair for pair, _ in zip(rows, range(120), strict=False)]
    attested = mine(pairs, code)
    apart, words = {}, {}
    for family in ("social", "realistic"):
        noise = family_class(family)(checked_parameters(family, {}))
        level = attested.errors / attested.graphemes
        made = mine(
            ((clean, noise(clean, level, str(i), language=code).text) for i, (clean, _) in enumerate(pairs)), code
        )
        apart[family], words[family] = distance(made.types, attested.types), made.touched / made.words
    real = attested.touched / attested.words
    assert apart["social"] < apart["realistic"]
    assert abs(words["social"] - real) < abs(words["realistic"] - real) / 1.5


@pytest.mark.data
def test_realistic_is_nearer_to_attested_typos_than_its_parts(shared_data: Path) -> None:
    """On English, which its weights do not come from: total variation distance of the mixes of edits."""
    with gzip.open(shared_data / "xnli_noisy" / "test_typos_0.05.en.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(600), strict=False)]
    attested = mine(((row["clean_premise"], row["premise"]) for row in rows), "en").types
    apart = {}
    for family in ("realistic", "char", "keyboard"):
        noise = family_class(family)(checked_parameters(family, {}))
        texts = [row["clean_premise"] for row in rows]
        made = mine(((text, noise(text, 0.02, str(i), language="en").text) for i, text in enumerate(texts)), "en").types
        apart[family] = distance(made, attested)
    assert apart["realistic"] < 0.2
    assert apart["realistic"] < min(apart["char"], apart["keyboard"]) / 2
