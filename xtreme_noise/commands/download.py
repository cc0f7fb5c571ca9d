"""Downloads for machines without a network: one repository or folder of files, whole and checked."""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from xtreme_noise.config import fetched
from xtreme_noise.config.fetched import Entry, Key, inside
from xtreme_noise.data.repository import Repository
from xtreme_noise.errors import DataError
from xtreme_noise.models import fetched as checkpoints
from xtreme_noise.store import file_digest
from xtreme_noise.writing import follow, make_folder


@dataclass(kw_only=True)
class Download(ABC):
    """Something to fetch. `files`: name -> size in bytes; `target`: path below the folder."""

    what: str
    target: Path
    files: dict[str, int] = field(default_factory=dict)

    @abstractmethod
    def bring(self, root: Path, offline: bool) -> None:
        """Put the missing files below `root`. Raises UserError or OSError."""

    def there(self, root: Path) -> int:
        """Bytes that seem to be there already: those of files with the right size."""
        paths = {name: root / self.target / inside(name) for name in self.files}
        return sum(n for name, n in self.files.items() if paths[name].is_file() and paths[name].stat().st_size == n)


@dataclass(kw_only=True)
class Files(Download):
    """Files below source.root, copied under the same names."""

    root: Path

    def bring(self, root: Path, offline: bool) -> None:  # noqa: ARG002
        for name in self.files:
            target = root / self.target / inside(name)
            if not target.is_file() or file_digest(target) != file_digest(self.root / name):
                _copy(self.root / name, root, self.target / inside(name))


@dataclass(kw_only=True)
class DataSet(Download):
    """Files of a data set of the hub; `tree`: all paths of the repository, `key`: its path and revision in the task."""

    repository: Repository
    tree: list[str]
    key: Key

    def bring(self, root: Path, offline: bool) -> None:
        entry = fetched.read(root).get(self.key) or Entry(self.repository.commit(offline), self.tree)
        place = root / self.target
        rest = [n for n in self.files if n not in entry.files or not _whole(place / n, entry.files[n])]
        if rest:
            snapshot = self.repository.download(offline, rest, tuple(rest))
            digests = {name: _copy(snapshot / name, root, self.target / inside(name)) for name in rest}
            entry = Entry(entry.commit, entry.tree, entry.files | digests)
        fetched.write(root, fetched.read(root) | {self.key: entry})


@dataclass(kw_only=True)
class Checkpoint(Download):
    """A model of the hub, stored as a directory for model.path."""

    repository: Repository

    def bring(self, root: Path, offline: bool) -> None:
        place = root / self.target
        here = checkpoints.origin(place)
        if here and here.files.keys() == self.files.keys() and all(_whole(place / n, d) for n, d in here.files.items()):
            return
        snapshot = self.repository.download(offline, list(self.files), tuple(self.files))
        digests = {name: _copy(snapshot / name, root, self.target / inside(name)) for name in self.files}
        checkpoints.write(place, checkpoints.Origin(self.repository.name, self.repository.commit(offline), digests))


def _whole(path: Path, digest: str) -> bool:
    return path.is_file() and file_digest(path) == digest


def _copy(source: Path, root: Path, name: Path) -> str:
    """Copy a file, never as a link, to `name` below `root`; returns its sha256. Raises DataError or OSError."""
    target = root / name
    make_folder(target.parent)
    if not target.parent.resolve().is_relative_to(root.resolve()):
        raise DataError(f"{target.parent} leads out of {root} by a link: remove the link")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    state = hashlib.sha256()
    try:
        with source.open("rb") as stream, temporary.open("wb") as copy:
            while block := stream.read(1 << 20):
                state.update(block)
                copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        follow(temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return state.hexdigest()
