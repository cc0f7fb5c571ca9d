"""Tokenisation for nlpaug's augmenters that keeps graphemes whole and can restore every space."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from xtreme_noise.noise.alignment import alignment

# A word: letters, digits and their marks and joiners; anything else that is not space: one cluster.
_TOKEN = regex.compile(r"(?:[\p{L}\p{N}_][\p{M}\u200c\u200d]*)+|(?!\s)\X")


class Tokenizer:
    """`split` records the spaces before each word; `join`, called next, restores them. New words get `gap`."""

    def __init__(self, gap: str) -> None:
        self._gap = gap
        self._tokens: list[str] = []
        self._before: list[str] = []

    def split(self, text: str) -> list[str]:
        found = list(_TOKEN.finditer(text))
        ends = [0, *(match.end() for match in found)]
        self._tokens = [match.group() for match in found]
        self._before = [text[end : match.start()] for end, match in zip(ends, found, strict=False)]
        return list(self._tokens)

    def join(self, tokens: Sequence[str]) -> str:
        before = self._before
        if len(tokens) != len(before):
            before = [self._gap] * len(tokens)
            old = new = 0
            kept = [block for block in alignment(self._tokens, tokens) if block.same]
            for block in [*kept, None]:
                stop, end = (block.start, block.noisy_start) if block else (len(self._tokens), len(tokens))
                # What became of other words: the first of them stands where the first of those stood.
                both = min(stop - old, end - new)
                before[new : new + both] = self._before[old : old + both]
                if block:
                    old, new = block.end, block.noisy_end
                    before[end:new] = self._before[stop:old]
        return "".join(gap + token for gap, token in zip(before, tokens, strict=True)).lstrip()
