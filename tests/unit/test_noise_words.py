"""Families of words, and families made of families: word, natural, codeswitch, mix, realistic, sequence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.files import table
from xtreme_noise.commands.mine_typos import mine
from xtreme_noise.errors import ConfigError, NotApplicable
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.compose import composed
from xtreme_noise.noise.edits import Edit, edits_between, rebuild
from xtreme_noise.noise.error_mix import error_mix
from xtreme_noise.noise.registry import checked_parameters, family_class
from xtreme_noise.noise.segment import grapheme_words, words
from xtreme_noise.noise.text import graphemes

ENGLISH = "The committee has decided to publish its report before the end of the year, after long debates in public."
GERMAN = "Das Haus am See gehört der Stadt, und NIEMAND darf dort ohne Erlaubnis wohnen."
CHINESE = "他们说这是一个很好的机会,北京大学的学生都来了。"
THAI = "ฉันชอบกินข้าวผัดมากและเพื่อนของฉันก็ชอบ"


def build(family: str, **parameters: Any) -> Perturber:
    return family_class(family)(checked_parameters(family, parameters))


def outputs(noise: Perturber, text: str, language: str, level: float = 0.1, times: int = 300) -> list[str]:
    return [noise(text, level, str(i), language=language).text for i in range(times)]


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        ("en", "Don't stop, it's 3 o'clock!", ["Don't", "stop", "it's", "3", "o'clock"]),
        ("fr", "l’homme d'État", ["l’homme", "d'État"]),
        ("zh", "他们说Python很好。", ["他们", "说", "Python", "很好"]),
        ("ja", "昨日東京へ行きました。", ["昨日", "東京", "へ", "行き", "ま", "した"]),
        ("th", "ฉันชอบกินข้าว", ["ฉัน", "ชอบ", "กิน", "ข้าว"]),
        ("my", "မြန်မာစာကို", ["မြန်မာ", "စာ", "ကို"]),
        ("hi", "माँ, पानी।", ["माँ", "पानी"]),
    ],
)
def test_words_are_those_of_the_language(language: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in words(text, language)] == found
    units = graphemes(text)
    assert ["".join(units[start:end]) for start, end in grapheme_words(units, language)] == found


BEYOND = ("😀", "👍🏽", "🇩🇪", "𝒳 ", "𠮷、", "a😀 ", "😀" * 9)  # more than one UTF-16 unit a character


@pytest.mark.parametrize("before", BEYOND)
@pytest.mark.parametrize(
    ("language", "text"), [("zh", CHINESE), ("ja", "昨日東京へ行きました。"), ("th", THAI), ("my", "မြန်မာစာကို")]
)
def test_words_are_the_same_behind_characters_beyond_the_bmp(language: str, text: str, before: str) -> None:
    alone = [(start + len(before), end + len(before)) for start, end in words(text, language)]
    assert [span for span in words(before + text, language) if span[0] >= len(before)] == alone
    for family in ("word", "romanize"):
        noise = build(family)
        able = [noise(one, 0.0, "x", language=language).capacity * len(graphemes(one)) for one in (text, before + text)]
        extra = noise(before, 0.0, "x", language=language).capacity * len(graphemes(before))
        gap = family == "word" and before in ("𝒳 ",)  # a space between two words
        assert able[1] == pytest.approx(able[0] + extra + gap)


def test_errors_are_mined_behind_an_emoji(tmp_path: Path) -> None:
    pairs = [("昨日東京へ行きました。", "昨日東京え行きました。"), ("我们去图书馆看书", "我们去图书管看书")]
    for language, (clean, noisy) in zip(("ja", "zh"), pairs, strict=True):
        assert error_mix(f"😀{clean}", f"😀{noisy}", language) == error_mix(clean, noisy, language)
        assert mine([(f"😀{clean}", f"😀{noisy}")], language).typos == mine([(clean, noisy)], language).typos
    noise = build("natural", path=table(tmp_path, "图书\t图杯\n"))
    for text in ("我们今天去图书馆。", "😀我们今天去图书馆。"):
        assert noise(text, 0.0, "x", language="zh").capacity == 2 / len(text)


def test_dropped_words_take_a_space_with_them() -> None:
    known = ENGLISH.replace(",", "").rstrip(".").split()
    for noisy in outputs(build("word", repeat=0.0, swap=0.0), ENGLISH, "en"):
        assert "  " not in noisy and noisy == noisy.strip() and " ," not in noisy and noisy.endswith(".")
        left = iter(known)
        assert all(word in left for word in noisy.replace(",", "").rstrip(".").split())


def test_repeated_and_swapped_words() -> None:
    for noisy in outputs(build("word", drop=0.0, swap=0.0), CHINESE, "zh"):
        assert " " not in noisy
    seen = Counter(outputs(build("word", drop=0.0, repeat=0.0), "one two, three four", "en"))
    assert set(seen) == {"one two, three four", "two one, three four", "one two, four three"}
    assert build("word", drop=0.0, swap=0.0)("no", 1.0, "x", language="en").text == "no no"
    assert build("word", repeat=0.0, swap=0.0)("no", 1.0, "x", language="en").text == "no"


@pytest.mark.parametrize(("language", "text"), [("en", ENGLISH), ("de", GERMAN), ("zh", CHINESE), ("th", THAI)])
def test_something_is_always_left(language: str, text: str) -> None:
    for noisy in outputs(build("word", repeat=0.0, swap=0.0), text, language, 1.0, 50):
        assert len(words(noisy, language)) >= len(words(text, language)) / 4


def test_words_cost_what_they_measure_without_bias() -> None:
    reached = [build("word")(ENGLISH, 0.05, str(i), language="en").achieved for i in range(3000)]
    assert fmean(reached) == pytest.approx(0.05, abs=0.003)


def test_a_changed_number_of_words_is_refused_under_token_labels(tmp_path: Path) -> None:
    several = build("codeswitch", path=table(tmp_path, "see\tde zee\n"))
    for noise in (build("word"), several, build("mix", families={"char": {}, "word": {}})):
        assert not noise.keeps_tokens
        with pytest.raises(NotApplicable, match="number of tokens"):
            noise.tokens(["see"], 0.5, "x", language="de")


def test_case_is_carried(tmp_path: Path) -> None:
    path = table(tmp_path, "haus\thuas\nniemand\tnimand\nder\tdre\nsee\tSee\n")
    noisy = build("natural", path=path)(GERMAN, 1.0, "x", language="de").text
    assert noisy == GERMAN.replace("Haus", "Huas").replace("NIEMAND", "NIMAND").replace("der", "dre")
    turkish = build("natural", path=table(tmp_path, "istanbul\tistambul\n", "tr.tsv"))
    assert turkish("İstanbul İSTANBUL", 1.0, "x", language="tr").text == "İstambul İSTAMBUL"
    upward = build("natural", path=table(tmp_path, "Paris\tPairs\n", "fr.tsv"))
    assert upward("paris Paris", 1.0, "x", language="fr").text == "pairs Pairs"


def test_typos_come_as_often_as_they_were_counted(tmp_path: Path) -> None:
    noise = build("natural", path=table(tmp_path, "# counted\nwort\twrot\t3\nwort\tword\t1\r\n\n"))
    seen = Counter(outputs(noise, "wort", "de", 1.0, 4000))
    assert set(seen) == {"wrot", "word"}
    assert seen["wrot"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_supply_is_capacity(tmp_path: Path) -> None:
    noise = build("natural", path=table(tmp_path, "haus\thuas\n"))
    noised = noise(GERMAN, 0.5, "x", language="de")
    assert noised.capacity == pytest.approx(4 / len(GERMAN))
    assert noised.achieved == pytest.approx(2 / len(GERMAN))
    assert noise("nichts davon", 0.5, "x", language="de").capacity == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("haus\thuas\nbaum\n", "table.tsv, line 2: a row is"),
        ("haus\thuas\t0\n", "table.tsv, line 1: a weight is a number above 0, not '0'"),
        ("haus\thuas\tmany\n", "table.tsv, line 1: a weight"),
        ("haus\t\n", "table.tsv, line 1: a row is"),
        ("das haus\tdashaus\n", "table.tsv, line 1: 'das haus' is more than one word"),
        ("haus\thau s\n", "number of tokens"),
        ("# nothing\n", "has no rows"),
    ],
)
def test_a_malformed_table_is_named(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build("natural", path=table(tmp_path, content))
    assert message in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "latin1.tsv").write_bytes("haus\thuas\nbäume\tbaume\n".encode("latin-1"))
    for path, message in (
        (None, "noise.families.natural.path="),
        (str(tmp_path / "none.tsv"), "cannot be read"),
        (str(tmp_path / "{language}.tsv"), "no such file for any language"),
        (str(tmp_path / "latin1.tsv"), "latin1.tsv, line 2: this is not UTF-8"),
    ):
        with pytest.raises(ConfigError, match=message):
            build("natural", path=path)


def test_signature_is_of_the_content(tmp_path: Path) -> None:
    one, same = table(tmp_path, "a\tb\n", "one.tsv"), table(tmp_path, "a\tb\n", "same.tsv")
    other = table(tmp_path, "a\tc\n", "other.tsv")
    assert build("natural", path=one).signature == build("natural", path=same).signature
    assert build("natural", path=one).signature != build("natural", path=other).signature


def test_one_table_a_language(tmp_path: Path) -> None:
    table(tmp_path, "haus\thuas\n", "de.tsv")
    table(tmp_path, "house\thuose\n", "en.tsv")
    noise = build("natural", path=str(tmp_path / "{language}.tsv"))
    assert noise.languages() == ["de", "en"]
    assert noise("haus house", 1.0, "x", language="en").text == "haus huose"
    with pytest.raises(ConfigError, match="cannot act in 'fr'"):
        noise("maison", 1.0, "x", language="fr")


def test_codeswitch(tmp_path: Path) -> None:
    lexicon = table(tmp_path, "house\tHaus\nlake\tSee\t3\nlake\tder See\n")
    noise = build("codeswitch", path=lexicon)
    assert not noise.label_preserving
    seen = set(outputs(noise, "House, LAKE; lake", "en", 1.0))
    assert "Haus, SEE; der See" in seen and all(text.startswith("Haus, ") for text in seen)
    chinese = build("codeswitch", path=table(tmp_path, "大学\tuniversity\n大\tbig\n", "zh.tsv"))
    assert chinese(CHINESE, 1.0, "x", language="zh").text == CHINESE.replace("大学", "university")
    one = build("codeswitch", path=table(tmp_path, "house\tHaus\n", "one.tsv"))
    assert one.keeps_tokens
    assert one.tokens(["The", "house"], 1.0, "x", language="en").tokens == ["The", "Haus"]


def changed_types(noise: Perturber, text: str, language: str, level: float) -> Counter[bool]:
    """How many edits are of a sign, and how many of letters."""
    found: Counter[bool] = Counter()
    for i in range(600):
        edits = noise(text, level, str(i), language=language).edits
        found.update(not any(map(str.isalnum, edit.clean + edit.noisy)) for edit in edits)
    return found


def test_weights_are_shares_of_the_changes() -> None:
    """Signs are one grapheme in twelve: drawn by place, they would hardly ever change."""
    text = "Well, no: the report, they said, is late; nobody knows why. Is it lost, or hidden?"
    for weight, share in ((1.0, 0.5), (0.25, 0.2)):
        noise = build("mix", families={"char": {}, "punctuation": {"weight": weight}})
        found = changed_types(noise, text, "en", 0.012)
        assert found[True] / found.total() == pytest.approx(share, abs=0.07)


def test_who_cannot_act_is_left_out() -> None:
    noise = build("mix", families={"keyboard": {"weight": 9.0}, "char": {"weight": 1.0}})
    alone = build("mix", families={"char": {}})
    assert noise(CHINESE, 0.3, "x", language="zh") == alone(CHINESE, 0.3, "x", language="zh")
    assert not build("mix", families={"keyboard": {}}).supports("zh")
    assert build("realistic").languages() == build("char").languages()
    assert build("social").languages() == build("abbreviation").languages()
    assert build("social", families={"char": {}}).languages() == build("char").languages()


@pytest.mark.parametrize("family", ["mix", "sequence"])
@pytest.mark.parametrize(
    ("families", "message"),
    [
        ({"chra": {}}, "did you mean 'char'"),
        ({"char": {"swop": 1.0}}, "did you mean 'swap'"),
        ({"char": {"weight": -1}}, "families.char.weight must be a number >= 0"),
        ({"char": {"weight": 0}}, "must name a family"),
        ({"char": 2}, "must be a weight and"),
        ({"natural": {}}, "needs a table"),
    ],
)
def test_wrong_components_are_named(family: str, families: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(family, families=families)
    assert message in str(caught.value)
    assert f"noise.families.{family}.families" in str(caught.value)


def test_what_is_mixed_is_in_the_signature() -> None:
    signature = build("mix", families={"char": {"weight": 2, "swap": 0.0}, "case": {}}).signature
    assert signature.startswith("mix/v1(2 char/v") and "swap=0.0" in signature and "1 case/v" in signature
    assert build("mix", families={"char": {}, "word": {}}).label_preserving is False


def test_only_families_of_single_changes_are_mixed() -> None:
    with pytest.raises(ConfigError, match="noise=sequence"):
        build("mix", families={"nlpaug": {}})


def test_a_step_leaves_alone_what_came_before() -> None:
    noise = build("sequence", families={"char": {"weight": 2.0}, "keyboard": {}})
    for level in (0.05, 0.3):
        noised = [noise(ENGLISH, level, str(i), language="en") for i in range(600)]
        assert fmean(result.achieved for result in noised) == pytest.approx(level, abs=0.005)


def test_steps_protect_and_rebuild() -> None:
    noise = build("sequence", families={"word": {}, "char": {}, "again": {"family": "char"}})
    start = ENGLISH.index("publish its report")
    for i in range(100):
        noised = noise(ENGLISH, 0.3, str(i), language="en", protect=[(start, start + 18)])
        assert "publish its report" in noised.text
        assert rebuild(ENGLISH, noised.edits) == noised.text
        assert not any(edit.start < start + 18 and edit.end > start for edit in noised.edits)


def test_a_stock_augmenter_can_be_a_step() -> None:
    noise = build("sequence", families={"keyboard": {}, "nlpaug": {}})
    noise.prepare([ENGLISH, GERMAN] * 20, 0.1, "en")
    noised = [noise(ENGLISH, 0.1, str(i), language="en") for i in range(200)]
    assert fmean(result.achieved for result in noised) == pytest.approx(0.1, abs=0.02)
    assert all(rebuild(ENGLISH, result.edits) == result.text for result in noised)


@st.composite
def rewritten(draw: st.DrawFn, text: str) -> tuple[str, tuple[Edit, ...]]:
    """A text made from `text`, with edits that are no shortest alignment."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    edits, noisy, at = [], "", 0
    for start, end in zip(cuts[::2], cuts[1::2], strict=False):
        new = draw(st.text("abc", max_size=3))
        noisy += text[at:start]
        edits.append(Edit(start, end, len(noisy), len(noisy) + len(new), text[start:end], new))
        noisy, at = noisy + new, end
    return noisy + text[at:], tuple(edits)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data(), st.text("abc", max_size=20))
