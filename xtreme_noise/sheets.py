"""CSV files, which people open in spreadsheet programs: text that one would run as a formula is made harmless."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

FORMULA = frozenset("=+-@\t\r\n")  # what a cell begins with that is taken for one (OWASP, CSV injection)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def sheet(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV text: a header line, a line a row, empty where a row has no value. Further values of a row are left out."""
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append))  # with its own line end: it quotes what holds a part of it
    writer.writerow(map(harmless, columns))
    writer.writerows([harmless(row.get(name)) for name in columns] for row in rows)
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def harmless(value: Any) -> Any:
    """`value`; of a text that a spreadsheet would run, the same behind an apostrophe. Numbers stay numbers."""
    if not isinstance(value, str) or not value or _NUMBER.fullmatch(value):
        return value
    first = value[0] if value[0] in FORMULA else value.lstrip()[:1]
    wide = unicodedata.normalize("NFKC", first)  # full-width signs count where the program is a Japanese one
    return f"'{value}" if wide in FORMULA else value
