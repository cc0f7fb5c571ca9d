"""Keyboard noise: adjacent key, doubled key, missed key, missed Shift, on the keys that type each language.

Marks are keys where they are typed by one (Indic InScript, Thai Kedmanee, dead keys). Korean goes through the jamo of
Dubeolsik and Vietnamese through Telex, with what their input methods make of the keys.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, starmap
from typing import NamedTuple

import regex

from xtreme_noise.noise import hangul, telex
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.layouts import Keyboard, has_keyboard, keyboards
from xtreme_noise.noise.text import distance, graphemes, nfc, splits
from xtreme_noise.noise.weights import check_weights, thresholds

_STARTS = regex.compile(r"\p{L}")


@dataclass(frozen=True)
class KeyboardParameters:
    """Weights of the slips (>= 0, any scale). A slip that a key has no room for becomes an adjacent key."""

    adjacent: float = 4.0
    doubled: float = 1.0
    missed: float = 2.0
    unshifted: float = 1.0  # Shift or AltGr missed


# What a slip makes of a cluster: the new clusters and their distance from it; None where it makes nothing.
_Outcome = tuple[tuple[str, ...], int] | None
_KEPT = 1 << 15  # clusters whose keys and slips are remembered


class _Key(NamedTuple):
    """One keystroke: what it types, what it types when Shift or AltGr is missed ("" for nothing else), what the
    keys around it type.
    """

    typed: str
    unshifted: str
    others: tuple[str, ...]


class _Typed(NamedTuple):
    """The keystrokes of a cluster, and what slips that were asked for before make of it."""

    keys: tuple[_Key, ...]
    made: tuple[dict[str, _Outcome], ...]  # of every keystroke: what is typed in its place
    method: bool  # goes through the input method, which looks at the cluster before


class _Method(NamedTuple):
    """An input method: the keystrokes of a cluster (none: not its own), what keystrokes show, and whether a cluster
    can still change with what is typed behind it.
    """

    strokes: Callable[[str], list[str]]
    compose: Callable[[Iterable[str]], list[str]]
    is_open: Callable[[str], bool]


_METHODS = {
    "ko": _Method(hangul.strokes, hangul.compose, hangul.is_syllable),
    "vi": _Method(telex.strokes, telex.compose, telex.is_open),
}


class _Typing(Table):
    """Grapheme -> number of the keyboard that types its first keystroke, 0 where none does."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.method = _METHODS.get(code)
        self.boards: tuple[Keyboard, ...] = keyboards(code)
        self.known: dict[str, _Typed] = {}
        self.composed = lru_cache(maxsize=_KEPT)(self._composed)

    def classify(self, grapheme: str) -> int:
        if not _STARTS.match(grapheme):
            return 0
        first = self.strokes(grapheme)[:1]
        return next((i for i, board in enumerate(self.boards, 1) if first and first[0] in board.neighbours), 0)

    def typed(self, grapheme: str) -> _Typed:
        """How the keyboard that types a cluster does it."""
        kind = self[grapheme]
        board = self.boards[kind - 1]
        keys = [
            _Key(key, board.unshifted.get(key, ""), board.neighbours.get(key, ())) for key in self.strokes(grapheme)
        ]
        method = kind == 1 and self.method is not None and bool(self.method.strokes(grapheme))
        found = _Typed(tuple(keys), tuple({} for _ in keys), method)
        if len(self.known) < _KEPT:
            self.known[grapheme] = found
        return found

    def strokes(self, grapheme: str) -> list[str]:
        """The keys that type a cluster: whole characters where a key types them, else their parts, dead keys first."""
        if self.method and (keys := self.method.strokes(grapheme)):
            return keys
        keys = []
        for character in nfc(grapheme):
            keys += [character] if self._on_a_key(character) else self._parts(character)
        dead = self.boards[0].dead
        return [key for key in keys if key in dead] + [key for key in keys if key not in dead]

    def _on_a_key(self, character: str) -> bool:
        return any(character in board.neighbours for board in self.boards)

    def _parts(self, character: str) -> list[str]:
        """Letter and marks, of which those that a key types together with the letter stay on it."""
        letter, *marks = list(unicodedata.normalize("NFD", character))
        left = []
        for mark in marks:
            joined = nfc(letter + mark)
            if self._on_a_key(joined):
                letter = joined
            else:
                left.append(mark)
        return [letter, *left]

    def outcome(self, keys: Sequence[str], old: str) -> _Outcome:
        """What the keystrokes show in the place of the cluster `old`."""
        shown, waiting = "", ""
        for key in keys:
            if key in self.boards[0].dead:
                waiting += key
                continue
            joined = nfc(key + waiting)
            if waiting and len(joined) > 1:
                return None  # the keyboard shows the mark by itself
            shown += joined
            waiting = ""
        return None if waiting else _checked([old], tuple(graphemes(nfc(shown))))

    def through_method(self, site: int, before: str, grapheme: str, at: int, new: str) -> Change | None:
        """What the input method makes of a cluster whose keystroke number `at` became `new`; `before`: the cluster
        that it may join with ("" for none).
        """
        assert self.method is not None
        outcome = self.composed(before if before and self.method.is_open(before) else "", grapheme, at, new)
        return (site - outcome[0], site + 1, *outcome[1:]) if outcome else None

    def _composed(self, before: str, grapheme: str, at: int, new: str) -> tuple[int, tuple[str, ...], int] | None:
        """How many clusters before are changed too, the new clusters and their distance from the old ones."""
        assert self.method is not None
        keys = _slipped((self.known.get(grapheme) or self.typed(grapheme)).keys, at, new)
        old = [before, grapheme] if before else [grapheme]
        made = tuple(self.method.compose(self.method.strokes(before) + keys if before else keys))
        if before and made and made[0] == before:
            old, made = old[1:], made[1:]
        outcome = _checked(old, made)
        return (len(old) - 1, *outcome) if outcome else None


