"""Small artifacts of the store, such as cells, packed into one file: a store of many cells has few files.

An artifact is first a folder of its own (store.py), so that a crash loses nothing that is finished. When the cells of a
language are finished, `Packs.pack` moves their folders into `root/packs/<name>.zip`, uncompressed, with the manifest of
each: it writes the whole file anew beside the old one, renames it, and then removes the folders and their locks.
Readers look for the folder first, so that they find an artifact wherever it is. Every file is compared with its
manifest when it is read; what is damaged in a pack is built again, and replaces the damaged artifact when it is packed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtreme_noise.manifest import MANIFEST, damaged_files, digest, not_readable
from xtreme_noise.store import Store
from xtreme_noise.writing import file_lock, hidden, remove_leftovers, replacing

log = logging.getLogger(__name__)
Files = Mapping[str, bytes]  # the files of an artifact by name
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of every member: the same artifacts are the same bytes
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, ValueError, EOFError, NotImplementedError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True)
class _Open:
    """A pack as it is on the disk: its artifacts, `<kind>/<digest>`, with the names of their files."""

    state: tuple[Path, int, int, int]
    archive: zipfile.ZipFile
    artifacts: dict[str, list[str]]

    @classmethod
    def of(cls, state: tuple[Path, int, int, int]) -> _Open:
        archive = zipfile.ZipFile(state[0])
        artifacts: dict[str, list[str]] = {}
        for name in archive.namelist():
            kind, digest_of_key, file = name.split("/", 2)
            artifacts.setdefault(f"{kind}/{digest_of_key}", []).append(file)
        return cls(state, archive, artifacts)

    def files(self, artifact: str) -> dict[str, bytes]:
        """Those of an artifact that can be read."""
        found = {}
        for file in self.artifacts.get(artifact, ()):
            with contextlib.suppress(*_DAMAGE):  # the manifest says that it is missing
                found[file] = self.archive.read(f"{artifact}/{file}")
        return found


class Packs:
    """The artifacts of a store that may be packed. The argument `pack` is the name of their file, without .zip."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.folder = store.root / "packs"
        self._last: _Open | None = None

    def there(self, kind: str, key: Mapping[str, Any], pack: str) -> bool:
        """Whether the artifact seems to be finished: its files are not checked."""
        opened = self._open(pack)
        return self.store.there(kind, key) or bool(opened and f"{kind}/{digest(key)}" in opened.artifacts)

    def read(self, kind: str, key: Mapping[str, Any], pack: str, holds: Sequence[str] = ()) -> Files | None:
        """The files of a finished, intact artifact; None if there is none.

        holds: files that every artifact of this kind must have.
        """
        path = self.store.find(kind, key, holds)
        if path is not None:
            with contextlib.suppress(FileNotFoundError):  # another process has packed it meanwhile
                return _of_folder(path)
        return self._packed(kind, digest(key), pack, holds)

    def build(
        self, kind: str, key: Mapping[str, Any], pack: str, make: Callable[[Path], None], holds: Sequence[str] = ()
    ) -> Files:
        """The files of the artifact; if there is none, `make(directory)` builds it, as `Store.build` says."""
        while (found := self.read(kind, key, pack, holds)) is None:
            self.store.build(kind, key, make, holds)
        return found

    def pack(self, pack: str, artifacts: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Move those of these artifacts (kind, key) that are folders into the pack. Raises OSError."""
        found = {f"{kind}/{digest(key)}": self.store.find(kind, key) for kind, key in artifacts}
        folders = {name: path for name, path in found.items() if path is not None}
        if not folders:
            return
        with file_lock(self.folder / ".lock"):
            remove_leftovers(self.folder)
            self._rewrite(pack, folders)
        for folder in folders.values():
            _remove(folder)

    def _rewrite(self, pack: str, folders: Mapping[str, Path]) -> None:
        """Write the pack anew with these artifacts; the caller holds the lock."""
        new: dict[str, dict[str, bytes]] = {}
        for artifact, folder in folders.items():
            with contextlib.suppress(FileNotFoundError):  # another process has packed it meanwhile
                new[artifact] = _of_folder(folder)
        opened = self._open(pack)
        every = {*new, *(opened.artifacts if opened else ())}
        with replacing(self._path(pack)) as stream, zipfile.ZipFile(stream, "w") as archive:
            for artifact in sorted(every):
                files = new.get(artifact) or (opened.files(artifact) if opened else {})
                for file, content in sorted(files.items()):
                    archive.writestr(zipfile.ZipInfo(f"{artifact}/{file}", _EPOCH), content)

    def _packed(self, kind: str, name: str, pack: str, holds: Sequence[str]) -> Files | None:
        opened, artifact = self._open(pack), f"{kind}/{name}"
        if opened is None or artifact not in opened.artifacts:
            return None
        files = opened.files(artifact)
        problem = damaged_files(files, kind, name, holds)
        if problem is None:
            return files
        log.warning("%s in %s is damaged (%s): building it again", artifact, self._path(pack), problem)
        return None

    def _path(self, pack: str) -> Path:
        return self.folder / f"{pack}.zip"

    def _open(self, pack: str) -> _Open | None:
        """The pack as it is now; None if there is none. A file that is no pack is set aside."""
        path = self._path(pack)
        try:
            facts = path.stat()
            state = (path, facts.st_ino, facts.st_size, facts.st_mtime_ns)
            if self._last is None or self._last.state != state:
                self._last = _Open.of(state)
            return self._last
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise not_readable(error, self.folder) from error
        except _DAMAGE as error:
            log.warning("%s is damaged (%s): its artifacts are built again", path, error)
            if os.access(self.folder, os.W_OK):
                self.store.set_aside(path)
            return None


def _of_folder(path: Path) -> dict[str, bytes]:
    """All files of an artifact. Raises FileNotFoundError if it is gone, even if it goes meanwhile."""
    names = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
    files = {name: (path / name).read_bytes() for name in names}
    (path / MANIFEST).stat()
    return files


def _remove(folder: Path) -> None:
    """Remove a packed artifact: first its name, so that nobody finds a part of it."""
    gone = hidden(folder)
    with contextlib.suppress(FileNotFoundError):  # another process was first
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)
