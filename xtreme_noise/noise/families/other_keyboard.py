"""A language typed on the keyboard of another one: letters that it lacks become those that a typist would type."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise.alphabets import alphabet
from xtreme_noise.noise.casing import lower
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.layouts import keys
from xtreme_noise.noise.text import graphemes, nfc

# Where the other keyboard is not the English one.
_OTHERS = {"fa": "ar", "ur": "ar", "kk": "ru", "mn": "ru", "uk": "ru"}
_JOINERS = "\u200c\u200d"
_PERSIAN = {"پ": "ب", "چ": "ج", "ژ": "ز", "گ": "ك", "ک": "ك", "ی": "ي"}
_GERMAN = {"ä": "ae", "ö": "oe", "ü": "ue"}
_NORDIC = {"å": "aa", "æ": "ae", "ø": "oe o"}
# Letters without an own mark, and those that are spelt out, in small letters; others lose their marks.
_UNDECOMPOSED = {"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ħ": "h", "ŧ": "t", "ə": "e", "æ": "ae", "œ": "oe", "ß": "ss"}
_SPELT = {
    "da": _NORDIC,
    "nb": _NORDIC,
    "de": _GERMAN,
    "lb": _GERMAN,
    "is": {"þ": "th", "ð": "d"},
    "it": {letter: f"{plain}' {plain}" for letter, plain in zip("àèéìíòóùú", "aeeiioouu", strict=True)},
    "hr": {"đ": "dj d"},
    "wo": {"ŋ": "n"},
    "fa": _PERSIAN,
    "ur": {**_PERSIAN, "ٹ": "ت", "ڈ": "د", "ڑ": "ر", "ں": "ن", "ے": "ي", "ہ": "ه", "ھ": "ه"},
    "kk": dict(zip("әғқңөұүһі", "агкноуухи", strict=True)),
    "mn": {"ө": "о", "ү": "у"},
    "uk": {"і": "и", "ї": "и", "є": "е", "ґ": "г"},
}


@dataclass(frozen=True)
class OtherKeyboardParameters:
    """No parameters."""


@cache
def _typed(code: str) -> frozenset[str]:
    """What can be typed on the keyboard of a language: letters and marks, plain and with Shift, and what all have."""
    return frozenset(typed for levels in keys(code).values() for typed in levels[:2]) | {"'", *_JOINERS}


class _Missing(Table):
    """Kind 1: a letter that the other keyboard lacks and for which something else is typed."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code, self.latin = code, language_row(code).script == "Latn"
        self.there = _typed(_OTHERS.get(code, "en"))
        self.spelt = {**_UNDECOMPOSED, **_SPELT.get(code, {})}
        self.choices = lru_cache(maxsize=1 << 14)(self.find)

    def find(self, grapheme: str) -> tuple[tuple[str, ...], ...]:
        """What is typed instead of a grapheme: () for one that the keyboard has, or for which nothing is known."""
        letter = nfc(grapheme)
        if self.there.issuperset(letter):
            return ()
        small = lower(letter, self.code)
        found = self._instead(small).split()
        if small != letter:
            found = [one[0].upper() + one[1:] for one in found]
        return tuple(tuple(graphemes(one)) for one in found if one != letter and self.there.issuperset(one))

    def _instead(self, letter: str) -> str:
        """Ways to type a small letter, separated by spaces; perhaps with characters that the keyboard lacks."""
        if not self.latin:
            return "".join(self.spelt.get(character, character) for character in letter)
        bare = unicodedata.normalize("NFD", letter)[0]
        return self.spelt.get(letter) or self.spelt.get(bare, bare)

    def classify(self, grapheme: str) -> int:
        return 1 if self.choices(grapheme) else 0


class Family(EngineFamily):
    """Letters that are not on the other keyboard are typed with its letters: without their marks (ş s), spelt out
    (ß ss, è e'), or as the nearest letter (پ ب, і и). The other keyboard is the English one for Latin script, the
    Arabic one for Persian and Urdu, and the Russian one for Ukrainian, Kazakh and Mongolian.
    """

    family = "other_keyboard"
    version = 1
    Parameters = OtherKeyboardParameters

    def supports(self, language: str) -> bool:
        if language not in LANGUAGES or not (language in _OTHERS or language_row(language).script == "Latn"):
            return False
        table = self._table(language)
        return any(map(table.choices, alphabet(language)))

    def table(self, language: str) -> _Missing:
        return _Missing(language)

    def propose(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: _Missing,
    ) -> Change | None:
        choices = table.choices(units[site])
        new = choices[word * len(choices) >> 32]
        return site, site + 1, new, len(new)
