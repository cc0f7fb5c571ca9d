"""Changes of an engine's text: what they make of it, what they cost, the edits they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from xtreme_noise.noise.edits import Edit
from xtreme_noise.noise.text import distance, splits

# (start, end, new, cost): graphemes[start:end] become `new`, for at most `cost` in distance; end == start
# inserts. Every grapheme of a change over several must have a kind. A plain tuple, because millions are made.
Change = tuple[int, int, tuple[str, ...], int]


class Became:
    """What every grapheme has become, to see the neighbours of a border as they are now."""

    def __init__(self, units: Sequence[str], changes: Sequence[Change]) -> None:
        self.units = units
        self.parts: dict[int, tuple[str, ...]] = {}  # grapheme -> what stands in its place
        self.inserted: dict[int, tuple[str, ...]] = {}  # border -> what stands there
        for change in changes:
            self.add(change)

    def add(self, change: Change) -> None:
        start, end, new, _ = change
        if start == end:
            self.inserted[start] = new
            return
        for at in range(start, end):
            self.parts[at] = ()
        self.parts[start] = new

    def before(self, border: int) -> str:
        """The grapheme on the left of a border, or ""."""
        for at in range(border, -1, -1):
            if self.inserted.get(at):
                return self.inserted[at][-1]
            if at and (part := self.parts.get(at - 1, (self.units[at - 1],))):
                return part[-1]
        return ""

    def after(self, border: int) -> str:
        """The grapheme on the right of a border, or ""."""
        for at in range(border, len(self.units) + 1):
            if self.inserted.get(at):
                return self.inserted[at][0]
            if at < len(self.units) and (part := self.parts.get(at, (self.units[at],))):
                return part[0]
        return ""


def stay_apart(left: str, new: Sequence[str], right: str) -> bool:
    """No two neighbours of left + new + right join into one cluster."""
    if len(new) == 1:  # the usual case, made quick
        return (not left or splits(left, new[0])) and (not right or splits(new[0], right))
    before = left
    for part in (*new, right):
        if part:
            if before and not splits(before, part):
                return False
            before = part
    return True


def applied(units: Sequence[str], changes: Sequence[Change], expected: int) -> tuple[str, int]:
    """The text after these changes, in order, and its distance from `units`."""
    at = 0
    if isinstance(units, str):
        text, size = "", len(units)
        for start, end, new, _ in changes:
            text += units[at:start]
            for part in new:
                text += part
            size += len(new) - (end - start)
            at = end
        text += units[at:]
        if len(text) == size:  # every new grapheme is one character too
            return text, distance(units, text, expected)
    noisy: list[str] = []
    at = 0
    for start, end, new, _ in changes:
        noisy += units[at:start]
        noisy += new
        at = end
    noisy += units[at:]
    return "".join(noisy), distance(units, noisy, expected)


def cut_at_tokens(noisy: str, tokens: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """The noisy tokens: `noisy` between the spaces that followed every clean token."""
    found, at, begin, passed = [], 0, 0, 0
    shift = 0
    for token in tokens:
        at += len(token)
        while passed < len(edits) and edits[passed].end <= at:
            shift = edits[passed].noisy_end - edits[passed].end
            passed += 1
        found.append(noisy[begin : at + shift])
        at += 1
        begin = at + shift
    return found


_edit: Callable[[tuple[int, int, int, int, str, str]], Edit] = partial(tuple.__new__, Edit)  # quicker than Edit(...)


def edits_of(units: Sequence[str], changes: Sequence[Change], lone: bool) -> tuple[Edit, ...]:
    edits = []
    shift = at = offset = 0
    for first, last, new, _ in changes:
        if lone:
            start, end, clean = first, last, "".join(units[first:last])
        else:
            start = offset + len("".join(units[at:first]))
            clean = "".join(units[first:last])
            end = start + len(clean)
            at, offset = last, end
        noisy = new[0] if len(new) == 1 else "".join(new)
        begin = start + shift
        shift = begin + len(noisy) - end
        edits.append(_edit((start, end, begin, end + shift, clean, noisy)))
    return tuple(edits)
