"""Families that replace whole words by noisy forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table

_WORDS = 1 << 15  # words of a language whose noisy forms are cached
LONGEST = 1 << 7  # graphemes that change together; longer words change in pieces
_HAVING = [bytes(kind for kind in range(256) if kind & bits) for bits in range(256)]

Form = tuple[str, ...]  # graphemes


def run(site: int, kinds: Sequence[int], bits: int) -> tuple[int, int]:
    """The run of graphemes around `site` that share one of its `bits`, or a part of it if longer than LONGEST."""
    before, after = bytes(kinds[max(0, site - LONGEST) : site]), bytes(kinds[site : site + LONGEST + 1])
    start = site - len(before) + len(before.rstrip(_HAVING[bits]))
    end = site + len(after) - len(after.lstrip(_HAVING[bits]))
    if end - start <= LONGEST:
        return start, end
    block = site - site % LONGEST
    return max(start, block), min(end, block + LONGEST)


class WordTable(Table):
    """The words of a text and their noisy forms. `classify` gives the class of a grapheme: a word is a run of one class
    (1 to 7; 0: not in a word).
    """

    def __init__(self, longest: int = 0) -> None:
        """Pieces of at most `longest` graphemes; 0 for whole runs."""
        super().__init__()
        repeated = f"{{1,{longest}}}" if longest else "+"
        self._runs = re.compile("|".join(rf"\x{kind:02x}{repeated}" for kind in range(1, 8)).encode())
        self.forms = lru_cache(maxsize=_WORDS)(self.noisy)

    def noisy(self, word: Form) -> Sequence[Form]:
        """The noisy forms of a word, not including itself; empty if it has none."""
        raise NotImplementedError

    def spans(self, units: Sequence[str]) -> Iterable[tuple[int, int]]:
        """The words among these graphemes, from left to right."""
        for run in self._runs.finditer(bytes(map(self.__getitem__, units))):
            yield run.span()

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:  # noqa: ARG002
        """1 and 2 alternately for words with a noisy form, so that neighbouring words differ."""
        kinds = bytearray(len(units))
        kind = 1
        for start, end in self._pieces(units):
            if self.forms(tuple(units[start:end])):
                kinds[start:end] = bytes((kind,)) * (end - start)
                kind = 3 - kind
        return kinds

    def _pieces(self, units: Sequence[str]) -> Iterator[tuple[int, int]]:
        for start, end in self.spans(units):
            for at in range(start, end, LONGEST):
                yield at, min(end, at + LONGEST)


class WordFamily(EngineFamily):
    """A word is drawn with a probability proportional to its length. The unprotected part of a partly protected word
    may still change, if it has a noisy form itself.
    """

    def propose(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: Any) -> Change | None:
        start, end = run(site, kinds, kinds[site])
        forms = table.forms(tuple(units[start:end]))
        if not forms:
            return None
        new = forms[self.choose(word >> 8, forms)]
        first, last = 0, len(new)  # what stays the same at either end is no part of the change
        while first < last and start < end and new[first] == units[start]:
            start, first = start + 1, first + 1
        while first < last and start < end and new[last - 1] == units[end - 1]:
            end, last = end - 1, last - 1
        return start, end, new[first:last], max(end - start, last - first)

    def choose(self, word: int, forms: Sequence[Form]) -> int:
        """The number of the chosen form, by 24 uniform bits."""
        return word * len(forms) >> 24
