"""Words, for the word-change rate."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import regex

from xtreme_noise.languages import language as language_row
from xtreme_noise.noise.edits import Edit
from xtreme_noise.noise.text import graphemes

_WORD = regex.compile(r"\S+")


def words(text: str, language: str) -> list[tuple[int, int]]:
    """Code point spans of whitespace-separated words; in languages without spaces between words (zh, ja, th, my), of
    the graphemes that are not spaces, so that rates there are rates of graphemes.
    """
    if language_row(language).spaces:
        return [match.span() for match in _WORD.finditer(text)]
    spans, at = [], 0
    for unit in graphemes(text):
        if not unit.isspace():
            spans.append((at, at + len(unit)))
        at += len(unit)
    return spans


def words_touched(spans: Sequence[tuple[int, int]], edits: Sequence[Edit]) -> set[int]:
    """Numbers of the spans that edits overlap; an insertion belongs to the span that it is in or at the end of."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    touched: set[int] = set()
    for edit in edits:
        if edit.start < edit.end:
            touched.update(range(bisect_right(ends, edit.start), bisect_left(starts, edit.end)))
        else:
            number = bisect_left(ends, edit.start)
            if number < len(spans) and starts[number] <= edit.start:
                touched.add(number)
    return touched