class Family(EngineFamily):
    """One slip of one keystroke of a cluster. What it leads to must be whole clusters that begin with a
    letter and join with no neighbour; other slips are drawn again, and a letter that stands alone is never
    missed.
    """

    family = "keyboard"
    version = 4
    stream = 3
    Parameters = KeyboardParameters

    def __init__(self, parameters: KeyboardParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.doubled, parameters.missed, parameters.unshifted, parameters.adjacent)
        check_weights("keyboard noise: weights of slips", weights)
        self._doubled, self._missed, self._unshifted = thresholds(weights)

    def supports(self, language: str) -> bool:
        return has_keyboard(language)

    def table(self, language: str) -> _Typing:
        return _Typing(language)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Typing
    ) -> Change | None:
        unit = units[site]
        keys, made, method = table.known.get(unit) or table.typed(unit)
        number, slip = word >> 16, word & 0xFFFF
        many = len(keys)
        at = number % many
        key, unshifted, others = keys[at]
        if slip < self._doubled:
            new = key + key
        elif slip < self._missed:
            new = ""
            if many == 1 and not ((site and kinds[site - 1]) or (site + 1 < len(kinds) and kinds[site + 1])):
                return None
        elif slip < self._unshifted and unshifted:
            new = unshifted
        elif others:
            new = others[number // many % len(others)]
        else:
            return None
        if method:
            return table.through_method(site, units[site - 1] if site and kinds[site - 1] else "", unit, at, new)
        try:
            outcome = made[at][new]
        except KeyError:
            outcome = made[at][new] = table.outcome(_slipped(keys, at, new), unit)
        return (site, site + 1, outcome[0], outcome[1]) if outcome else None

    def replace(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: _Typing,
    ) -> Change | None:
        keys, _, method = table.known.get(units[site]) or table.typed(units[site])
        others = keys[0].others
        new = others[(word >> 16) % len(others)]
        if method:
            change = table.through_method(site, "", units[site], 0, new)
        else:
            outcome = table.outcome(_slipped(keys, 0, new), units[site])
            change = (site, site + 1, *outcome) if outcome else None
        return change if change and len(change[2]) == 1 else None


def _slipped(keys: Sequence[_Key], at: int, new: str) -> list[str]:
    """Keystrokes with those of `new` in the place of number `at`."""
    typed = [key.typed for key in keys]
    typed[at : at + 1] = new
    return typed


def _checked(before: Sequence[str], new: tuple[str, ...]) -> _Outcome:
    """`new` and its distance, unless it is no change or no whole clusters that begin with letters."""
    if nfc("".join(before)) == "".join(new) or not all(map(_STARTS.match, new)):
        return None
    if not all(starmap(splits, pairwise(new))):
        return None
    return new, distance(before, new)
