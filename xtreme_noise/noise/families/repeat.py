"""Letters repeated for emphasis: soooo, yesss, 네에에, すごいーー."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import regex

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import hangul
from xtreme_noise.noise.casing import lower
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.text import nfc

_OTHER, _CONSONANT, _VOWEL = 1, 2, 3  # letters: not repeated, repeated at the end of a word, repeated anywhere
_FINAL, _INNER = 1, 2
_BITS = 20  # of a draw
_VOWELS = frozenset("aeiouyıøæœəаеёиоуыэюяіїєәөұүαεηιουωաեէըիոօაეიოუاويیىאוי")
_LETTER = regex.compile(r"\p{L}[\u0300-\u036f]*")  # vowel signs and other marks would be repeated with their letter
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}ー]")


@dataclass(frozen=True)
class RepeatParameters:
    """most: the largest number of letters added, from 1. Two are as likely as any larger number, three as any larger
    one, and so on; 1 always adds one.
    """

    most: int = 5


def echo(grapheme: str, code: str) -> str:
    """What is written again after a letter, in small letters: the letter; the vowel of an open Korean syllable; the
    long-vowel mark after kana. "" for what is not repeated.
    """
    letter = nfc(lower(nfc(grapheme), code))
    if hangul.is_syllable(letter):
        return hangul.echo(letter)
    if code == "ja":
        return "ー" if _KANA.fullmatch(letter) else ""
    return letter if _LETTER.fullmatch(letter) else ""


def is_vowel(letter: str) -> bool:
    """Whether a small letter is one that is repeated inside words: a vowel of an alphabet, with any accents."""
    return letter in _VOWELS or (letter != "й" and unicodedata.normalize("NFD", letter)[0] in _VOWELS)


class _Letters(Table):
    """The last letter of a word (_FINAL) and other vowels (_INNER)."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self.echo = lru_cache(maxsize=1 << 14)(lambda grapheme: echo(grapheme, code))

    def classify(self, grapheme: str) -> int:
        if not grapheme[0].isalpha():
            return 0
        again = self.echo(grapheme)
        if not again:
            return _OTHER
        return _VOWEL if is_vowel(again) else _CONSONANT

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        classes = [*super().kinds(text, units), 0]
        return bytes(
            (_INNER if here == _VOWEL else 0) if after else (_FINAL if here > _OTHER else 0)
            for here, after in pairwise(classes)
        )


class Family(EngineFamily):
    """The last letter of a word or one of its vowels is written several times; consonants inside words are not. In
    Chinese, Japanese, Thai and Burmese a word ends where letters end, at a space or a mark.
    """

    family = "repeat"
    version = 1
    Parameters = RepeatParameters

    def __init__(self, parameters: RepeatParameters) -> None:
        super().__init__(parameters)
        if not 1 <= parameters.most <= 20:
            raise ConfigError(f"noise.families.repeat.most must be from 1 to 20, not {parameters.most}")

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Letters:
        return _Letters(language)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Letters
    ) -> Change | None:
        # Of ends of words and other vowels, attested repetition prefers the ends, of which there are fewer.
        if kinds[site] == _INNER and word & 3:
            return None
        return self.replace(word >> 2, site, units, kinds, table)

    def replace(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: _Letters,
    ) -> Change | None:
        letter = units[site]
        loud = letter.isupper() and not (site + 1 < len(units) and units[site + 1].islower())
        again = letter if loud else table.echo(letter)
        count = min(self.parameters.most, 2 + _BITS - (word & (1 << _BITS) - 1).bit_length())
        return site, site + 1, (letter, *(again,) * count), count
