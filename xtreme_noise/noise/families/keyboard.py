"""Keyboard noise: adjacent key, doubled key, missed key, missed Shift, on the keys that type each language.

Marks are keys where they are typed by one (Indic InScript, Thai Kedmanee, dead keys); Korean goes through
the jamo of Dubeolsik and an input method.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, starmap

import regex

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import hangul
from xtreme_noise.noise.engine import Change, EngineFamily, Table
from xtreme_noise.noise.layouts import Keyboard, has_keyboard, keyboards
from xtreme_noise.noise.text import distance, graphemes, nfc, splits

_STARTS = regex.compile(r"\p{L}")


@dataclass(frozen=True)
class KeyboardParameters:
    """Weights of the slips (>= 0, any scale). A slip that a key has no room for becomes an adjacent key."""

    adjacent: float = 4.0
    doubled: float = 1.0
    missed: float = 2.0
    unshifted: float = 1.0  # Shift or AltGr missed


class _Typing(Table):
    """Grapheme -> number of the keyboard that types its first keystroke, 0 where none does."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.korean = LANGUAGES[code].script == "Kore"
        self.boards: tuple[Keyboard, ...] = keyboards(code)

    def classify(self, grapheme: str) -> int:
        if not _STARTS.match(grapheme):
            return 0
        first = self.strokes(grapheme)[:1]
        return next((i for i, board in enumerate(self.boards, 1) if first and first[0] in board.neighbours), 0)

    def strokes(self, grapheme: str) -> list[str]:
        """The keys that type a cluster: whole characters where a key types them, else their canonical
        parts.
        """
        if self.korean and (keys := hangul.strokes(grapheme)):
            return keys
        keys = []
        for character in grapheme:
            if any(character in board.neighbours for board in self.boards):
                keys.append(character)
            else:
                keys += _decomposed(character)
        return keys


class Family(EngineFamily):
    """One slip of one keystroke of a cluster. What it leads to must be whole clusters that begin with a
    letter and join with no neighbour; other slips are drawn again, and a letter that stands alone is never
    missed.
    """

    family = "keyboard"
    version = 1
    Parameters = KeyboardParameters

    def __init__(self, parameters: KeyboardParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.doubled, parameters.missed, parameters.unshifted, parameters.adjacent)
        if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
            raise ConfigError(f"keyboard noise: weights of slips must be >= 0 and not all 0, not {weights}")
        self._doubled, self._missed, self._unshifted = (
            round(65536 * sum(weights[: i + 1]) / sum(weights)) for i in range(3)
        )

    def supports(self, language: str) -> bool:
        return has_keyboard(language)

    def table(self, language: str) -> _Typing:
        return _Typing(language)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Typing
    ) -> Change | None:
        board = table.boards[kinds[site] - 1]
        keys = table.strokes(units[site])
        slip, at = word & 0xFFFF, (word >> 16) % len(keys)
        key = keys[at]
        if slip < self._doubled:
            keys.insert(at, key)
        elif slip < self._missed:
            del keys[at]
            if not keys and not ((site and kinds[site - 1]) or (site + 1 < len(kinds) and kinds[site + 1])):
                return None
        elif slip < self._unshifted and key in board.unshifted:
            keys[at] = board.unshifted[key]
        elif others := board.neighbours.get(key):
            keys[at] = others[(word >> 16) // len(keys) % len(others)]
        else:
            return None
        return self._change(table, keys, site, units, kinds)

    def replace(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Typing
    ) -> Change | None:
        keys = table.strokes(units[site])
        others = table.boards[kinds[site] - 1].neighbours[keys[0]]
        keys[0] = others[(word >> 16) % len(others)]
        change = self._change(table, keys, site, units, [0] * len(kinds))
        return change if change and len(change[2]) == 1 else None

    def _change(
        self, table: _Typing, keys: list[str], site: int, units: Sequence[str], kinds: Sequence[int]
    ) -> Change | None:
        start, old = site, units[site]
        if table.korean and kinds[site] != 2 and hangul.strokes(old):
            # The input method may join what is typed here with the syllable before.
            if site and kinds[site - 1] and hangul.is_syllable(units[site - 1]):
                start -= 1
                keys = hangul.strokes(units[start]) + keys
            new = tuple(hangul.compose(keys))
            if start < site and new and new[0] == units[start]:
                start, new = site, new[1:]
        else:
            new = tuple(_clusters("".join(keys)))
        before = units[start : site + 1]
        if tuple(before) == new or not all(map(_STARTS.match, new)):
            return None
        if not all(starmap(splits, pairwise(new))):
            return None
        return start, site + 1, new, distance(before, new)


def _clusters(text: str) -> list[str]:
    return graphemes(nfc(text))


def _decomposed(character: str) -> list[str]:

    return list(unicodedata.normalize("NFD", character))
