"""A content-addressed store: one directory for everything that is built once and reused.

An artifact is `root/<kind>/<digest>/`, its digest made of everything that can change it (its key). It is built in
a temporary directory beside it and renamed when complete, under a lock, so that a crash leaves nothing half-written
and several processes that want the same thing build it once. `manifest.json` names every file with its sha256: a
corrupt artifact is found when it is opened, moved out of the way, and built again.

A store that cannot be written serves what is finished in it.
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
KEPT = 20  # damaged things that are kept to be looked at; the oldest go first
_TIGHT = 1 << 16  # bytes: whatever failed with no more than these left failed for want of room


class Store:
    """Finished artifacts under `root`, by kind and digest."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self._verified: set[Path] = set()

    def path(self, kind: str, key: Mapping[str, Any]) -> Path:
        """Where the artifact of this key is or would be."""
        return self.root / kind / digest(key)

    def unfinished(self, kind: str, key: Mapping[str, Any]) -> Path:
        """Where the artifact's builder may leave what a killed build resumes from; removed with the artifact's end."""
        return self.root / "unfinished" / kind / digest(key)

    def find(self, kind: str, key: Mapping[str, Any], holds: Sequence[str] = ()) -> Path | None:
        """The finished, intact artifact of this key, or None. A corrupt one is set aside and None returned.

        holds: files without which it is no artifact of this kind. Raises UserError when a corrupt one has to stay.
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

    def there(self, kind: str, key: Mapping[str, Any]) -> bool:
        """Whether the artifact seems to be finished: its manifest is right, its files are not looked at."""
        path = self.path(kind, key)
        return os.path.lexists(path) and damage(path, (), ()) is None

    def peek(self, kind: str, key: Mapping[str, Any], file: str) -> Path | None:
        """One file of a finished artifact, or None. It alone is checked: of what is not used a look is enough."""
        path = self.path(kind, key)
        if not os.path.lexists(path):
            return None
        whole = path if damage(path, (file,), (file,)) is None else self.find(kind, key, (file,))
        return whole and whole / file

    def build(self, kind: str, key: Mapping[str, Any], make: Callable[[Path], None], holds: Sequence[str] = ()) -> Path:
        """The artifact of this key; when there is none, `make(directory)` fills it. Once, over all processes.

        Raises UserError when the disk is full or the store cannot be written, and whatever `make` raises.
        """
        try:
            found = self.find(kind, key, holds)
            if found is not None:
                return found
            path = self.path(kind, key)
            with self._lock(path):
                found = self._settled(path, holds)
                return found or self._build(kind, key, make, path)
        except OSError as error:
            if error.errno in FULL:
                raise UserError(
                    f"{self.root}: the disk of the store is full ({error.strerror}): nothing can be finished there; "
                    "make room, or choose another folder with store= (or XTREME_NOISE_STORE)"
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
        """Nobody else builds the artifact or sets it aside. Raises UserError where nothing can be written."""
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
        state = "is damaged" if os.path.lexists(path) else "is not there"
        raise UserError(
            f"store={self.root} cannot be written ({error.strerror}: {error.filename}), and "
            f"{path.relative_to(self.root)} {state}: finish the study where the store can be written, or choose "
            "another folder with store= (or XTREME_NOISE_STORE)"
        ) from error

    def _settled(self, path: Path, holds: Sequence[str]) -> Path | None:
        """The intact artifact, or None after a corrupt one was set aside; the caller holds its lock."""
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
        log.warning("%s is damaged (%s): it is set aside as %s and built again", path, problem, aside)
        return None

    def set_aside(self, path: Path, name: str | None = None) -> Path:
        """Move something damaged to `damaged`, where the last KEPT are kept; returns where it is. Raises OSError.

        name: of what it is part of, where its own says little.
        """
        folder = make_folder(self.root / "damaged")
        place = make_folder(folder / f"{name or path.name}.{secrets.token_hex(4)}")
        target = path.rename(place / path.name)
        kept = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime_ns)
        for old in kept[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def _sweep_leftovers(self, path: Path) -> None:
        """Remove what a killed builder left; the caller holds the lock, so nobody is writing it."""
        for leftover in path.parent.glob(f".{path.name}.*"):
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)


def for_want_of_room(error: Exception, folder: Path) -> bool:
    """Whether the disk was full: libraries that write have errors of their own for it."""
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
