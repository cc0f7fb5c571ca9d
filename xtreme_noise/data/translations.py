"""Data of masked language models: texts with their translations, and each text only once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xtreme_noise.data.matching import by_key, key
from xtreme_noise.errors import DataError

log = logging.getLogger(__name__)
Rows = Iterable[tuple[str, Mapping[str, Any]]]


def beside(rows: Rows, others: Rows, column: str, by: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """`rows` with `column` of the matching row in the other language as text_pair.

    by: the column that rows are matched by; None: their order. Raises DataError for a row without a match.
    """
    translations = list(others)
    known = by_key(translations, by, [column]) if by else {number: row for number, (_, row) in enumerate(translations)}
    count, last = 0, "no row"
    for number, (where, raw) in enumerate(rows):
        name = key(raw, by, where) if by else number
        if name not in known or column not in known[name]:
            raise DataError(f"{where}: the other language has no matching row with a column {column!r}")
        count, last = count + 1, where
        yield where, {**raw, "text_pair": known[name][column]}
    if not by and count != len(translations):
        raise DataError(
            f"{last} is the last of {count} rows, but the other language has {len(translations)} rows: matching by "
            "order needs the same rows in both"
        )


def distinct(rows: Sequence[dict[str, Any]], columns: Sequence[str], what: str) -> list[dict[str, Any]]:
    """The first of the rows with the same texts (a paragraph with ten questions is one text). Logs how many repeat."""
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        first.setdefault(tuple(row.get(column) for column in columns), row)
    if len(first) < len(rows):
        log.info("%s: dropped %d rows that repeat a text, %d remain", what, len(rows) - len(first), len(first))
    return list(first.values())
