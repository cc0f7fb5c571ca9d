"""Texts beside their translations, and texts that occur once: what masked language models are trained on."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xtreme_noise.data.matching import by_key, key
from xtreme_noise.errors import DataError

log = logging.getLogger(__name__)
Rows = Iterable[tuple[str, Mapping[str, Any]]]


def beside(rows: Rows, others: Rows, column: str, by: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """`rows` with `column` of the same row in another language as text_pair.

    by: the column by which rows are the same; None: their order. Raises DataError for a row without its like.
    """
    found = list(others)
    known = by_key(found, by, [column]) if by else {number: row for number, (_, row) in enumerate(found)}
    count, last = 0, "no row"
    for number, (where, raw) in enumerate(rows):
        name = key(raw, by, where) if by else number
        if name not in known or column not in known[name]:
            raise DataError(f"{where}: the other language has no row like it with the column {column!r}")
        count, last = count + 1, where
        yield where, {**raw, "text_pair": known[name][column]}
    if not by and count != len(found):
        raise DataError(
            f"{last} is row {count} and the last, but the other language has {len(found)}: they are not the same in "
            "order"
        )


def distinct(rows: Sequence[dict[str, Any]], columns: Sequence[str], what: str) -> list[dict[str, Any]]:
    """The first of all rows with the same texts: a paragraph of ten questions is one text. The others are counted."""
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        first.setdefault(tuple(row.get(column) for column in columns), row)
    if len(first) < len(rows):
        log.info("%s: %d rows repeat a text and are left out, %d stay", what, len(rows) - len(first), len(first))
    return list(first.values())
