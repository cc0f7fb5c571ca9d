"""What makes rows of two files the same: the value of a column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtreme_noise.errors import DataError

Rows = Iterable[tuple[str, Mapping[str, Any]]]


def key(row: Mapping[str, Any], column: str, where: str) -> Any:
    """What a row is known by. Raises DataError when it is neither text nor a number."""
    value = row.get(column)
    if not isinstance(value, str | int | float) or value != value:  # nan
        raise DataError(
            f"{where}: column {column!r} is {value!r:.80}, wanted text or a number to find the row by; it has "
            f"{', '.join(map(str, row))}"
        )
    return value


def by_key(rows: Rows, column: str, wanted: Sequence[str]) -> dict[Any, dict[str, Any]]:
    """The columns `wanted` of every row, by its value of `column`.

    Raises DataError for a row without one of these, and for two rows of one value that differ in what is wanted.
    """
    found: dict[Any, dict[str, Any]] = {}
    for where, row in rows:
        name = key(row, column, where)
        for other in wanted:
            if other not in row:
                raise DataError(f"{where}: no column {other!r}; it has {', '.join(map(str, row))}")
        values = {other: row[other] for other in wanted}
        if found.setdefault(name, values) != values:
            raise DataError(f"{where}: {column} {name!r} is there twice, with another {' or '.join(wanted)}")
    return found
