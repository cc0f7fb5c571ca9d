"""items.parquet of a job: the per-example scores of its cells, so that a report reads one file per job, not per cell.

A row group has one row: the examples of one language, and the scores of all cells on them. It is a copy of parts of the
cells' files in predictions/, with a digest of each: a cell whose file has other bytes is read from that file.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xtreme_noise.writing import write_bytes

log = logging.getLogger(__name__)
ITEMS = "items.parquet"
_COPIED = {"id": pa.string(), "cluster": pa.string(), "num": pa.float64(), "den": pa.float64(), "correct": pa.bool_()}
_LISTS = _COPIED | {"cell": pa.string(), "content": pa.string()}
SCHEMA = pa.schema([(name, pa.list_(kind)) for name, kind in _LISTS.items()])


@dataclass(frozen=True)
class Scores:
    """The per-example scores of one cell. id, cluster: Arrow arrays, the same objects for all cells of a row; num, den:
    (examples,); correct: None if predictions do not contain it.
    """

    id: Any
    cluster: Any
    num: NDArray[np.float64]
    den: NDArray[np.float64]
    correct: NDArray[np.bool_] | None


def content_digest(content: bytes) -> str:
    """32 hex digits for the bytes of a predictions file."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def numbers(array: Any) -> NDArray[Any]:
    """An Arrow array of numbers or truth values as NumPy's; empty truth values are False. Arrow's own to_numpy imports
    pandas.
    """
    if pa.types.is_boolean(array.type):
        whole = array.fill_null(False) if array.null_count else array
        return numbers(whole.cast(pa.uint8())).view(np.bool_)
    values: NDArray[Any] = np.from_dlpack(array)
    return values


class ItemsWriter:
    """Collects the scores of a job's cells, in the order of its languages."""

    def __init__(self) -> None:
        self._rows: list[pa.Table] = []
        self._same: dict[str, tuple[str, Any]] = {}  # cells with the same examples: digest -> content, scores

    def add(self, cell: str, content: bytes, table: Any) -> None:
        """table: what `content`, the bytes of the cell's predictions file, contains."""
        names = [name for name in _COPIED if name != "correct" or name in table.column_names]
        table = table.select(names).combine_chunks()
        if self._same:
            _, first = next(iter(self._same.values()))
            alike = table.column_names == first.column_names
            if not (alike and all(table[name].equals(first[name]) for name in ("id", "cluster"))):
                self._flush()
        self._same[cell] = content_digest(content), table

    def _flush(self) -> None:
        if not self._same:
            return
        tables = [table for _, table in self._same.values()]
        whole = pa.concat_tables(tables).combine_chunks()
        columns: dict[str, Any] = {name: tables[0][name].to_pylist() for name in ("id", "cluster")}
        columns |= {"cell": list(self._same), "content": [content for content, _ in self._same.values()]}
        arrays = []
        for name, kind in _LISTS.items():
            if name in columns:
                values = pa.array(columns[name], kind)
            else:
                values = whole[name].combine_chunks() if name in whole.column_names else pa.array([], kind)
            arrays.append(pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values))
        self._rows.append(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._same = {}

    def write(self, folder: Path) -> None:
        """Write items.parquet atomically, unless it is there with the same bytes."""
        self._flush()
        buffer = io.BytesIO()
        with pq.ParquetWriter(buffer, SCHEMA) as writer:
            for row in self._rows:
                writer.write_table(row)
        path, content = folder / ITEMS, buffer.getvalue()
        if not (path.is_file() and path.read_bytes() == content):
            write_bytes(path, content)


class JobItems:
    """The cells in the items.parquet of a study's jobs."""

    def __init__(self, sweep: Path) -> None:
        self._predictions = sweep / "predictions"
        self._where: dict[str, tuple[Path, int]] = {}  # cell -> file, row group
        for path in sorted((sweep / "jobs").glob(f"*/{ITEMS}")):
            try:
                with pq.ParquetFile(path) as file:
                    for number, cells in enumerate(file.read(columns=["cell"])["cell"].to_pylist()):
                        self._where |= dict.fromkeys(cells, (path, number))
            except _DAMAGE as error:
                _damaged(path, error)

    def of(self, cells: Iterable[str]) -> Mapping[str, Scores]:
        """The scores of these cells, as far as the files of the jobs have them and predictions/ the same bytes."""
        wanted = set(cells)
        found: dict[str, Scores] = {}
        for path, number in dict.fromkeys(self._where[cell] for cell in wanted if cell in self._where):
            try:
                found |= dict(self._row(path, number, wanted))
            except _DAMAGE as error:
                _damaged(path, error)
        return found

    def _row(self, path: Path, number: int, wanted: set[str]) -> Iterator[tuple[str, Scores]]:
        with pq.ParquetFile(path) as file:
            table = file.read_row_group(number)
        table.validate(full=True)  # texts are UTF-8
        row = {name: table[name].combine_chunks().flatten().cast(kind) for name, kind in _LISTS.items()}
        ids, cells, contents = row["id"], row["cell"].to_pylist(), row["content"].to_pylist()
        if any(values.null_count for name, values in row.items() if name != "correct"):
            raise ValueError("empty values")
        # Wrong numbers of values do not fit these shapes, which is a ValueError.
        num, den = (numbers(row[name]).reshape(len(cells), len(ids)) for name in ("num", "den"))
        right: Any = [None] * len(cells)
        if len(row["correct"]):
            right = numbers(row["correct"]).reshape(num.shape)
        for cell, content, *scores in zip(cells, contents, num, den, right, strict=True):
            if cell in wanted and self._unchanged(cell, content):
                yield cell, Scores(ids, row["cluster"], *scores)

    def _unchanged(self, cell: str, content: str) -> bool:
        if set("/\\") & set(cell):  # a path
            return False
        try:
            return content_digest((self._predictions / f"{cell}.parquet").read_bytes()) == content
        except OSError:
            return False  # reading the file itself says what is wrong


_DAMAGE = (OSError, ValueError, KeyError, pa.ArrowException)


def _damaged(path: Path, error: Exception) -> None:
    log.warning("%s cannot be read, the predictions of its cells are read instead: %s", path, error)
