"""items.parquet of a job: the per-example scores of its cells, so that a report reads one file per job, not per cell.

A row group has one row: the examples of one language, and the scores of up to AT_ONCE cells on them. It is a copy of
parts of the cells' files in predictions/, with a digest of each: a cell whose file has other bytes is read from that
file.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xtreme_noise.writing import replacing

log = logging.getLogger(__name__)
ITEMS = "items.parquet"
AT_ONCE = 64  # cells in memory while they are copied
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
    """Copies the scores of a job's cells, in the order of its languages, from their predictions files.

    It remembers digests alone until all cells are finished, so that its memory is that of a few cells. parallel:
    whether an example has its cluster in common with its translations.
    """

    def __init__(self, folder: Path, *, parallel: bool) -> None:
        self.parallel = parallel
        self._path = folder / ITEMS
        self._schema = SCHEMA.with_metadata({"parallel": str(parallel)})
        self._before = _contents(self._path, self._schema.metadata)
        self._cells: dict[str, str] = {}  # cell -> digest of its file

    def add(self, cell: str, content: str) -> None:
        """content: the digest of the cell's predictions file."""
        self._cells[cell] = content

    def has(self, cell: str, content: str) -> bool:
        """Whether an earlier run of the job has copied the cell from a file with the same bytes, and such clusters."""
        return self._before.get(cell) == content

    def write(self, predictions: Path) -> None:
        """Write items.parquet atomically from the files in the folder `predictions`, unless it has these cells."""
        if list(self._cells.items()) == list(self._before.items()):
            return
        with replacing(self._path) as stream, pq.ParquetWriter(stream, self._schema, write_page_checksum=True) as file:
            for row in self._rows(predictions):
                file.write_table(row.cast(self._schema))

    def _rows(self, predictions: Path) -> Iterator[pa.Table]:
        same: dict[str, pa.Table] = {}
        for cell in self._cells:
            table = _read(predictions / f"{cell}.parquet")
            if same and (len(same) == AT_ONCE or not _alike(table, next(iter(same.values())))):
                yield self._row(same)
                same = {}
            same[cell] = table
        if same:
            yield self._row(same)

    def _row(self, same: Mapping[str, pa.Table]) -> pa.Table:
        """One row for cells with the same examples."""
        first, whole = next(iter(same.values())), pa.concat_tables(same.values()).combine_chunks()
        columns: dict[str, Any] = {name: first[name].to_pylist() for name in ("id", "cluster")}
        columns |= {"cell": list(same), "content": [self._cells[cell] for cell in same]}
        arrays = []
        for name, kind in _LISTS.items():
            if name in columns:
                values = pa.array(columns[name], kind)
            else:
                values = whole[name].combine_chunks() if name in whole.column_names else pa.array([], kind)
            arrays.append(pa.ListArray.from_arrays(pa.array([0, len(values)], pa.int32()), values))
        return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _read(path: Path) -> pa.Table:
    """The columns of a predictions file that are copied."""
    with pa.OSFile(str(path)) as opened, pq.ParquetFile(opened) as file:  # read_table would import pandas first
        names = [name for name in _COPIED if name in file.schema_arrow.names]
        return file.read(columns=names, use_threads=False).select(names).combine_chunks()


def _alike(one: pa.Table, other: pa.Table) -> bool:
    """Whether two cells have the same examples and columns."""
    same = one.column_names == other.column_names
    return same and all(one[name].equals(other[name]) for name in ("id", "cluster"))


def _contents(path: Path, metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    """Cell -> digest of the file that its scores were copied from; empty if the file is missing or damaged, or has
    other metadata.
    """
    found: dict[str, str] = {}
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            if file.schema_arrow.metadata != metadata:
                return {}
            for number in range(file.num_row_groups):
                row = _typed(file.read_row_group(number))  # all columns: damage in any of them is found
                [cells], [contents] = (row[name].to_pylist() for name in ("cell", "content"))
                found |= dict(zip(cells, contents, strict=True))
    except DAMAGE:
        return {}
    return found


class JobItems:
    """The cells in the items.parquet of a study's jobs."""

    def __init__(self, sweep: Path) -> None:
        self._predictions = sweep / "predictions"
        self._where: dict[str, Path] = {}
        for path in sorted((sweep / "jobs").glob(f"*/{ITEMS}")):
            try:
                with pq.ParquetFile(path) as file:
                    cells = _typed(file.read(columns=["cell"]))["cell"].combine_chunks().flatten().to_pylist()
                    self._where |= dict.fromkeys(cells, path)
            except DAMAGE as error:
                _damaged(path, error)

    def of(self, cells: Iterable[str]) -> Mapping[str, Scores]:
        """The scores of these cells, as far as the files of the jobs have them and predictions/ the same bytes."""
        wanted = set(cells)
        found: dict[str, Scores] = {}
        for path in dict.fromkeys(self._where[cell] for cell in wanted if cell in self._where):
            try:
                same = {
                    cell: scores for cell, content, scores in stored(path, wanted) if self._unchanged(cell, content)
                }
            except DAMAGE as error:
                _damaged(path, error)
            else:
                found |= same
        return found

    def _unchanged(self, cell: str, content: str) -> bool:
        if set("/\\") & set(cell):  # a path
            return False
        try:
            return content_digest((self._predictions / f"{cell}.parquet").read_bytes()) == content
        except OSError:
            return False  # reading the file itself says what is wrong


def stored(source: Path | BinaryIO, wanted: Collection[str] | None = None) -> Iterator[tuple[str, str, Scores]]:
    """(cell, digest of the predictions file, scores) of the cells of an items.parquet, or of those `wanted`.

    Raises one of DAMAGE when the file cannot be read or is damaged.
    """
    with pq.ParquetFile(source, page_checksum_verification=True) as file:
        table = _typed(file.read(use_threads=False)).combine_chunks()
    table.validate(full=True)  # texts are UTF-8
    for number in range(len(table)):
        yield from _row(table.slice(number, 1), wanted)


def _row(table: pa.Table, wanted: Collection[str] | None) -> Iterator[tuple[str, str, Scores]]:
    """The wanted cells of one row."""
    cells = table["cell"].combine_chunks().flatten().to_pylist()
    if wanted is not None and not any(cell in wanted for cell in cells):
        return
    row = {name: table[name].combine_chunks().flatten().cast(kind) for name, kind in _LISTS.items()}
    ids, contents = row["id"], row["content"].to_pylist()
    if any(values.null_count for name, values in row.items() if name != "correct"):
        raise ValueError("empty values")
    # Wrong numbers of values do not fit these shapes, which is a ValueError.
    num, den = (numbers(row[name]).reshape(len(cells), len(ids)) for name in ("num", "den"))
    right: Any = [None] * len(cells)
    if len(row["correct"]):
        right = numbers(row["correct"]).reshape(num.shape)
    for cell, content, *scores in zip(cells, contents, num, den, right, strict=True):
        if wanted is None or cell in wanted:
            yield cell, content, Scores(ids, row["cluster"], *scores)


DAMAGE = (OSError, ValueError, KeyError, pa.ArrowException)


def _typed(table: pa.Table) -> pa.Table:
    """The table. Raises ValueError for a column of another type, as after damage to the footer, without a checksum."""
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        if name in _LISTS and kind != SCHEMA.field(name).type:
            raise ValueError(f"{name} has the type {kind}")
    return table


def _damaged(path: Path, error: Exception) -> None:
    log.warning("%s cannot be read, the predictions of its cells are read instead: %s", path, error)
