"""Keyboards: every letter of real text can slip, and slips are what the keys and input methods make of them."""

from __future__ import annotations

import gzip
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from xtreme_noise.data import sib200
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import hangul, telex
from xtreme_noise.noise.alphabets import groups
from xtreme_noise.noise.families.keyboard import _Typing
from xtreme_noise.noise.layouts import has_keyboard

TYPED = [code for code in LANGUAGES if has_keyboard(code)]
# Letters of a language that its layout does not type: docs/families.md lists them.
NOT_TYPED = {"bg": "ь", "jv": "âåèéêìòù", "ne": "ऍऑळ", "pa": "ੳੲ", "tl": "ñ", "wo": "ŋ"}


def slips(table: _Typing, character: str) -> bool:
    """Every keystroke of the character has neighbours."""
    return all(any(key in board.neighbours for board in table.boards) for key in table.strokes(character))


def coverage(code: str, texts: list[str]) -> tuple[float, list[tuple[str, int]]]:
    """The share of letters and marks of `texts` that can slip, and those that cannot, most frequent first."""
    counts = Counter(unicodedata.normalize("NFC", " ".join(texts)))
    letters = Counter({char: n for char, n in counts.items() if unicodedata.category(char)[0] in "LM"})
    table = _Typing(code)
    gaps = Counter({char: n for char, n in letters.items() if not slips(table, char)})
    return 1 - gaps.total() / letters.total(), gaps.most_common(8)


@pytest.mark.parametrize("code", TYPED)
def test_every_letter_of_the_alphabet_is_typed(code: str) -> None:
    table, own = _Typing(code), groups(code)[0]
    missing = {letter.lower() for letter in own.lower + own.upper if not slips(table, letter)}
    assert missing == set(NOT_TYPED.get(code, ""))


def test_the_page_lists_what_is_not_typed(repository: Path) -> None:
    page = (repository / "docs" / "families.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"that are not on its layout: (.*?\.)\n-", page, re.DOTALL)
    for code, letters in NOT_TYPED.items():
        assert LANGUAGES[code].name in said
        assert any(letter in said.lower() for letter in letters)


@pytest.mark.data
@pytest.mark.parametrize("code", [code for code in TYPED if LANGUAGES[code].xtreme_r])
def test_letters_of_real_text_have_neighbours(shared_data: Path, code: str) -> None:
    share, gaps = coverage(code, sib200.sentences(shared_data, "train", code))
    assert share >= 0.999, gaps


@pytest.mark.data
@pytest.mark.parametrize(
    ("code", "name", "columns"),
    [
        *((code, f"xnli/test.{code}", ("premise", "hypothesis")) for code in ("ar", "bg", "el", "sw", "ur", "vi")),
        *((code, f"udpos_ud/test.{code}", ("tokens",)) for code in ("kk", "mr", "pl", "tl", "uk", "yo")),
    ],
)
def test_letters_of_other_real_text_have_neighbours(
    shared_data: Path, code: str, name: str, columns: tuple[str, ...]
) -> None:
    path = shared_data / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no {path}")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    texts = [" ".join(row[c]) if isinstance(row[c], list) else row[c] for row in rows for c in columns]
    share, gaps = coverage(code, texts)
    assert share >= 0.99, gaps


@pytest.mark.parametrize(
    ("code", "letters"),
    [
        ("uk", "ґєії"),
        ("de", "äöüßÄÖÜ"),
        ("pl", "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"),
        ("hu", "áéíóöőúüű"),
        ("lt", "ąčęėįšųūž"),
        ("fa", "پچژگه"),
        ("vi", "ăâđêôơưếộợ"),
        ("yo", "ẹọṣẸỌṢáà"),
        ("ru", "ё"),
    ],
)
def test_these_letters_slip(code: str, letters: str) -> None:
    table = _Typing(code)
    assert [letter for letter in letters if not (table.classify(letter) and slips(table, letter))] == []


def test_a_dead_key_comes_first() -> None:
    table = _Typing("fr")
    assert table.strokes("ê") == ["\u0302", "e"]
    assert table.strokes("é") == ["é"]  # has a key of its own
    assert table.outcome(["\u0302", "e", "e"], "ê") == (("ê", "e"), 1)
    assert table.outcome(["e"], "ê") == (("e",), 1)
    assert table.outcome(["p", "e"], "ê") == (("p", "e"), 2)
    assert table.outcome(["\u0302", "r"], "ê") is None  # shows ^r
    assert table.outcome(["\u0302"], "ê") is None


def test_a_key_with_no_letters_around_slips_to_the_nearest() -> None:
    board = _Typing("lt").boards[0]
    assert board.neighbours["ž"] == ("p",)
    assert board.neighbours["Ž"] == ("P",)
    assert board.unshifted["Ž"] == "ž"


def test_neighbours_are_mutual_at_one_level() -> None:
    board = _Typing("en").boards[0]
    assert set(board.neighbours["g"]) == set("ftyhbv")
    assert all(key in board.neighbours[other] for key, others in board.neighbours.items() for other in others)


VIETNAMESE = [
    unicodedata.normalize("NFC", letter + tone)
    for letter in "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
    for tone in ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
]


@pytest.mark.parametrize("letter", [*VIETNAMESE, "đ", "Đ", "b", "W"])
def test_telex_types_every_letter_of_vietnamese(letter: str) -> None:
    assert telex.compose(telex.strokes(letter)) == [letter]


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("ees", "ế"),
        ("eess", "ês"),  # the tone taken off again
        ("eee", "ee"),
        ("oof", "ồ"),
        ("asf", "à"),
        ("asz", "a"),
        ("ddd", "dd"),
        ("uwj", "ự"),
        ("eed", "êd"),
        ("bs", "bs"),
    ],
)
def test_telex_shows(keys: str, shown: str) -> None:
    assert "".join(telex.compose(keys)) == shown


def test_telex_leaves_other_letters() -> None:
    assert [telex.strokes(letter) for letter in ("ü", "ñ", "ß", "1", "漢", "ǘ")] == [[]] * 6


def test_hangul_and_back() -> None:
    for syllable in "가힣값괜쌌":
        assert hangul.compose(hangul.strokes(syllable)) == [syllable]
