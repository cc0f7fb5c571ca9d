"""CSV files that are safe in spreadsheet programs: text that would run as a formula is escaped."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

FORMULA = frozenset("=+-@\t\r\n")  # first characters of a formula (OWASP, CSV injection)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV text: a header line, one line per row, empty where a row has no value. Ignores other values of a row."""
    known = list(rows)
    return of_columns(columns, [[row.get(name) for row in known] for name in columns])


def of_columns(names: Sequence[str], columns: Sequence[Sequence[Any]]) -> str:
    """`sheet` of columns of equal length."""
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append))  # with its own line end, so that it quotes CR and LF
    writer.writerow(map(harmless, names))
    safe = ([harmless(value) if isinstance(value, str) else value for value in column] for column in columns)
    writer.writerows(zip(*safe, strict=True))
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def harmless(value: Any) -> Any:
    """`value`, with an apostrophe before text that a spreadsheet would run. Numbers stay numbers."""
    if not isinstance(value, str) or not value:
        return value
    if value[0].isascii() and value[0].isalnum():  # most texts: the quick way
        return value
    if _NUMBER.fullmatch(value):
        return value
    first = value[0] if value[0] in FORMULA else value.lstrip()[:1]
    wide = unicodedata.normalize("NFKC", first)  # Japanese spreadsheets also accept full-width characters
    return f"'{value}" if wide in FORMULA else value
