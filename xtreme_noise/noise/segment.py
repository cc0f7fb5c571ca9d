"""Word segmentation: runs of letters or, in languages without spaces between words, ICU's dictionaries.

Punctuation and spaces belong to no word; an apostrophe inside a word does (don't, l'homme).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import regex

from xtreme_noise.languages import language as language_row

_RUN = r"[\p{L}\p{M}\p{N}\u200c\u200d]+"
_WORD = regex.compile(rf"{_RUN}(?:['’ʼ׳״](?=\p{{L}}){_RUN})*")
_STARTS = regex.compile(r"[\p{L}\p{N}]")


def version() -> str:
    """The version of ICU, which segments Chinese, Japanese, Thai and Burmese: another one may give other words."""
    import icu4py

    return str(icu4py.icu_version)


def words(text: str, language: str) -> list[tuple[int, int]]:
    """Code point spans of the words of a text, from left to right."""
    if language_row(language).spaces:
        return [match.span() for match in _WORD.finditer(text)]
    from icu4py.breakers import WordBreaker  # a large library that few languages need

    spans: Iterable[tuple[int, int]] = WordBreaker(text, language).segments()
    if text and max(text) > "\uffff":  # ICU counts UTF-16 units, of which such a character has two
        places = [at for at, character in enumerate(text) for _ in range(1 + (character > "\uffff"))] + [len(text)]
        spans = ((places[start], places[end]) for start, end in spans)
    return [(start, end) for start, end in spans if _STARTS.match(text, start)]


def grapheme_words(units: Sequence[str], language: str) -> list[tuple[int, int]]:
    """The words among these graphemes, as spans of graphemes; words that end inside a grapheme are skipped."""
    text = "".join(units)
    spans = words(text, language)
    if len(text) == len(units):
        return spans
    numbers = {offset: number for number, offset in enumerate(accumulate(map(len, units), initial=0))}
    return [(numbers[start], numbers[end]) for start, end in spans if start in numbers and end in numbers]
