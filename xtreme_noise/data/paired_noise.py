"""Attested noise: test sets with a clean and a noisy side of the same items."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xtreme_noise.data.matching import key
from xtreme_noise.errors import DataError
from xtreme_noise.noise.apply import NOISY

log = logging.getLogger(__name__)
Rows = Iterable[tuple[str, Mapping[str, Any]]]


def paired(clean: Rows, noisy: Rows, columns: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The clean rows with their noisy sides, matched by id, in the columns noisy_<ours>.

    Raises DataError for an id that only one side has, for a duplicate, and for a missing column.
    """
    sides: dict[Any, tuple[str, Mapping[str, Any]]] = {}
    for where, row in noisy:
        name = key(row, "id", where)
        if name in sides:
            raise DataError(f"{where}: the rows of a noisy side need distinct ids, but {name!r} occurs twice")
        sides[name] = (where, row)
    for where, row in clean:
        name = key(row, "id", where)
        if name not in sides:
            raise DataError(f"{where}: id {name!r} has no noisy side")
        there, other = sides.pop(name)
        for theirs in columns.values():
            if theirs not in other:
                raise DataError(f"{there}: no column {theirs!r}; the row has {', '.join(map(str, other))}")
        yield where, {**row, **{NOISY + ours: other[theirs] for ours, theirs in columns.items()}}
    if sides:
        there, other = next(iter(sides.values()))
        raise DataError(f"{there}: id {other['id']!r} has no clean side ({len(sides)} such rows)")


def noisy_side(normal: Mapping[str, Any], row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The noisy columns of a row, checked against the clean ones of its normal form: same type, as many tokens."""
    sides = {}
    for name, clean in normal.items():
        noisy = row.get(NOISY + name)
        if noisy is None:
            continue
        words = isinstance(noisy, list) and all(isinstance(one, str) and one for one in noisy)
        fits = isinstance(noisy, str) if isinstance(clean, str) else words
        if not fits or not noisy or (isinstance(clean, list) and len(clean) != len(noisy)):
            raise DataError(f"{where}: the noisy side of {name!r} does not match its clean side: {noisy!r:.120}")
        sides[NOISY + name] = noisy
    return sides
