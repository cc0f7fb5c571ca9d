"""Combines the edits of two successive steps of noise into edits of the first text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from xtreme_noise.noise.edits import Edit


def composed(clean: str, noisy: str, first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits from `clean` to `noisy`, given those from `clean` to an intermediate text and from that to `noisy`.

    Text that neither step changed is in no edit; edits of the two steps that overlap or touch become one.
    """
    grown, more = _grown(first), _grown(second)
    edits = []
    for begin, end, before, after in _blocks(first, second):
        a, b = begin - grown[before[0]], end - grown[before[1]]
        c, d = begin + more[after[0]], end + more[after[1]]
        if clean[a:b] != noisy[c:d]:  # the second step may have undone the first
            edits.append(Edit(start=a, end=b, noisy_start=c, noisy_end=d, clean=clean[a:b], noisy=noisy[c:d]))
    return tuple(edits)


def _grown(edits: Sequence[Edit]) -> list[int]:
    """The growth of a text by the first 0, 1, 2 ... of these edits."""
    lengths = ((edit.noisy_end - edit.noisy_start) - (edit.end - edit.start) for edit in edits)
    return list(accumulate(lengths, initial=0))


def _blocks(
    first: Sequence[Edit], second: Sequence[Edit]
) -> Iterator[tuple[int, int, tuple[int, int], tuple[int, int]]]:
    """Spans of the intermediate text, each with the edits of both steps in it (as ranges of numbers)."""
    i = j = 0
    while i < len(first) or j < len(second):
        start_i, start_j = i, j
        begin = min([edit.noisy_start for edit in first[i : i + 1]] + [edit.start for edit in second[j : j + 1]])
        end = begin
        while True:
            if i < len(first) and first[i].noisy_start <= end:
                end, i = max(end, first[i].noisy_end), i + 1
            elif j < len(second) and second[j].start <= end:
                end, j = max(end, second[j].end), j + 1
            else:
                break
        yield begin, end, (start_i, i), (start_j, j)
