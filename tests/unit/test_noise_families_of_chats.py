"""Families of informal writing: style, repeat, emoji, abbreviation, format, other_keyboard."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from unicodedata import normalize

import pytest

from tests.contract import foreign
from tests.unit.test_noise_families_of_surface import family, results
from xtreme_noise.errors import ConfigError, NotApplicable
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.families.emoji import EMOJI, emoticons
from xtreme_noise.noise.families.format import dates, numbers
from xtreme_noise.noise.families.repeat import echo
from xtreme_noise.noise.families.style import STYLES, styled
from xtreme_noise.noise.text import graphemes


@pytest.mark.parametrize(
    ("style", "old", "new"),
    [
        ("full_width", "Café 9", "Ｃａｆｅ́ ９"),
        ("double_struck", "CaHé 9", "ℂ𝕒ℍ𝕖́ 𝟡"),
        ("enclosed", "Caz 09", "Ⓒⓐⓩ ⓪⑨"),
        ("small_capitals", "Caféx 9", "Cᴀꜰᴇ́x 9"),
        ("strikethrough", "Да हिं", "Д̶а̶ हिं̶"),
    ],
)
def test_styles(style: str, old: str, new: str) -> None:
    assert results("style", old, "en", styles=[style]) == {normalize("NFC", new)}
    assert results("style", normalize("NFD", old), "en", styles=[style]) == {normalize("NFD", new)}


def test_compatibility_normalization_undoes_three_styles() -> None:
    """Those that a tokenizer with NFKC (XLM-R, e5) does not see."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    undone = [one for one in STYLES if normalize("NFKC", "".join(styled(letter, one) for letter in letters)) == letters]
    assert undone == ["full_width", "double_struck", "enclosed"]


def test_scripts_without_ornamental_letters_are_struck_through() -> None:
    assert results("style", "привет", "ru") == {"п̶р̶и̶в̶е̶т̶"}
    assert results("style", "п̶р̶и̶", "ru") == {"п̶р̶и̶"}
    assert not foreign("привет 12 ok", "".join(results("style", "привет 12 ok", "ru")), "ru")
    assert len(results("style", "word", "en")) == len(STYLES)


def test_unknown_styles_are_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'enclosed'"):
        family("style", styles=["enclosd"])
    with pytest.raises(ConfigError, match="must name a style"):
        family("style", styles=[])


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("en", "so", {"o": "ooo"}),
        ("en", "Best", {"e": "eee", "t": "ttt"}),
        ("en", "NO!", {"O": "OOO"}),
        ("en", "Oh", {"O": "Ooo", "h": "hhh"}),
        ("en", "3rd", {"d": "ddd"}),
        ("de", "Spaß", {"a": "aaa", "ß": "ßßß"}),
        ("tr", "İyi", {"İ": "İii", "y": "yyy", "i": "iii"}),
        ("ru", "мой", {"о": "ооо", "й": "ййй"}),
        ("ru", "чайка", {"а": "ааа"}),
        ("el", "έλα", {"έ": "έέέ", "α": "ααα"}),
        ("ar", "جدا", {"ا": "ااا"}),
        ("th", "มาก ค่ะ", {"ก": "กกก", "ะ": "ะะะ"}),
        ("hi", "बहुत", {"त": "ततत"}),
        ("hi", "नहीं", {}),
        ("yo", "ọ́", {"ọ́": "ọ́ọ́ọ́"}),
        ("ko", "네 좋아요 정말", {"네": "네에에", "요": "요오오"}),
        ("ja", "すごい、本当", {"い": "いーー"}),
        ("zh", "真好。", {"好": "好好好"}),
    ],
)
def test_what_is_repeated(code: str, text: str, expected: dict[str, str]) -> None:
    noise = family("repeat", most=2)
    for form in ("NFC", "NFD"):
        written = normalize(form, text)
        edits = {edit for uid in range(40) for edit in noise(written, 1.0, str(uid), language=code).edits}
        found = {normalize("NFC", edit.clean): normalize("NFC", edit.noisy) for edit in edits}
        assert found == {normalize("NFC", old): normalize("NFC", new) for old, new in expected.items()}


