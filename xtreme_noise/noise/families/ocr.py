"""Errors of optical character recognition: confused letters, and glyphs that merge or split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, starmap

import regex

from xtreme_noise.languages import language as language_row
from xtreme_noise.noise import hangul
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.lookalikes import confusions, scripts
from xtreme_noise.noise.text import graphemes, nfc, splits
from xtreme_noise.noise.wordwise import Form

_ALONE, _PAIR, _SECOND = 1, 2, 4  # has a look-alike; begins two that touch; ends two that touch
_STARTS = regex.compile(r"[\p{L}\p{N}]")
_REMEMBERED = 1 << 14


@dataclass(frozen=True)
class OcrParameters:
    """No parameters."""


class _Shapes(Table):
    """Look-alikes of clusters (one character of it changes) and of pairs of letters."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.korean = language_row(code).script == "Kore"
        self.confusions = confusions(code)
        self.pairs = {tuple(form): others for form, others in self.confusions.items() if len(graphemes(form)) == 2}
        self.choices = lru_cache(maxsize=_REMEMBERED)(self.find)

    def classify(self, grapheme: str) -> int:
        return _ALONE if self.choices(grapheme) else 0

    def find(self, grapheme: str) -> tuple[Form, ...]:
        """Possible readings of a cluster."""
        if self.korean and hangul.is_syllable(grapheme):
            return tuple((syllable,) for syllable in self._syllables(grapheme))
        readings = []
        for at, character in enumerate(grapheme):
            for other in self.confusions.get(character, ()):
                new = grapheme[:at] + other + grapheme[at + 1 :]
                clusters = tuple(graphemes(new))
                whole = nfc(new) == new or nfc(grapheme) != grapheme
                if whole and all(map(_STARTS.match, clusters)) and all(starmap(splits, pairwise(clusters))):
                    readings.append(clusters)
        return tuple(readings)

    def _syllables(self, syllable: str) -> list[str]:
        initial, vowel, final = hangul.jamo(syllable)
        return [
            hangul.syllable(*new)
            for new in (
                *((other, vowel, final) for other in self.confusions.get(initial, ()) if other in hangul.INITIALS),
                *((initial, other, final) for other in self.confusions.get(vowel, ())),
                *((initial, vowel, other) for other in self.confusions.get(final, ()) if other in hangul.FINALS),
            )
        ]

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = bytearray(super().kinds(text, units))
        for at, two in enumerate(pairwise(units)):
            if two in self.pairs:
                kinds[at] |= _PAIR
                kinds[at + 1] |= _SECOND
        return kinds


class Family(EngineFamily):
    """A letter becomes one of its look-alikes (l 1, и н, ب ت, 未 末), two that touch become one (rn m), one splits in
    two (m rn). A digit never becomes another digit; every look-alike is as likely as the others.
    """

    family = "ocr"
    version = 2
    keeps_script = False  # an ASCII digit may be read as a Latin letter, in any script
    Parameters = OcrParameters

    def supports(self, language: str) -> bool:
        return language_row(language).script in scripts()

    def table(self, language: str) -> _Shapes:
        return _Shapes(language)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Shapes
    ) -> Change | None:
        first = site if kinds[site] & _PAIR else max(0, site - 1)
        joined: tuple[str, ...] = ()
        if kinds[first] & _PAIR and kinds[first + 1]:  # both there, neither protected
            joined = table.pairs.get((units[first], units[first + 1]), ())
        choices = table.choices(units[site]) if kinds[site] & _ALONE else ()
        if not joined and not choices:
            return None
        number = word * (len(joined) + len(choices)) >> 32
        if number < len(joined):
            new = tuple(graphemes(joined[number]))
            return first, first + 2, new, 2
        new = choices[number - len(joined)]
        return site, site + 1, new, len(new)
