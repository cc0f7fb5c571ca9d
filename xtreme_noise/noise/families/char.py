"""Character noise: insert, delete, substitute and swap graphemes; letters are drawn by their frequency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import regex

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.alphabets import BITS, Group, draws, groups, kind
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.text import graphemes, nfc
from xtreme_noise.noise.weights import check_weights, thresholds

_DIGITS = Group("digits", "[0-9]", tuple("0123456789"), (1.0,) * 10)


_WHOLE, _HALF = 32 - BITS, 16 - BITS  # what is not needed of a word, and of its upper half


@dataclass(frozen=True)
class CharParameters:
    """Weights of the four operations (>= 0, any scale), and whether ASCII digits may change (they carry
    facts).
    """

    insert: float = 1.0
    delete: float = 1.0
    substitute: float = 1.0
    swap: float = 1.0
    digits: bool = False


class _Inventory(Table):
    """Kinds of one language, with what is drawn for each kind."""

    def __init__(self, code: str, digits: bool) -> None:
        super().__init__()
        self.code = code
        self.groups = (*groups(code), _DIGITS)
        self.drawn: list[tuple[str, ...]] = [()]  # kind -> 2**BITS letters, as often as the language uses them
        for group in self.groups:
            self.drawn.append(draws(group.lower, group.weights))
            self.drawn.append(draws(group.upper, group.upper_weights) if group.upper else ())
        if digits:
            self.update(dict.fromkeys(_DIGITS.lower, 2 * len(self.groups) - 1))

    def classify(self, grapheme: str) -> int:
        return kind(grapheme, self.code)


class Family(EngineFamily):
    """Letters, and clusters that start with a letter, change; spaces, punctuation and (by default) digits do not.

    A deletion never removes a word or token of a single letter.
    """

    family = "char"
    version = 4
    stream = 3
    Parameters = CharParameters

    def __init__(self, parameters: CharParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.insert, parameters.delete, parameters.substitute, parameters.swap)
        check_weights("char noise: weights of operations", weights)
        self._insert, self._delete, self._substitute = thresholds(weights)

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Inventory:
        return _Inventory(language, self.parameters.digits)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Inventory
    ) -> Change | None:
        operation = word & 0xFFFF
        if operation < self._insert:
            return self._insertion(word >> 16, site, kinds, table)
        if operation < self._delete:
            if (site and kinds[site - 1]) or (site + 1 < len(kinds) and kinds[site + 1]):
                return site, site + 1, (), 1
        elif operation >= self._substitute and site + 1 < len(kinds) and kinds[site + 1]:
            here, there = units[site], units[site + 1]
            if here != there:
                return site, site + 2, (there, here), 2
        return self.replace(word, site, units, kinds, table)

    def _insertion(self, word: int, site: int, kinds: Sequence[int], table: _Inventory) -> Change:
        kind = kinds[site]
        neighbours = (kinds[site - 1] if site else 0, kinds[site + 1] if site + 1 < len(kinds) else 0)
        if kind % 2 == 0 and kind not in neighbours:
            kind -= 1  # beside a lone capital, a small letter
        drawn = table.drawn[kind]
        place = site + (word & 1)
        return place, place, (drawn[word >> _HALF],), 1

    def replace(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Inventory
    ) -> Change | None:
        drawn = table.drawn[kinds[site]]
        old = units[site]
        new = drawn[word >> _WHOLE]
        if len(old) > 1:
            dressed = _in_place(new, old, table.groups[(kinds[site] - 1) // 2].keeps_marks)
            return (site, site + 1, (dressed,), 1) if dressed else None
        return None if new == old else (site, site + 1, (new,), 1)


_BARE = regex.compile(r"(?!အ)\p{InSC=Vowel_Independent}")  # letters of Indic scripts that never bear a vowel sign
_MARKS = regex.compile(r"[\p{M}\u200c\u200d]*")


@lru_cache(maxsize=1 << 15)
def _in_place(letter: str, old: str, keeps_marks: bool) -> str:
    """What stands in the place of the cluster `old` when its letter is taken for another; "" where nothing can."""
    if keeps_marks:
        if _BARE.match(letter):
            return ""
        letter = _with_marks(letter, old)
    return "" if letter in (old, nfc(old)) else letter


def _with_marks(letter: str, old: str) -> str:
    """`letter` with the marks of the cluster `old`, where that is one cluster that no normalisation
    changes.
    """
    marks = _MARKS.match(old, 1)
    new = letter + (marks.group() if marks else "")
    return new if nfc(new) == new and len(graphemes(new)) == 1 else letter