def test_repetition_is_as_attested() -> None:
    """MultiLexNorm2: of runs of three or more letters, half have three and a quarter four."""
    text = "strong words " * 4000
    noised = family("repeat")(text, 0.1, "x", language="en")
    added = [len(edit.noisy) - 1 for edit in noised.edits]
    shares = [added.count(number) / len(added) for number in range(2, 7)]
    assert shares == pytest.approx([1 / 2, 1 / 4, 1 / 8, 1 / 8, 0], abs=0.03)
    ends = sum(edit.clean in "gs" for edit in noised.edits) / len(added)
    assert ends == pytest.approx(1 / (1 + 1 / 4), abs=0.03)  # one other vowel in every word, drawn a quarter as often
    assert {edit.noisy for edit in family("repeat", most=1)(text, 0.1, "x", language="en").edits} == {"oo", "gg", "ss"}
    with pytest.raises(ConfigError, match="most must be from 1"):
        family("repeat", most=0)


def test_open_korean_syllables_are_drawn_out() -> None:
    assert [echo(syllable, "ko") for syllable in "가개겨과귀긔강"] == ["아", "애", "어", "아", "이", "이", ""]


@pytest.mark.parametrize(
    ("code", "text", "places", "space"),
    [("en", "So good. Yes", {2, 8, 12}, " "), ("zh", "你好，再见", {3, 5}, ""), ("th", "ไป แล้ว", {2, 7}, "")],
)
def test_where_emoji_are_put(code: str, text: str, places: set[int], space: str) -> None:
    edits = [edit for uid in range(60) for edit in family("emoji")(text, 0.5, str(uid), language=code).edits]
    assert {edit.start for edit in edits} == places
    assert all(edit.clean == "" and edit.noisy.startswith(" ") == bool(space) for edit in edits)


def test_emoji_prefer_the_ends_of_clauses() -> None:
    text = "one two three four five, six seven eight nine ten. " * 200
    noised = family("emoji")(text, 0.02, "x", language="en")
    ends = [text[edit.start - 1] in ",." for edit in noised.edits]
    assert sum(ends) / len(ends) == pytest.approx(2 / (2 + 8 / 32), abs=0.07)


def test_emoji_and_emoticons_by_weight() -> None:
    text = "one two three " * 800
    written = [edit.noisy.strip() for edit in family("emoji")(text, 0.1, "x", language="en").edits]
    assert {*written} == {*EMOJI, *emoticons("en")}
    assert sum(one in EMOJI for one in written) / len(written) == pytest.approx(2 / 3, abs=0.05)
    assert results("emoji", "да", "ru", emoji=0.0) <= {"да", *(f"да {one}" for one in emoticons("ru"))}
    with pytest.raises(NotApplicable, match="number of tokens"):
        family("emoji").tokens(["ok"], 0.1, "x", language="en")
    with pytest.raises(ConfigError, match="emoji noise: weights"):
        family("emoji", emoji=0.0, emoticons=0.0)


def test_emoji_are_graphemes_and_emoticons_no_foreign_letters() -> None:
    assert all(len(graphemes(one)) == 1 for one in EMOJI)
    for code in LANGUAGES:
        assert not foreign("", "".join((*EMOJI, *emoticons(code))), code)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("en", "You and ME", {"U n ME"}),
        ("de", "Vielleicht Minuten", {"Vllt Min", "Vlt Min"}),
        ("id", "yang", {"yg"}),
        ("ru", "Спасибо", {"Спс", "Спсб"}),
        ("he", "קילומטר", {'ק"מ'}),
        ("fr", "aujourd'hui", {"ajd", "auj"}),
    ],
)
def test_abbreviations(code: str, text: str, expected: set[str]) -> None:
    assert results("abbreviation", text, code) == expected


