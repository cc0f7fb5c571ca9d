"""Distance and alignment of two sequences, in time linear in their length.

The time of Levenshtein's distance grows with the product of the lengths. It is exact for sequences of up to LONG items.
Longer ones are aligned window by window, each window starting in the middle of the alignment of the one before. The
result is still an alignment, so its cost is never below the distance, and above it only where matching items are
thousands of items apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

LONG = 1 << 15  # items
_WINDOW = 1 << 13


class Step(NamedTuple):
    """A step of an alignment: clean[start:end] is equal to, or replaced by, noisy[noisy_start:noisy_end]."""

    same: bool
    start: int
    end: int
    noisy_start: int
    noisy_end: int


def distance(clean: Sequence[Hashable], noisy: Sequence[Hashable], hint: int | None = None) -> int:
    """Levenshtein distance; `hint`, an expected value, only makes it faster."""
    if max(len(clean), len(noisy)) <= LONG:
        return int(Levenshtein.distance(clean, noisy, score_hint=hint))
    return sum(max(step.end - step.start, step.noisy_end - step.noisy_start) for step in differences(clean, noisy))


def differences(clean: Sequence[Hashable], noisy: Sequence[Hashable]) -> Iterator[Step]:
    """The steps of an alignment that change something, from left to right."""
    return (step for step in alignment(clean, noisy) if not step.same)


def alignment(clean: Sequence[Hashable], noisy: Sequence[Hashable]) -> Iterator[Step]:
    """All steps from left to right; a shortest alignment for sequences of up to LONG items."""
    if max(len(clean), len(noisy)) <= LONG:
        yield from _shortest(clean, noisy)
    else:
        for steps in _halves(clean, noisy, _WINDOW):
            yield from steps


def stretches(clean: Sequence[Hashable], noisy: Sequence[Hashable], size: int) -> Iterator[Step]:
    """The alignment in steps of at most `size` items, whether they change or not."""
    for steps in _halves(clean, noisy, size):
        same = all(step.same for step in steps)
        yield Step(same, steps[0].start, steps[-1].end, steps[0].noisy_start, steps[-1].noisy_end)


def _halves(clean: Sequence[Hashable], noisy: Sequence[Hashable], size: int) -> Iterator[list[Step]]:
    """The alignment window by window: the first half of each window, and the whole last one."""
    at = to = 0
    while at < len(clean) or to < len(noisy):
        left, right = len(clean) - at, len(noisy) - to
        share = min(1.0, size / max(left, right))  # of either side as much of what is left
        before, after = clean[at : at + round(left * share)], noisy[to : to + round(right * share)]
        steps = _shortest(before, after)
        if share < 1:
            steps = _until((len(before) + len(after)) // 2, steps)
        yield [Step(same, at + a, at + b, to + c, to + d) for same, a, b, c, d in steps]
        at, to = at + steps[-1].end, to + steps[-1].noisy_end


def _until(middle: int, steps: Sequence[Step]) -> list[Step]:
    """The steps of the first `middle` items (one more, at most) of both sides together."""
    kept: list[Step] = []
    for step in steps:
        same, start, end, noisy_start, noisy_end = step
        over = end + noisy_end - middle
        if over < 0:
            kept.append(step)
            continue
        if end - start and noisy_end - noisy_start:
            return [*kept, Step(same, start, end - over // 2, noisy_start, noisy_end - over // 2)]
        removed = over if end - start else 0
        return [*kept, Step(same, start, end - removed, noisy_start, noisy_end - over + removed)]
    return kept


def _shortest(clean: Sequence[Hashable], noisy: Sequence[Hashable]) -> list[Step]:
    return [
        Step(step.tag == "equal", step.src_start, step.src_end, step.dest_start, step.dest_end)
        for step in Levenshtein.opcodes(clean, noisy)
    ]
