"""Edit types between a clean and a noisy text, counted in the same way for attested and synthetic noise."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import regex
from rapidfuzz.distance import OSA

from xtreme_noise.noise import hangul
from xtreme_noise.noise.alignment import LONG, alignment, distance, stretches
from xtreme_noise.noise.casing import lower
from xtreme_noise.noise.layouts import has_keyboard, keyboards
from xtreme_noise.noise.segment import words
from xtreme_noise.noise.text import graphemes, nfc

# swap: neighbours exchanged; doubled: a copy of a neighbour put in; adjacent: a key beside it on the keyboard;
# diacritic: a mark lost, gained or another; punctuation: a sign, or the space beside one; space: any other space, so
# words joined and split; word: a word more, less, or another one.
EDIT_TYPES = (
    "insert", "doubled", "delete", "substitute", "adjacent", "swap",
    "case", "diacritic", "punctuation", "space", "word",
)  # fmt: skip
_NO_LETTER = regex.compile(r"[\p{P}\p{S}]")
_BINDU = regex.compile(r"\p{InSC=Bindu}")
_VOWELS = (0, 9, 103)  # combining classes of vowel signs and viramas, which are letters more than marks
_TOGETHER = 1 << 10  # graphemes of a block aligned at once: the table of distances has its square as size
_UNDECOMPOSED = str.maketrans("ıłđøħŧ", "ildoht")


class Block(NamedTuple):
    """A stretch that differs, widened to whole words. close: the same word or words, misspelt; left, right: the text
    beside it, "" at the ends of the text.
    """

    clean: str
    noisy: str
    close: bool
    left: str
    right: str


def blocks(clean: str, noisy: str, language: str) -> Iterator[Block]:
    """The stretches in which two texts differ, between words that are the same in both, from left to right."""
    old, new = _pieces(nfc(clean), language), _pieces(nfc(noisy), language)
    begin: tuple[int, int] | None = None
    for step in [*alignment(old, new), None]:
        if step is not None and not step.same:
            begin = begin or (step.start, step.noisy_start)
        elif begin is not None:
            end = (step.start, step.noisy_start) if step else (len(old), len(new))
            before, after = "".join(old[begin[0] : end[0]]), "".join(new[begin[1] : end[1]])
            left, right = old[begin[0] - 1 : begin[0]], old[end[0] : end[0] + 1]
            yield Block(before, after, _close(before, after, language), "".join(left)[-1:], "".join(right)[:1])
            begin = None


def _pieces(text: str, language: str) -> list[str]:
    """Words, and the graphemes between them."""
    pieces, at = [], 0
    for start, end in words(text, language):
        pieces += [*graphemes(text[at:start]), text[start:end]]
        at = end
    return pieces + graphemes(text[at:])


def _close(before: str, after: str, language: str) -> bool:
    """Whether they are one edit apart, or at most half of the graphemes differ, ignoring case."""
    old, new = graphemes(lower(before, language)), graphemes(lower(after, language))
    longer = max(len(old), len(new))
    apart = OSA.distance(old, new) if longer <= LONG else distance(old, new)
    return bool(apart <= max(1, longer // 2))


def error_mix(clean: str, noisy: str, language: str) -> Counter[str]:
    """Number of edits by EDIT_TYPES from `clean` to `noisy`, in a shortest alignment word by word."""
    counts: Counter[str] = Counter()
    for block in blocks(clean, noisy, language):
        if not block.close and any(map(str.isalnum, block.clean + block.noisy)):
            counts["word"] += 1
        else:
            around = [block.left, *graphemes(block.clean), block.right]
            new = graphemes(block.noisy)
            for _, a, b, c, d in stretches(around[1:-1], new, _TOGETHER):
                counts.update(_types(around[a : b + 2], new[c:d], language))
    return counts


def _types(around: Sequence[str], new: Sequence[str], language: str) -> Iterator[str]:
    """The types of the edits of an optimal string alignment, from right to left. around: the old graphemes between
    their neighbours.
    """
    old = around[1:-1]
    table = _distances(old, new)
    i, j = len(old), len(new)
    while i or j:
        here = table[i][j]
        if i and j and old[i - 1] == new[j - 1] and here == table[i - 1][j - 1]:
            i, j = i - 1, j - 1
        elif (
            i > 1 and j > 1 and (old[i - 2], old[i - 1]) == (new[j - 1], new[j - 2]) and here == table[i - 2][j - 2] + 1
        ):
            yield _of_sign(around[i - 2 : i + 2], old[i - 2 : i]) or "swap"
            i, j = i - 2, j - 2
        elif i and j and here == table[i - 1][j - 1] + 1:
            signs = _of_sign(around[i - 1 : i + 2], [old[i - 1], new[j - 1]])
            yield signs or _substitution(old[i - 1], new[j - 1], language)
            i, j = i - 1, j - 1
        elif i and here == table[i - 1][j] + 1:
            yield _of_sign(around[i - 1 : i + 2], old[i - 1 : i]) or "delete"
            i -= 1
        else:
            beside = [*new[max(0, j - 2) : j - 1], *new[j : j + 1]]
            double = lower(new[j - 1], language) in [lower(letter, language) for letter in beside]
            yield _of_sign(around[i : i + 2], [new[j - 1]]) or ("doubled" if double else "insert")
            j -= 1


def _distances(old: Sequence[str], new: Sequence[str]) -> list[list[int]]:
    """Optimal string alignment distances of all prefixes."""
    table = [list(range(len(new) + 1))]
    for i in range(1, len(old) + 1):
        row = [i]
        for j in range(1, len(new) + 1):
            best = min(table[i - 1][j] + 1, row[j - 1] + 1, table[i - 1][j - 1] + (old[i - 1] != new[j - 1]))
            if i > 1 and j > 1 and old[i - 2] == new[j - 1] and old[i - 1] == new[j - 2]:
                best = min(best, table[i - 2][j - 2] + 1)
            row.append(best)
        table.append(row)
    return table


def _of_sign(around: Sequence[str], changed: Sequence[str]) -> str | None:
    """The type of an edit that involves a space or a punctuation mark; None if it involves neither."""
    if any(map(str.isspace, changed)):
        return "punctuation" if any(map(_NO_LETTER.match, around)) else "space"
    return "punctuation" if any(map(_NO_LETTER.match, changed)) else None


def _substitution(old: str, new: str, language: str) -> str:
    before, after = lower(old, language), lower(new, language)
    if before == after:
        return "case"
    if _base(before) == _base(after):
        return "diacritic"
    return "adjacent" if _is_adjacent(before, after, language) else "substitute"


def _base(letter: str) -> str:
    """The letter without its marks."""
    parts = unicodedata.normalize("NFD", letter.translate(_UNDECOMPOSED))
    return "".join(part for part in parts if unicodedata.combining(part) in _VOWELS and not _BINDU.match(part))


@lru_cache(maxsize=1 << 14)
def _is_adjacent(old: str, new: str, language: str) -> bool:
    """Whether one character of the cluster, or one jamo, was replaced by a neighbour on the keyboard."""
    before, after = hangul.strokes(old) or old, hangul.strokes(new) or new
    if len(before) != len(after) or not has_keyboard(language):
        return False
    differ = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    return len(differ) == 1 and any(
        differ[0][1] in board.neighbours.get(differ[0][0], ()) for board in keyboards(language)
    )
