"""The changes of an engine: applying them, their cost, and the edits they amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from xtreme_noise.noise.alignment import LONG
from xtreme_noise.noise.edits import Edit
from xtreme_noise.noise.text import distance, splits

# (start, end, new, cost): graphemes[start:end] become `new`, for at most `cost` in distance; end == start
# inserts. Every grapheme of a change over several must have a kind. A plain tuple, because millions are made.
Change = tuple[int, int, tuple[str, ...], int]

_STRETCH = 1 << 12  # graphemes of a long text that are measured together


class Became:
    """The current state of every grapheme, to look up the neighbours of a border."""

    def __init__(self, units: Sequence[str], changes: Sequence[Change]) -> None:
        self.units = units
        self.parts: dict[int, tuple[str, ...]] = {}  # grapheme -> its replacement
        self.inserted: dict[int, tuple[str, ...]] = {}  # border -> graphemes inserted there
        self.starts: dict[int, int] = {}  # end of a run of deleted graphemes -> its start
        self.ends: dict[int, int] = {}  # its start -> its end
        for change in changes:
            self.add(change)

    def add(self, change: Change) -> None:
        start, end, new, _ = change
        if start == end:
            self.inserted[start] = new
            return
        if new:
            self.parts[start] = new
            start += 1
        if start < end:  # one row with those on either side
            start, end = self.starts.pop(start, start), self.ends.pop(end, end)
            self.starts[end], self.ends[start] = start, end

    def before(self, border: int) -> str:
        """The grapheme on the left of a border, or ""."""
        at = border
        while not self.inserted.get(at):
            if at in self.starts:
                at = self.starts[at]
            elif at:
                return self.parts.get(at - 1, (self.units[at - 1],))[-1]
            else:
                return ""
        return self.inserted[at][-1]

    def after(self, border: int) -> str:
        """The grapheme on the right of a border, or ""."""
        at = border
        while not self.inserted.get(at):
            if at in self.ends:
                at = self.ends[at]
            elif at < len(self.units):
                return self.parts.get(at, (self.units[at],))[0]
            else:
                return ""
        return self.inserted[at][0]


def stay_apart(left: str, new: Sequence[str], right: str) -> bool:
    """Whether no two neighbours in left + new + right join into one cluster."""
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
    """The text after these changes, in order, and its distance from `units` (of a text longer than alignment.LONG, the
    sum over stretches between two changes).
    """
    if len(units) <= LONG:
        return _applied(units, changes, expected)
    parts = [_applied(units[a:b], some, cost) for a, b, some, cost in _stretches(len(units), changes)]
    return "".join([text for text, _ in parts]), sum([measured for _, measured in parts])


def _applied(units: Sequence[str], changes: Sequence[Change], expected: int) -> tuple[str, int]:
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


def _stretches(size: int, changes: Sequence[Change]) -> Iterator[tuple[int, int, list[Change], int]]:
    """Stretches of a long text: start, end, their changes (counted from the start), and the cost of these."""
    some: list[Change] = []
    begin = cost = 0
    for start, end, new, most in changes:
        if start - begin >= _STRETCH:
            yield begin, start, some, cost
            begin, some, cost = start, [], 0
        some.append((start - begin, end - begin, new, most))
        cost += most
    yield begin, size, some, cost


def cut_at_tokens(noisy: str, tokens: Sequence[str], edits: Sequence[Edit]) -> list[str]:
    """The noisy tokens: `noisy` cut at the spaces that follow the clean tokens."""
    noisy_tokens, at, begin, passed = [], 0, 0, 0
    shift = 0
    for token in tokens:
        at += len(token)
        while passed < len(edits) and edits[passed].end <= at:
            shift = edits[passed].noisy_end - edits[passed].end
            passed += 1
        noisy_tokens.append(noisy[begin : at + shift])
        at += 1
        begin = at + shift
    return noisy_tokens


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
