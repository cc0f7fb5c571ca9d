"""Files in the layout `<dataset>/<split>.<language>.jsonl.gz`: gzip JSON lines, plain JSON lines, parquet, or tags.

A name with .tsv holds tagged sentences: token, tab, tag on a line, a blank line between sentences.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise.config.schema import roots
from xtreme_noise.data.codes import fill
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.store import file_digest

BYTE_ORDER_MARK = "\ufeff"
NO_ROOT = (
    "files are wanted but source.root is not set: add source.root=/folder/with/the/data (or set XTREME_NOISE_DATA)"
)
_digests: dict[tuple[str, int, int], str] = {}


class DataMissing(DataError):
    """A file or language that is not there: a named gap, not a failure, unless strict=true."""


def locate(where: str, language: str, root: Any) -> Path:
    """The file `where`, with the codes of the language filled in (codes.py), in the folder `root` or one of several.

    Raises ConfigError without a root, DataMissing when there is no such file, DataError when folders hold different
    files of one name."""
    folders = [Path(folder) for folder in roots(root)]
    if not folders:
        raise ConfigError(NO_ROOT)
    for folder in folders:
        if not folder.is_dir():
            raise ConfigError(f"source.root={folder}: there is no such folder")
    name = fill(where, language)
    found = [folder / name for folder in folders if (folder / name).is_file()]
    if not found:
        several = f" (nor in {', '.join(map(str, folders[1:]))})" if len(folders) > 1 else ""
        raise DataMissing(f"{folders[0] / name}: no such file{several}")
    for other in found[1:]:
        if content_digest(other) != content_digest(found[0]):
            raise DataError(
                f"{found[0]} and {other} differ: remove one of them, or leave one folder out of source.root"
            )
    return found[0]


def content_digest(path: Path) -> str:
    """sha256 of a file, remembered for as long as its size and time stay the same."""
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if key not in _digests:
        _digests[key] = file_digest(path)
    return _digests[key]


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, row) of a file. Raises DataError with file and line for anything that cannot be read."""
    if path.suffix == ".parquet":
        yield from _parquet(path)
        return
    if ".tsv" in path.suffixes:
        yield from _tagged(path)
        return
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                where = f"{path}, line {number}"
                if line.startswith(BYTE_ORDER_MARK):
                    raise DataError(f"{where}: begins with a byte order mark: save the file as UTF-8 without one")
                try:
                    row = json.loads(line, object_pairs_hook=_once)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{where}: not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise DataError(f"{where}: wanted a JSON object, found {type(row).__name__}")
                yield where, row
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}, after line {number}: cannot be read ({error}); the file is damaged") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a key that is there twice: json would take the last one in silence."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return found


def _tagged(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Tagged sentences: token, tab, tag on a line, a blank line between sentences."""
    tokens: list[str] = []
    tags: list[str] = []
    begin = 1
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for number, line in enumerate(chain(lines, [""]), 1):
                if not line.strip():
                    if tokens:
                        yield f"{path}, line {begin}", {"tokens": tokens, "tags": tags}
                    tokens, tags, begin = [], [], number + 1
                    continue
                token, *rest = line.rstrip("\r\n").split("\t")
                if len(rest) != 1 or not token or not rest[0]:
                    raise DataError(f"{path}, line {number}: wanted token, tab, tag, found {line.rstrip()!r:.80}")
                tokens.append(token)
                tags.append(rest[0])
    except (gzip.BadGzipFile, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}, after line {begin}: cannot be read ({error}); the file is damaged") from error


def labels(where: str, root: Any) -> list[str]:
    """The labels in a file, one a line. Raises ConfigError, DataMissing, or DataError when they are not distinct."""
    path = locate(where, "en", root)
    found = path.read_text(encoding="utf-8").split()
    if len(found) < 2 or len(set(found)) < len(found):
        raise DataError(f"{path}: wanted at least two labels, one a line, each once")
    return found


def _parquet(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        table = pq.ParquetFile(path)
        number = 0
        for batch in table.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield f"{path}, row {number}", row
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: a text that is not UTF-8
        raise DataError(f"{path}: cannot be read as parquet ({error}); the file is damaged") from error
