"""cells.parquet: one row per cell, with the fields of CellRecord as columns."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xtreme_noise.data.strict_json import check_text
from xtreme_noise.errors import DataError
from xtreme_noise.record import CLEAN, FIELDS, LATER, CellRecord, mistyped
from xtreme_noise.writing import replacing

CELLS = "cells.parquet"
ROWS = 20_000  # written at once
EDITED = "The file was edited or is damaged."
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
# Lists and mappings are JSON.
SCHEMA = pa.schema([(name, _TYPES.get(kind, pa.string())) for name, kind in FIELDS.items()])
_NUMPY = {pa.bool_(): np.bool_, pa.int64(): np.int64, pa.float64(): np.float64}
_NESTED = [name for name, kind in FIELDS.items() if kind in (list, dict)]


def column(cells: Sequence[CellRecord], name: str) -> list[Any]:
    """One field of all cells, lists and mappings as JSON; None where it is not known."""
    values = map(attrgetter(name), cells)
    if name in _NESTED:
        return [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
    return [value or None for value in values] if FIELDS[name] is str else list(values)


def write_cells(sweep: Path, cells: Iterable[CellRecord]) -> None:
    """Write cells.parquet atomically."""
    known = list(cells)
    with replacing(sweep / CELLS) as stream, pq.ParquetWriter(stream, SCHEMA) as file:
        for start in range(0, max(1, len(known)), ROWS):
            part = known[start : start + ROWS]
            arrays = [_array(column(part, field.name), field.type) for field in SCHEMA]
            file.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """What pa.array gives, which imports pandas first."""
    known = np.array([value is not None for value in values], dtype=bool)
    if pa.types.is_string(kind):
        texts = [b"" if value is None else value.encode() for value in values]
        ends = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        parts = [pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    else:
        plain: NDArray[Any] = np.array([value or 0 for value in values], dtype=_NUMPY[kind])
        parts = [pa.py_buffer(np.packbits(plain, bitorder="little") if pa.types.is_boolean(kind) else plain)]
    return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(np.packbits(known, bitorder="little")), *parts])


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


def _rows(path: Path) -> Iterator[dict[str, Any]]:
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
        columns = {name: _column(table[name], name, path) for name in there}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _column(column: Any, name: str, path: Path) -> list[Any]:
    kind = SCHEMA.field(name).type
    try:
        values = column.cast(kind).combine_chunks()
    except (ValueError, pa.ArrowException) as error:
        raise DataError(f"{path}: column {name!r} has the type {column.type}, expected {kind}: {error}") from error
    if pa.types.is_string(kind):  # the same few texts in all rows: each is one object
        encoded = values.dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        return [None if place is None else texts[place] for place in encoded.indices.to_pylist()]
    listed = values.to_pylist()
    if pa.types.is_floating(kind):
        for row, value in enumerate(listed, 1):
            if value is not None and math.isinf(value):
                raise DataError(f"{path}, row {row}: {mistyped(name, value)}. {EDITED}")
    return [None if value != value else value for value in listed]  # nan: not measured


def _record(row: dict[str, Any], where: str) -> CellRecord:
    row["noise"] = row["noise"] or CLEAN
    row["level"] = row["level"] or 0.0
    if row["noise"] == CLEAN:
        row["noise_seed"] = 0  # has no meaning in a clean cell
    try:
        nested = {name: _parsed(row[name], name) for name in _NESTED if row.get(name) is not None}
        return CellRecord.of(row | nested, typed=True)
    except ValueError as error:
        raise DataError(f"{where}: {error}. {EDITED}") from error


@lru_cache(maxsize=1024)  # cells that differ only in their model have the same samples
def _parsed(text: str, name: str) -> Any:
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            check_text(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not isinstance(value, FIELDS[name]):
        raise ValueError(mistyped(name, value))
    return value
