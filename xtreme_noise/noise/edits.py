"""Edits: the record of what noise changed. They rebuild the noisy text, and map spans of the clean text to it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter
from typing import NamedTuple

from xtreme_noise.noise.alignment import alignment, differences, distance
from xtreme_noise.noise.text import Clusters, graphemes


class Edit(NamedTuple):
    """clean_text[start:end] became noisy_text[noisy_start:noisy_end] (code points, end exclusive)."""

    start: int
    end: int
    noisy_start: int
    noisy_end: int
    clean: str
    noisy: str


class NoisedText(NamedTuple):
    """text: with noise; edits: ordered, disjoint, rebuild `text` from the clean text; achieved: Levenshtein distance
    over graphemes / clean graphemes; capacity: the share of graphemes that the family can act on."""

    text: str
    edits: tuple[Edit, ...]
    achieved: float
    capacity: float


def edits_between(clean: str, noisy: str) -> tuple[Edit, ...]:
    """Edits of a shortest alignment over graphemes (for noise that does not report its edits)."""
    old, new = graphemes(clean), graphemes(noisy)
    here = [0, *accumulate(map(len, old))]
    there = [0, *accumulate(map(len, new))]
    edits = []
    for _, a, b, c, d in differences(old, new):
        edits.append(
            Edit(
                start=here[a],
                end=here[b],
                noisy_start=there[c],
                noisy_end=there[d],
                clean="".join(old[a:b]),
                noisy="".join(new[c:d]),
            )
        )
    return tuple(edits)


def between(clean: str, noisy: str) -> NoisedText:
    """The NoisedText of noise that does not report its edits. Another normal form of a letter is an edit, because it is
    needed to rebuild the text, but does not count as an error.
    """
    old, new = Clusters.of(clean, graphemes(clean)).asked, Clusters.of(noisy, graphemes(noisy)).asked
    achieved = distance(old, new) / len(old) if old else 0.0
    return NoisedText(noisy, edits_between(clean, noisy), achieved, 1.0)


def spelt_like(clean: str, noisy: str) -> str:
    """`noisy`, the noisy form of `clean` in NFC, with letters in the normal form that `clean` uses."""
    clusters, new = Clusters.of(clean, graphemes(clean)), graphemes(noisy)
    parts: list[str] = []
    for same, a, b, c, d in alignment(clusters.asked, new):
        parts += clusters.written[a:b] if same else clusters.spell(new[c:d])
    return "".join(parts)


def rebuild(clean: str, edits: Sequence[Edit]) -> str:
    """The noisy text; ValueError when `edits` do not belong to `clean`."""
    parts, at = [], 0
    for edit in edits:
        if edit.start < at or clean[edit.start : edit.end] != edit.clean:
            raise ValueError(f"the edit does not match the text: {edit}")
        parts += [clean[at : edit.start], edit.noisy]
        at = edit.end
    return "".join(parts) + clean[at:]


def carry(span: tuple[int, int], edits: Sequence[Edit]) -> tuple[int, int]:
    """The span of clean_text[start:end] in the noisy text.

    An edit that overlaps with the span is wholly included; an insertion at its border is not.
    """
    start, end = span
    passed = bisect_right(edits, start, key=attrgetter("end"))  # edits before the span, which move it
    moved = edits[passed - 1].noisy_end - edits[passed - 1].end if passed else 0
    first, last = start + moved, end + moved
    for number in range(passed, len(edits)):
        edit = edits[number]
        if edit.start >= end:
            break
        first = min(first, edit.noisy_start)
        last = max(last + (edit.noisy_end - edit.noisy_start) - (edit.end - edit.start), edit.noisy_end)
    return first, last
