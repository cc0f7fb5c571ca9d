"""A content-addressed store: one directory for everything that is built once and reused.

An artifact is `root/<kind>/<digest>/`; the digest is that of its key, everything that can change it. It is built in a
temporary directory and renamed when complete, under a lock, so that a crash leaves nothing half-written and processes
that need the same artifact build it once. `manifest.json` lists every file with its sha256: a damaged artifact is
detected when it is opened, set aside, and built again.

A read-only store can still be read.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from xtreme_noise.errors import UserError
from xtreme_noise.manifest import MANIFEST, canonical, damage, digest, file_digest, manifest_key, write_manifest
from xtreme_noise.writing import (
    file_lock,
    follow,
    make_folder,
    new_folder,
    remove_leftovers,
    write_atomic,
    write_bytes,
)

log = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT)
KEPT = 20  # damaged artifacts kept for inspection; the oldest are deleted first
_TIGHT = 1 << 16  # bytes: with less free space, any error in writing counts as a full disk


class Store:
    """Finished artifacts under `root`, by kind and digest."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self._verified: set[Path] = set()

    def path(self, kind: str, key: Mapping[str, Any]) -> Path:
        """The path of the artifact with this key, whether it exists or not."""
        return self.root / kind / digest(key)

    def unfinished(self, kind: str, key: Mapping[str, Any]) -> Path:
        """A folder from which a killed build of this artifact can resume; removed when the artifact is finished."""
        return self.root / "unfinished" / kind / digest(key)

    def find(self, kind: str, key: Mapping[str, Any], holds: Sequence[str] = ()) -> Path | None:
        """The finished, intact artifact of this key, or None. A damaged one is set aside.

        holds: files that every artifact of this kind must have. Raises UserError when a damaged one cannot be moved.
        """
        path = self.path(kind, key)
        if path in self._verified and path.is_dir():
            return path
        if not os.path.lexists(path):
            return None
        if damage(path, holds) is None:
            self._verified.add(path)
            return path
        with self._lock(path):
            return self._settled(path, holds)

    def doubt(self, path: Path) -> None:
        """Check the artifact again when it is looked for."""
        self._verified.discard(path)

    def there(self, kind: str, key: Mapping[str, Any]) -> bool:
        """Whether the artifact seems to be finished: checks its manifest, but not its files."""
        path = self.path(kind, key)
        return os.path.lexists(path) and damage(path, (), ()) is None

    def peek(self, kind: str, key: Mapping[str, Any], file: str) -> Path | None:
        """One file of a finished artifact, or None. Checks only this file."""
        path = self.path(kind, key)
        if not os.path.lexists(path):
            return None
        whole = path if damage(path, (file,), (file,)) is None else self.find(kind, key, (file,))
        return whole and whole / file

    def build(self, kind: str, key: Mapping[str, Any], make: Callable[[Path], None], holds: Sequence[str] = ()) -> Path:
        """The artifact of this key; if there is none, `make(directory)` builds it, once over all processes.

        Raises UserError when the disk is full or the store is read-only, and whatever `make` raises.
        """
        try:
            finished = self.find(kind, key, holds)
            if finished is not None:
                return finished
            path = self.path(kind, key)
            with self._lock(path):
                finished = self._settled(path, holds)
                return finished or self._build(kind, key, make, path)
        except OSError as error:
            if error.errno in FULL:
                raise UserError(
                    f"{self.root}: the disk of the store is full ({error.strerror}): free some space, or choose "
                    "another folder with store= (or XTREME_NOISE_STORE)"
                ) from error
            raise

    def _build(self, kind: str, key: Mapping[str, Any], make: Callable[[Path], None], path: Path) -> Path:
        """Make the artifact; the caller holds its lock."""
        self._sweep_leftovers(path)
        work = new_folder(path)
        try:
            make(work)
            write_manifest(work, kind, key)
            follow(work)
            work.replace(path)
            shutil.rmtree(self.unfinished(kind, key), ignore_errors=True)
        except BaseException as error:
            full = isinstance(error, Exception) and for_want_of_room(error, path.parent)
            shutil.rmtree(work, ignore_errors=True)
            if full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            raise
        self._verified.add(path)
        return path

    @contextlib.contextmanager
    def _lock(self, path: Path) -> Iterator[None]:
        """Excludes other processes from building the artifact or setting it aside. Raises UserError when read-only."""
        try:
            lock = file_lock(path.with_name(f"{path.name}.lock"))
            lock.acquire()
        except OSError as error:
            if error.errno in FULL:
                raise
            self._cannot(path, error)
        try:
            yield
        finally:
            lock.release()

    def _cannot(self, path: Path, error: OSError) -> NoReturn:
        state = "is damaged" if os.path.lexists(path) else "is missing"
        raise UserError(
            f"store={self.root} cannot be written ({error.strerror}: {error.filename}), and "
            f"{path.relative_to(self.root)} {state}: run the study where the store can be written, or choose another "
            "folder with store= (or XTREME_NOISE_STORE)"
        ) from error

    def _settled(self, path: Path, holds: Sequence[str]) -> Path | None:
        """The intact artifact, or None, with a damaged one set aside; the caller holds its lock."""
        if not os.path.lexists(path):
            return None
        problem = damage(path, holds)
        if problem is None:
            self._verified.add(path)
            return path
        try:
            aside = self.set_aside(path)
        except OSError as error:
            self._cannot(path, error)
        log.warning("%s is damaged (%s): set aside as %s, building it again", path, problem, aside)
        return None

    def set_aside(self, path: Path, name: str | None = None) -> Path:
        """Move a damaged artifact or file to the folder `damaged`; returns its new path. Raises OSError.

        name: the name of the subfolder, if not that of the path itself.
        """
        folder = make_folder(self.root / "damaged")
        place = make_folder(folder / f"{name or path.name}.{secrets.token_hex(4)}")
        target = path.rename(place / path.name)
        kept = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)
        for old in kept[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def _sweep_leftovers(self, path: Path) -> None:
        """Remove leftovers of a killed build; the caller holds the lock, so no process is writing them."""
        for leftover in path.parent.glob(f".{path.name}.*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)


def for_want_of_room(error: Exception, folder: Path) -> bool:
    """Whether an error came from a full disk, for which libraries have their own error classes."""
    said = any(os.strerror(number) in str(error) for number in FULL)
    return said or shutil.disk_usage(folder).free < _TIGHT


__all__ = [
    "FULL",
    "MANIFEST",
    "Store",
    "canonical",
    "damage",
    "digest",
    "file_digest",
    "for_want_of_room",
    "manifest_key",
    "remove_leftovers",
    "write_atomic",
    "write_bytes",
]
