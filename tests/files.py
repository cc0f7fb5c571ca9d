"""Small files that tests write, and tables of a study that they read."""

from __future__ import annotations

import csv
from pathlib import Path


def table(folder: Path, text: str, name: str = "table.tsv") -> str:
    """A table of words for a noise family, as its parameter `path` takes it."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def csv_rows(path: Path, **where: str) -> list[dict[str, str]]:
    """The rows of a CSV file that have these values."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if all(row[key] == value for key, value in where.items())]
