"""Data files in the layout `<dataset>/<split>.<language>.jsonl.gz`: JSON lines (plain or gzip), parquet, or tags.

A .tsv file contains tagged sentences: token, tab, tag on each line, and a blank line between sentences.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise import content
from xtreme_noise.config.schema import roots
from xtreme_noise.data import strict_json
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.languages.codes import fill

BYTE_ORDER_MARK = "\ufeff"
NO_ROOT = (
    "source.root is not set, but data are read from files: add source.root=/data/folder (or set XTREME_NOISE_DATA)"
)


class DataMissing(DataError):
    """A missing file or language: a named gap, not a failure, unless strict=true."""


def locate(where: str, language: str, root: Any) -> Path:
    """The file `where`, with the codes of the language filled in (codes.py), in the folder or folders `root`.

    Raises ConfigError without a root, DataMissing when no folder has the file, DataError when several folders have
    different files of that name."""
    folders = [Path(folder) for folder in roots(root)]
    if not folders:
        raise ConfigError(NO_ROOT)
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"source.root={folder}: there is no such folder")
    name = fill(where, language)
    paths = [folder / name for folder in folders if (folder / name).is_file()]
    if not paths:
        others = f" (nor in {', '.join(map(str, folders[1:]))})" if len(folders) > 1 else ""
        raise DataMissing(f"{folders[0] / name}: no such file{others}")
    for other in paths[1:]:
        if content.content_digest(other) != content.content_digest(paths[0]):
            raise DataError(
                f"{paths[0]} and {other} differ: remove one of them, or leave one folder out of source.root"
            )
    return paths[0]


def rows(path: Path, digest: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of a file. Raises DataError with file and line for anything that cannot be read.

    digest: the sha256 that the file must have, as recorded in a key.
    """
    data = content.read(path, digest)
    if path.suffix == ".parquet":
        yield from _parquet(path, data)
        return
    if ".tsv" in path.suffixes:
        yield from _tagged(path, data)
        return
    for number, line in _lines(path, data):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = strict_json.loads(line)
        except ValueError as error:
            raise DataError(f"{where}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise DataError(f"{where}: expected a JSON object, got {type(row).__name__}")
        yield where, row


def _lines(path: Path, data: bytes) -> Iterator[tuple[int, str]]:
    """(number, line) of a text file, plain or gzip. Raises DataError with the last line that could be read."""
    number = 0
    try:
        with _text(path, data) as lines:
            for number, line in enumerate(lines, 1):
                if number == 1 and line.startswith(BYTE_ORDER_MARK):
                    raise DataError(
                        f"{path}, line 1: begins with a byte order mark: save the file as UTF-8 without one"
                    )
                yield number, line
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}, after line {number}: cannot be read ({error}); the file is damaged") from error


def _text(path: Path, data: bytes) -> TextIO:
    stream = io.BytesIO(data)
    if path.suffix == ".gz":
        return gzip.open(stream, "rt", encoding="utf-8")
    return io.TextIOWrapper(stream, encoding="utf-8")


def _tagged(path: Path, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tagged sentences: token, tab, tag on each line, a blank line between sentences."""
    tokens: list[str] = []
    tags: list[str] = []
    begin = 1
    for number, line in chain(_lines(path, data), [(0, "")]):
        if not line.strip():
            if tokens:
                yield f"{path}, line {begin}", {"tokens": tokens, "tags": tags}
            tokens, tags, begin = [], [], number + 1
            continue
        token, *rest = line.rstrip("\r\n").split("\t")
        if len(rest) != 1 or not token or not rest[0]:
            raise DataError(f"{path}, line {number}: expected token, tab, tag, got {line.rstrip()!r:.80}")
        tokens.append(token)
        tags.append(rest[0])


def labels(where: str, root: Any) -> list[str]:
    """The labels in a file, one per line. Raises ConfigError, DataMissing, or DataError when they are not distinct."""
    path = locate(where, "en", root)
    names = "".join(line for _, line in _lines(path, content.read(path))).split()
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataError(f"{path}: expected at least two distinct labels, one per line")
    return names


def _parquet(path: Path, data: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        table = pq.ParquetFile(pa.BufferReader(data))
        names = table.schema_arrow.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise DataError(f"{path}: the column {twice[0]!r} occurs twice")
        number = 0
        for batch in table.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield f"{path}, row {number}", row
    # ValueError: text that is not UTF-8; OverflowError: a date beyond Python's range.
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: cannot be read as parquet ({error}); the file is damaged") from error
