"""Word noise: words dropped, repeated and swapped with the next one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise import segment
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.text import distance
from xtreme_noise.noise.weights import check_weights, thresholds

_INNER, _FIRST, _LAST, _ALONE, _GAP = 1, 2, 3, 4, 5  # graphemes of words, and spaces between two words


@dataclass(frozen=True)
class WordParameters:
    """Weights of the three operations (>= 0, any scale)."""

    drop: float = 1.0
    repeat: float = 1.0
    swap: float = 1.0


class _Words(Table):
    """Where the words of one language begin and end."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self.space = (" ",) if language_row(code).spaces else ()

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:  # noqa: ARG002
        kinds = bytearray(len(units))
        spans = segment.grapheme_words(units, self.code)
        for start, end in spans:
            kinds[start:end] = bytes((_INNER,)) * (end - start)
            kinds[start], kinds[end - 1] = _FIRST, _LAST
            if end - start == 1:
                kinds[start] = _ALONE
        for (_, end), (start, _) in pairwise(spans):
            if all(map(str.isspace, units[end:start])):
                kinds[end:start] = bytes((_GAP,)) * (start - end)
        return kinds


class Family(EngineFamily):
    """Acts on neighbouring words with only spaces between them, not across punctuation. A word beside a dropped one
    always stays.
    """

    family = "word"
    version = 2
    Parameters = WordParameters
    label_preserving = False
    keeps_tokens = False

    def __init__(self, parameters: WordParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.drop, parameters.repeat, parameters.swap)
        check_weights("word noise: weights of operations", weights)
        self._drop, self._repeat = thresholds(weights)

    @property
    def signature(self) -> str:
        return f"{super().signature}+icu{segment.version()}"

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Words:
        return _Words(language)

    def propose(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Words) -> Change | None:
        span = _word(site, kinds)
        if span is None:
            return None
        start, end = span
        operation = word & 0xFFFF
        if operation < self._drop:
            return _drop(start, end, kinds)
        if operation >= self._repeat:
            return _swap(start, end, units, kinds)
        return _repeat(start, end, units, table)

    def replace(
        self,
        word: int,  # noqa: ARG002
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],
        table: _Words,
    ) -> Change | None:
        """A repetition: a word beside a dropped one must not be dropped."""
        span = _word(site, kinds) if self._repeat > self._drop else None
        return _repeat(*span, units, table) if span else None


def _word(site: int, kinds: Sequence[int]) -> tuple[int, int] | None:
    """The word that begins at `site`, so that words are found alike, however long; None for one protected in part."""
    if kinds[site] not in (_FIRST, _ALONE):  # seen before the rest: a text may be one word of thousands of graphemes
        return None
    end = site
    while end < len(kinds) - 1 and kinds[end] in (_INNER, _FIRST):
        end += 1
    return (site, end + 1) if kinds[end] in (_LAST, _ALONE) else None


def _gap(at: int, kinds: Sequence[int]) -> int:
    """Where the spaces that begin at `at` end."""
    while at < len(kinds) and kinds[at] == _GAP:
        at += 1
    return at


def _drop(start: int, end: int, kinds: Sequence[int]) -> Change | None:
    after = _gap(end, kinds)
    if after < len(kinds) and kinds[after]:
        return start, after, (), after - start
    before = start
    while before and kinds[before - 1] == _GAP:
        before -= 1
    return (before, end, (), end - before) if before and kinds[before - 1] else None


def _repeat(start: int, end: int, units: Sequence[str], table: _Words) -> Change:
    new = (*table.space, *units[start:end])
    return end, end, new, len(new)


def _swap(start: int, end: int, units: Sequence[str], kinds: Sequence[int]) -> Change | None:
    after = _gap(end, kinds)
    other = _word(after, kinds) if after < len(kinds) else None
    if other is None or units[start:end] == units[other[0] : other[1]]:
        return None
    new = (*units[other[0] : other[1]], *units[end:after], *units[start:end])
    return start, other[1], new, distance(units[start : other[1]], new)
