"""Matching rows of two files by the value of a column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtreme_noise.errors import DataError

Rows = Iterable[tuple[str, Mapping[str, Any]]]


def key(row: Mapping[str, Any], column: str, where: str) -> Any:
    """The value that identifies a row. Raises DataError when it is neither text nor a number."""
    value = row.get(column)
    if not isinstance(value, str | int | float) or value != value:  # nan
        raise DataError(
            f"{where}: column {column!r} is {value!r:.80}, expected text or a number that identifies the row; the row "
            f"has {', '.join(map(str, row))}"
        )
    return value


def by_key(rows: Rows, column: str, wanted: Sequence[str]) -> dict[Any, dict[str, Any]]:
    """The columns `wanted` of every row, by its value of `column`.

    Raises DataError for a row that lacks a column, and for two rows of one value that differ in the wanted columns.
    """
    rows_by_key: dict[Any, dict[str, Any]] = {}
    for where, row in rows:
        name = key(row, column, where)
        for other in wanted:
            if other not in row:
                raise DataError(f"{where}: no column {other!r}; the row has {', '.join(map(str, row))}")
        values = {other: row[other] for other in wanted}
        if rows_by_key.setdefault(name, values) != values:
            raise DataError(f"{where}: {column} {name!r} occurs twice, with different {' or '.join(wanted)}")
    return rows_by_key
