"""Reading files whose content is part of a key: what is read must be what the key says.

A key is made when a job is planned, but its files may be read hours later, after a fit. Code that makes a key keeps the
sha256 of every file and reads the files with `read` or `copy`, which read them once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NoReturn

from xtreme_noise.errors import DataError
from xtreme_noise.manifest import file_digest
from xtreme_noise.writing import make_folder

_digests: dict[tuple[str, tuple[int, ...]], str] = {}


class Unsettled(DataError):
    """A file that changed or could not be read; the next try may succeed."""


def stamp(path: Path) -> tuple[int, ...]:
    """Metadata that change whenever the file does; the ctime cannot be set by programs."""
    stat = path.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def content_digest(path: Path) -> str:
    """sha256 of a file, cached while its stamp stays the same, because weights may have gigabytes.

    Raises Unsettled when it cannot be read.
    """
    try:
        key = (str(path), stamp(path))
        if key not in _digests:
            _digests[key] = file_digest(path)
    except OSError as error:
        raise Unsettled(f"{path} cannot be read ({error.strerror})") from error
    return _digests[key]


def read(path: Path, digest: str | None = None) -> bytes:
    """The bytes of a file. Raises Unsettled when it cannot be read, or its sha256 is not `digest` (None: any)."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unsettled(f"{path} cannot be read ({error.strerror})") from error
    if digest is not None and hashlib.sha256(content).hexdigest() != digest:
        changed(path)
    return content


def copy(path: Path, target: Path) -> str:
    """Copy a file to `target`, block by block; returns the sha256 of what was copied. Raises Unsettled and OSError."""
    state = hashlib.sha256()
    try:
        source = path.open("rb")
    except OSError as error:
        raise Unsettled(f"{path} cannot be read ({error.strerror})") from error
    make_folder(target.parent)
    with source, target.open("wb") as stream:
        while block := source.read(1 << 20):
            state.update(block)
            stream.write(block)
    return state.hexdigest()


def changed(path: Path) -> NoReturn:
    """Raise the error for a file that differs from its key."""
    raise Unsettled(
        f"{path} has changed since this run was planned, so nothing was stored: do not change it during a run, and "
        "run the same command again"
    )
