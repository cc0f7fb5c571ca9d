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
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append))  # with its own line end, so that it quotes CR and LF
    writer.writerow(map(harmless, columns))
    writer.writerows([harmless(row.get(name)) for name in columns] for row in rows)
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
