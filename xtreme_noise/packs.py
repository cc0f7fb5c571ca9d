"""Small artifacts of the store, such as cells, packed into one file: a store of many cells has few files.

An artifact is first a folder of its own (store.py), so that a crash loses nothing that is finished. When the cells of a
language are finished, `Packs.pack` moves their folders into `root/packs/<name>.zip`, uncompressed, with the manifest of
each: it writes the whole file anew beside the old one, renames it, and then removes the folders and their locks.
Readers look for the folder first, so that they find an artifact wherever it is. Every file is compared with its
manifest when it is read; what is damaged in a pack is built again, and replaces the damaged artifact when it is packed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from xtreme_noise.manifest import MANIFEST, damaged_files, digest, not_readable
from xtreme_noise.store import Store
from xtreme_noise.writing import file_lock, hidden, make_folder, remove_leftovers, replacing

log = logging.getLogger(__name__)
Files = Mapping[str, bytes]  # the files of an artifact by name
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every member: the same artifacts are the same bytes
_MODE = 0o100644 << 16  # of what an unzip program extracts
_FORMAT = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class _Open:
    """A pack as it is on the disk: its artifacts, `<kind>/<digest>`, with the names of their files."""

    state: tuple[int, int, int]
    archive: zipfile.ZipFile
    artifacts: dict[str, list[str]]

    @classmethod
    def of(cls, path: Path) -> _Open:
        """Raises _FORMAT for a file that is no pack, and OSError."""
        with _format_errors():
            stream = path.open("rb")
            state = _state(os.fstat(stream.fileno()))  # of this file, even if another one takes its place now
            archive = zipfile.ZipFile(stream)
            artifacts: dict[str, list[str]] = {}
            for name in archive.namelist():
                kind, digest_of_key, file = name.split("/", 2)
                artifacts.setdefault(f"{kind}/{digest_of_key}", []).append(file)
            return cls(state, archive, artifacts)

    def files(self, artifact: str) -> dict[str, bytes]:
        """Those of an artifact that its manifest can be compared with; others are damaged. Raises OSError."""
        found = {}
        for file in self.artifacts.get(artifact, ()):
            with contextlib.suppress(*_FORMAT), _format_errors():
                found[file] = self.archive.read(f"{artifact}/{file}")
        return found


class Packs:
    """The artifacts of a store that may be packed. The argument `pack` is the name of their file, without .zip."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.folder = store.root / "packs"
        self._last: tuple[str, _Open] | None = None
        self._said: set[str] = set()  # damaged artifacts that were logged

    def there(self, kind: str, key: Mapping[str, Any], pack: str) -> bool:
        """Whether the artifact seems to be finished: its files are not checked. Raises OSError."""
        opened = self._open(pack)
        return bool(opened and f"{kind}/{digest(key)}" in opened.artifacts) or self.store.there(kind, key)

    def read(self, kind: str, key: Mapping[str, Any], pack: str, holds: Sequence[str] = ()) -> Files | None:
        """The files of a finished, intact artifact; None if there is none. Raises OSError.

        holds: files that every artifact of this kind must have.
        """
        name = digest(key)
        found = self._packed(kind, name, pack, holds) or self._of_folder(kind, key, holds)
        return found or self._packed(kind, name, pack, holds)  # another process may have packed it meanwhile

    def build(
        self, kind: str, key: Mapping[str, Any], pack: str, make: Callable[[Path], None], holds: Sequence[str] = ()
    ) -> Files:
        """The files of the artifact; if there is none, `make(directory)` builds it, as `Store.build` says."""
        while (found := self.read(kind, key, pack, holds)) is None:
            self.store.build(kind, key, make, holds)
        return found

    def loose(self, kinds: Iterable[str]) -> bool:
        """Whether artifacts of these kinds are folders, in a store that can be written."""
        folders = [self.store.root / kind for kind in kinds]
        return os.access(self.store.root, os.W_OK) and any(
            entry.is_dir() for folder in folders if folder.is_dir() for entry in os.scandir(folder)
        )

    def pack(self, pack: str, artifacts: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Move those of these artifacts (kind, key) that are folders into the pack. Raises OSError."""
        found = {f"{kind}/{digest(key)}": self.store.find(kind, key) for kind, key in artifacts}
        folders = {name: path for name, path in found.items() if path is not None}
        if not folders:
            return
        with self._lock():
            remove_leftovers(self.folder)
            shutil.rmtree(self.folder / ".removed", ignore_errors=True)  # by a process that was killed
            self._rewrite(pack, folders)
        for folder in folders.values():
            self._remove(folder)

    def _rewrite(self, pack: str, folders: Mapping[str, Path]) -> None:
        """Write the pack anew with these artifacts; the caller holds the lock."""
        opened = self._anew(pack)
        every = {*folders, *(opened.artifacts if opened else ())}
        with replacing(self._path(pack)) as stream, zipfile.ZipFile(stream, "w") as archive:
            for artifact in sorted(every):
                files: dict[str, bytes] | None = None
                if artifact in folders:
                    with contextlib.suppress(FileNotFoundError):  # another process has packed it meanwhile
                        files = _files(folders[artifact])
                if files is None:
                    files = opened.files(artifact) if opened else {}
                for file, content in sorted(files.items()):
                    member = zipfile.ZipInfo(f"{artifact}/{file}", _EPOCH)
                    member.external_attr = _MODE
                    archive.writestr(member, content)

    def _remove(self, folder: Path) -> None:
        """Remove a packed artifact: first its name, so that nobody finds a part of it."""
        folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
        make_folder(self.folder / ".removed")
        gone = hidden(self.folder / ".removed" / folder.name)
        with contextlib.suppress(FileNotFoundError):  # another process was first
            folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def _of_folder(self, kind: str, key: Mapping[str, Any], holds: Sequence[str]) -> Files | None:
        path = self.store.find(kind, key, holds)
        if path is None:
            return None
        with contextlib.suppress(FileNotFoundError):
            files = _files(path)
            if files.keys() >= {MANIFEST, *holds}:
                return files
        self.store.doubt(path)  # packed by another process, or damaged since it was checked
        return None

    def _packed(self, kind: str, name: str, pack: str, holds: Sequence[str]) -> Files | None:
        opened, artifact = self._open(pack), f"{kind}/{name}"
        if opened is None or artifact not in opened.artifacts:
            return None
        files = opened.files(artifact)
        problem = damaged_files(files, kind, name, holds)
        if problem is None:
            return files
        if artifact not in self._said:
            self._said.add(artifact)
            log.warning("%s in %s is damaged (%s): building it again", artifact, self._path(pack), problem)
        return None

    def _path(self, pack: str) -> Path:
        return self.folder / f"{pack}.zip"

    def _lock(self) -> FileLock:
        return file_lock(self.folder / ".lock")

    def _open(self, pack: str) -> _Open | None:
        """The pack as it is now; None if there is none. Raises OSError. A file that is no pack is set aside."""
        try:
            last = self._last[1] if self._last is not None and self._last[0] == pack else None
            if last is None or last.state != _state(self._path(pack).stat()):
                last = _Open.of(self._path(pack))
                self._last = pack, last
            return last
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise not_readable(error, self.folder) from error
        except _FORMAT as error:
            if not os.access(self.folder, os.W_OK):
                self._say_damaged(pack, error)
                return None
            with self._lock():
                return self._anew(pack)

    def _anew(self, pack: str) -> _Open | None:
        """`_open`, whatever was read before; the caller holds the lock."""
        self._last = None
        path = self._path(pack)
        try:
            self._last = pack, _Open.of(path)
            return self._last[1]
        except FileNotFoundError:
            return None
        except _FORMAT as error:
            self._say_damaged(pack, error)
            self.store.set_aside(path)
            return None

    def _say_damaged(self, pack: str, error: Exception) -> None:
        if pack not in self._said:
            self._said.add(pack)
            log.warning("%s is damaged (%s): its artifacts are built again", self._path(pack), error)


def keys(path: Path) -> dict[str, Any]:
    """The keys of the artifacts in a pack, by `<kind>/<digest>`. Raises ValueError for a damaged one, and OSError."""
    try:
        opened = _Open.of(path)
        with opened.archive:
            return {
                artifact: json.loads(opened.archive.read(f"{artifact}/{MANIFEST}"))["key"]
                for artifact in opened.artifacts
            }
    except (*_FORMAT, KeyError, TypeError) as error:
        raise ValueError(f"it is damaged ({error})") from error


@contextlib.contextmanager
def _format_errors() -> Iterator[None]:
    """A position before the beginning of a file is damage, not an error of the disk."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EINVAL:
            raise zipfile.BadZipFile(str(error)) from error
        raise


def _state(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _files(path: Path) -> dict[str, bytes]:
    """All files of a folder. Raises FileNotFoundError if it is gone, even if it goes meanwhile."""
    names = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
    files = {name: (path / name).read_bytes() for name in names}
    path.stat()
    return files
