"""The letters of each language with their frequencies, from which character noise draws.

Both are in letters.tsv, compiled by compile_letters.py from Unicode CLDR, the Universal Declaration of Human Rights and
dictionaries of Chinese and Japanese.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import regex

from xtreme_noise.languages import lacking, language

ASCII = "abcdefghijklmnopqrstuvwxyz"
_SCRIPTS = {
    "Arab": "Arabic",
    "Armn": "Armenian",
    "Beng": "Bengali",
    "Cyrl": "Cyrillic",
    "Deva": "Devanagari",
    "Geor": "Georgian",
    "Grek": "Greek",
    "Gujr": "Gujarati",
    "Guru": "Gurmukhi",
    "Hebr": "Hebrew",
    "Knda": "Kannada",
    "Latn": "Latin",
    "Mlym": "Malayalam",
    "Mymr": "Myanmar",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Thai": "Thai",
}
# Where marks hang on letters that stand without them too: a new letter keeps the marks of the old one.
_KEEPS_MARKS = {
    "Arab",
    "Beng",
    "Deva",
    "Gujr",
    "Guru",
    "Hebr",
    "Knda",
    "Mlym",
    "Mymr",
    "Taml",
    "Telu",
    "Thai",
}


BITS = 14  # of a draw


@dataclass(frozen=True)
class Group:
    """Letters that replace one another. member: a regex class of the letters in a text that belong to it; lower, upper:
    the letters to draw (upper is empty without case), with their frequencies as weights; keeps_marks: see
    `_KEEPS_MARKS`.
    """

    name: str
    member: str
    lower: tuple[str, ...]
    weights: tuple[float, ...]
    upper: tuple[str, ...] = ()
    upper_weights: tuple[float, ...] = ()
    keeps_marks: bool = False


def draws(letters: tuple[str, ...], weights: tuple[float, ...]) -> tuple[str, ...]:
    """2**14 letters, each about as often as its weight says and at least once, so that 14 random bits draw a letter."""
    drawn: list[str] = []
    rest, total, passed = (1 << BITS) - len(letters), sum(weights), 0.0
    for number, (letter, weight) in enumerate(zip(letters, weights, strict=True), 1):
        passed += weight
        drawn += [letter] * (number + int(rest * passed / total + 1e-9) - len(drawn))
    return tuple(drawn)


@cache
def _counts() -> dict[str, dict[str, int]]:
    """Language -> letter -> frequency, most frequent first."""
    lines = files("xtreme_noise.noise").joinpath("letters.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {key: dict(zip(letters.split(), map(int, counts.split()), strict=True)) for key, letters, counts in rows}


def _plain(name: str, member: str, counts: dict[str, int]) -> Group:
    return Group(name, member, tuple(counts), tuple(counts.values()))


def _cased(name: str, member: str, counts: dict[str, int], turkic: bool, keeps_marks: bool) -> Group:
    capitals = {"i": "İ", "ı": "I"} if turkic else {}
    upper: dict[str, float] = {}
    if name != "Geor":  # Georgian capitals are not used
        for letter, count in counts.items():
            capital = capitals.get(letter, letter.upper())
            if len(capital) == len(letter) and capital != letter and capital not in counts:
                upper[capital] = upper.get(capital, 0.0) + count
    return Group(
        name=name,
        member=member,
        lower=tuple(counts),
        weights=tuple(counts.values()),
        upper=tuple(upper),
        upper_weights=tuple(upper.values()),
        keeps_marks=keeps_marks,
    )


@cache
def groups(code: str) -> tuple[Group, ...]:
    """The letter groups of a language: its own, then ASCII letters (names, loan words), which replace one
    another.
    """
    script = language(code).script
    own: list[Group]
    if script == "Hans":
        own = [_plain("Hani", r"\p{Script=Han}", _counts()["zh"])]
    elif script == "Jpan":
        own = [
            _plain("Hira", r"\p{Script=Hiragana}", _counts()["ja-Hira"]),
            _plain("Kana", r"[\p{Script=Katakana}ー]", _counts()["ja-Kana"]),
            _plain("Hani", r"\p{Script=Han}", _counts()["ja-Hani"]),
        ]
    elif script == "Kore":
        own = [_plain("Hang", r"\p{Script=Hangul}", _counts()["ko"])]
    else:
        if script not in _SCRIPTS or code not in _counts():
            raise lacking(code, "letters", "noise/" + ("alphabets.py" if script not in _SCRIPTS else "letters.tsv"))
        member = rf"\p{{Script={_SCRIPTS[script]}}}"
        own = [_cased(script, member, _counts()[code], code in {"tr", "az"}, script in _KEEPS_MARKS)]
    if script == "Latn":
        return tuple(own)
    english = {letter: count for letter, count in _counts()["en"].items() if letter in ASCII}
    return (*own, _cased("ascii", r"[a-zA-Z]", english, False, False))


@cache
def alphabet(code: str) -> tuple[str, ...]:
    """The lower-case (or caseless) letters of a language."""
    return tuple(dict.fromkeys(letter for group in groups(code) if group.name != "ascii" for letter in group.lower))


@cache
def _members(code: str) -> tuple[regex.Pattern[str], ...]:
    return tuple(regex.compile(rf"(?V1)[{group.member}&&\p{{L}}]") for group in groups(code))


_UPPER = regex.compile(r"\p{Lu}")


def kind(grapheme: str, code: str) -> int:
    """0 (not a letter of the language), or 2 * number of its group + 1 (lower case, caseless) or + 2 (upper case)."""
    for number, member in enumerate(_members(code)):
        if member.match(grapheme):
            return 2 * number + (2 if _UPPER.match(grapheme) and groups(code)[number].upper else 1)
    return 0
