"""How far two sequences lie apart and how they align, in time that grows as their length does.

Levenshtein's distance takes time in proportion to the product of the lengths. It is exact for sequences of up to LONG
items. What is longer is aligned window by window: every window begins in the middle of the alignment of the one before.
That is an alignment still, so what is counted is never less than the distance, and it is more only where what belongs
together stands thousands of items apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from rapidfuzz.distance import Levenshtein, Opcode

LONG = 1 << 15  # items
_WINDOW = 1 << 13


def distance(clean: Sequence[Hashable], noisy: Sequence[Hashable], hint: int | None = None) -> int:
    """Levenshtein distance; `hint`, an expected value, only makes it faster."""
    if max(len(clean), len(noisy)) <= LONG:
        return int(Levenshtein.distance(clean, noisy, score_hint=hint))
    return sum(
        max(step.src_end - step.src_start, step.dest_end - step.dest_start) for step in differences(clean, noisy)
    )


def differences(clean: Sequence[Hashable], noisy: Sequence[Hashable]) -> Iterator[Opcode]:
    """The steps of an alignment at which something changes, from left to right."""
    return (step for step in opcodes(clean, noisy) if step.tag != "equal")


def opcodes(clean: Sequence[Hashable], noisy: Sequence[Hashable]) -> Iterator[Opcode]:
    """The steps of an alignment: of two sequences of up to LONG items a shortest one."""
    if max(len(clean), len(noisy)) <= LONG:
        yield from Levenshtein.opcodes(clean, noisy)
        return
    for steps in _stretches(clean, noisy, _WINDOW):
        yield from steps


def stretches(clean: Sequence[Hashable], noisy: Sequence[Hashable], size: int) -> Iterator[tuple[int, int, int, int]]:
    """Spans of both, (start, end) of `clean` and of `noisy`, one behind the other, that are aligned with each other and
    no longer than `size`.
    """
    for steps in _stretches(clean, noisy, size):
        yield steps[0].src_start, steps[-1].src_end, steps[0].dest_start, steps[-1].dest_end


def _stretches(clean: Sequence[Hashable], noisy: Sequence[Hashable], size: int) -> Iterator[list[Opcode]]:
    at = to = 0
    while at < len(clean) or to < len(noisy):
        steps = list(_window(clean, noisy, at, to, size))
        yield steps
        at, to = steps[-1].src_end, steps[-1].dest_end


def _window(clean: Sequence[Hashable], noisy: Sequence[Hashable], at: int, to: int, size: int) -> Iterator[Opcode]:
    """The alignment from (at, to) on: the first half of a window, or all of the rest where that is no longer."""
    left, right = len(clean) - at, len(noisy) - to
    share = min(1.0, size / max(left, right))  # of either side as much of what is left
    before, after = clean[at : at + round(left * share)], noisy[to : to + round(right * share)]
    half = len(before) + len(after) if share == 1 else (len(before) + len(after)) // 2
    for step in Levenshtein.opcodes(before, after):
        tag, a, b, c, d = step.tag, step.src_start, step.src_end, step.dest_start, step.dest_end
        over = b + d - half
        if over > 0:  # the step that the middle is in
            if tag in ("equal", "replace"):
                b, d = b - over // 2, d - over // 2
            else:
                b, d = (b - over, d) if tag == "delete" else (b, d - over)
        yield Opcode(tag, at + a, at + b, to + c, to + d)
        if over >= 0:
            return
