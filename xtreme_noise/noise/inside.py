"""Borders inside words, between two letters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import regex

from xtreme_noise.noise.engine import Table

LETTER = 1
_STARTS = regex.compile(r"\p{L}")
# In a row of kinds, one per grapheme: a letter with no letter before it.
_FIRST = re.compile(rb"(?<!\x01)\x01")


class InsideTable(Table):
    """LETTER: a letter after another letter, so that the border before it lies inside a word. Further kinds are those
    of a family's own `classify`.
    """

    def classify(self, grapheme: str) -> int:
        return LETTER if _STARTS.match(grapheme) else 0

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        return _FIRST.sub(b"\0", bytes(super().kinds(text, units)))