def test_two_steps_as_one(data: st.DataObject, clean: str) -> None:
    between, first = data.draw(rewritten(clean))
    noisy, second = data.draw(rewritten(between))
    edits = composed(clean, noisy, first, second)
    assert rebuild(clean, edits) == noisy
    assert all(noisy[edit.noisy_start : edit.noisy_end] == edit.noisy for edit in edits)
    assert inside(edits) <= inside(first) | undone(clean, first, second)


def inside(edits: Sequence[Edit]) -> set[int]:
    return {at for edit in edits for at in range(edit.start, edit.end)}


def undone(clean: str, first: Sequence[Edit], second: Sequence[Edit]) -> set[int]:
    """Where in `clean` the second step has changed something, or stands beside it."""
    origin: list[int] = []
    at = 0
    for edit in first:
        origin += range(at, edit.start)
        origin += [edit.start] * len(edit.noisy)
        at = edit.end
    origin += range(at, len(clean))
    return {origin[i] for edit in second for i in range(edit.start, edit.end)}


def test_edits_of_two_steps_stay_small() -> None:
    edits = composed("abcdef", "aXcdYf", edits_between("abcdef", "aXcdef"), edits_between("aXcdef", "aXcdYf"))
    assert [edit[:2] + edit[4:] for edit in edits] == [(1, 2, "b", "X"), (4, 5, "e", "Y")]