def test_abbreviations_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "short.en.tsv"
    path.write_text("house\ths\n", encoding="utf-8")
    noise = family("abbreviation", path=str(tmp_path / "short.{language}.tsv"))
    assert noise.languages() == ["en"]
    assert noise("You house", 1.0, "x", language="en").text == "You hs"
    assert noise.signature != family("abbreviation").signature
    path.write_text("house\th s\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="an abbreviation with a space"):
        family("abbreviation", path=str(path))


def test_abbreviations_are_short() -> None:
    folder = files("xtreme_noise.noise") / "abbreviations"
    tables = {path.name: path.read_text(encoding="utf-8").splitlines() for path in folder.iterdir()}
    assert {name.removesuffix(".tsv") for name in tables} <= {*LANGUAGES}
    for name, lines in tables.items():
        assert "by hand" in lines[0]
        for word, form, _ in (line.split("\t") for line in lines[1:]):
            assert len(form) <= len(word), f"{name}: {word} {form}"


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("en", "1,234.5 km", {"1.234,5 km", "1234.5 km", "1234,5 km"}),
        ("de", "1.234,5 km", {"1,234.5 km", "1234.5 km", "1234,5 km"}),
        ("de", "1.234", {"1,234", "1234"}),
        ("en", "3.5", {"3,5"}),
        ("de", "3,5", {"3.5"}),
        ("en", "12345", {"12,345", "12.345"}),
        ("hi", "१,२३,४५६", {"१२३,४५६", "१२३.४५६", "१२३४५६"}),
        ("zh", "约12,345人", {"约12.345人", "约12345人"}),
        ("en", "in 1984, v1.2.3, 10:30.5, B2.5", {"in 1984, v1.2.3, 10:30.5, B2.5"}),
        ("en", "2024-05-03", {"03/05/2024", "05/03/2024", "3.5.2024"}),
        ("en", "05/03/2024", {"2024-05-03", "03/05/2024", "3.5.2024"}),
        ("de", "am 3.5.2024", {"am 2024-05-03", "am 03/05/2024", "am 05/03/2024"}),
        ("en", "25/12/2024", {"25/12/2024"}),
    ],
)
def test_formats(code: str, text: str, expected: set[str]) -> None:
    assert results("format", text, code) == expected


def test_numbers_and_dates_are_told_apart() -> None:
    text = "3.5 on 2024-05-03"
    assert results("format", text, "en", dates=False) == {"3,5 on 2024-05-03"}
    assert all(found.startswith("3.5 ") for found in results("format", text, "en", numbers=False))
    with pytest.raises(ConfigError, match="numbers or dates"):
        family("format", numbers=False, dates=False)
    assert numbers("1,234.5", ",")[0] == "1,234.5"
    assert dates("13.13.2024", "dmy") == []


def test_every_language_has_conventions() -> None:
    lines = files("xtreme_noise.noise").joinpath("formats.tsv").read_text(encoding="utf-8").splitlines()
    rows = {code: (decimal, order) for code, decimal, order in (line.split("\t") for line in lines[1:])}
    assert list(rows) == list(LANGUAGES)
    assert {*rows.values()} <= {(sign, order) for sign in ".," for order in ("dmy", "mdy", "ymd")}
    assert [rows[code] for code in ("de", "en", "hu", "zh")] == [(",", "dmy"), (".", "mdy"), (",", "ymd"), (".", "ymd")]


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("tr", "İşçi ışık I", {"Isci isik I"}),
        ("it", "perché È", {"perche' E'", "perche E'", "perche' E", "perche E"}),
        ("de", "Straße Übung ÄÖ", {"Strasse Uebung AeOe"}),
        ("fr", "Où est l'œuf", {"Ou est l'oeuf"}),
        ("vi", "Đường", {"Duong"}),
        ("yo", "ọ̀bẹ̀", {"obe"}),
        ("da", "øl", {"oel", "ol"}),
        ("fa", "پنجره گچی می\u200cرود", {"بنجره كجي مي\u200cرود"}),
        ("fa", "پَ", {"بَ"}),
        ("ur", "ٹھیک ہے", {"تهيك هي"}),
        ("uk", "Її ґанок йод", {"Ии ганок йод"}),
        ("kk", "Қазақ тілі", {"Казак тили"}),
        ("de", "Жук été", {"Жук ete"}),
    ],
)
def test_letters_that_another_keyboard_lacks(code: str, text: str, expected: set[str]) -> None:
    assert results("other_keyboard", text, code) == expected


def test_languages_whose_letters_are_all_there() -> None:
    supported = family("other_keyboard").languages()
    assert not {"en", "id", "ru", "bg", "hi", "zh", "ko", "he"} & {*supported}
    assert {"fa", "ur", "kk", "mn", "uk", "tr", "it"} <= {*supported}
    layouts = json.loads(files("xtreme_noise.noise").joinpath("layouts.json").read_text(encoding="utf-8"))
    assert {"ar", "ru", "en"} <= {*layouts["languages"]}
