"""cells.parquet: one row per cell, with the fields of CellRecord as columns."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise.errors import DataError
from xtreme_noise.record import CLEAN, FIELDS, LATER, CellRecord
from xtreme_noise.store import write_bytes

CELLS = "cells.parquet"
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
# Lists and mappings are JSON.
SCHEMA = pa.schema([(name, _TYPES.get(kind, pa.string())) for name, kind in FIELDS.items()])
_NESTED = [name for name, kind in FIELDS.items() if kind in (list, dict)]


def row(cell: CellRecord, names: Iterable[str] = FIELDS) -> dict[str, Any]:
    """The known values of a cell among `names`, with lists and mappings as JSON."""
    values = {name: value for name in names if (value := getattr(cell, name)) is not None and value != ""}
    for name in _NESTED:
        if name in values:
            values[name] = json.dumps(values[name], ensure_ascii=False)
    return values


def write_cells(sweep: Path, cells: Iterable[CellRecord]) -> None:
    """Write cells.parquet atomically."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row(cell) for cell in cells], SCHEMA), buffer)
    write_bytes(sweep / CELLS, buffer.getvalue())


def read_cells(sweep: Path) -> list[CellRecord]:
    """The rows of cells.parquet. Raises DataError when it is missing, unreadable, incomplete or has invalid values."""
    path = sweep / CELLS
    if not path.is_file():
        raise DataError(f"{sweep} is not a study folder with results: it has no {CELLS}.")
    state = path.stat()
    return list(_records(path, (state.st_ino, state.st_size, state.st_mtime_ns)))


@lru_cache(maxsize=1)  # a command checks the table before anything is written, and then reports it
def _records(path: Path, state: tuple[int, ...]) -> tuple[CellRecord, ...]:  # noqa: ARG001
    return tuple(_record(row, f"{path}, row {number}") for number, row in enumerate(_rows(path), 1))


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of the table, every column cast to its type."""
    try:
        with pq.ParquetFile(path) as file:  # read_table would import pandas first
            table = file.read()
        table.validate(full=True)  # texts are UTF-8
        there = [name for name in FIELDS if table.column_names.count(name) == 1]
        lacking = [name for name in FIELDS if name not in (*there, *LATER)]
        if lacking:
            raise DataError(
                f"{path} lacks the columns {', '.join(lacking)}, or they occur twice. If it is of an earlier "
                "version, run its command again."
            )
        columns = {name: _column(table[name], SCHEMA.field(name).type, f"{path}: column {name!r}") for name in there}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _column(column: Any, kind: Any, where: str) -> list[Any]:
    try:
        values: list[Any] = column.cast(kind).to_pylist()
    except (ValueError, pa.ArrowException) as error:
        raise DataError(f"{where} has the type {column.type}, expected {kind}: {error}") from error
    return [None if value != value else value for value in values]  # nan: not measured


def _record(row: dict[str, Any], where: str) -> CellRecord:
    row["noise"] = row["noise"] or CLEAN
    row["level"] = row["level"] or 0.0
    if row["noise"] == CLEAN:
        row["noise_seed"] = 0  # has no meaning in a clean cell
    try:
        nested = {name: _parsed(row[name], name) for name in _NESTED if row.get(name) is not None}
        return CellRecord.of(row | nested)
    except ValueError as error:
        raise DataError(f"{where}: {error}. The file was edited or is damaged.") from error


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
