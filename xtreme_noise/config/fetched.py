"""A folder that mode=fetch has filled: data sets of the hub as files, each at one commit, read without a network.

    <folder>/fetched.json                            a list of repositories, commits, files with their sha256
    <folder>/datasets/<owner>/<name>@<commit>/...    the repository's own parquet files and its card
    <folder>/models/<model>/                         checkpoints, each a model.path
    <folder>/<dataset>/<split>.<language>.jsonl.gz   data from files, as under source.root

`source=files source.root=<folder>` reads the repositories in place of the hub's cache: the same rows at the same
commit, hence the same keys and results as with source=hub.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from xtreme_noise import content
from xtreme_noise.config.schema import roots
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.errors import DataError, ModelUnavailable
from xtreme_noise.store import write_atomic

MANIFEST = "fetched.json"
FORMAT = 1


@dataclass
class Entry:
    """One data set: its commit, all its paths at that commit, and the sha256 of the fetched ones."""

    commit: str
    tree: list[str]
    files: dict[str, str] = field(default_factory=dict)


Key = tuple[str, str]  # name and revision ("" is main)


def is_fetched(root: str | Path) -> bool:
    """Whether mode=fetch has filled this folder."""
    return (Path(root) / MANIFEST).is_file()


def serves(root: Any, data: Mapping[str, DataConfig]) -> bool:
    """Whether source.root (or one of its folders) contains the hub version of these data, which is then read there."""
    if "hub" not in data:
        return False
    hub = data["hub"]
    splits = [*hub.train, *hub.dev, hub.test]
    return any(split is not None and holder(root, split.path, split.revision) is not None for split in splits)


def holder(root: Any, name: str, revision: str | None) -> str | None:
    """The folder of source.root that mode=fetch has put a data set into, or None."""
    fetched = [folder for folder in roots(root) if is_fetched(folder)]
    return next((folder for folder in fetched if (name, revision or "") in read(folder)), None)


def read(root: str | Path) -> dict[Key, Entry]:
    """The data sets of a folder; none if it has no list. Raises DataError when the list cannot be read."""
    path = Path(root).absolute() / MANIFEST
    return _read(path, content.stamp(path)) if path.is_file() else {}


@cache
def _read(path: Path, stamp: tuple[int, ...]) -> dict[Key, Entry]:  # noqa: ARG001
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise DataError(f"{path} is of format {found['format']}, this version reads {FORMAT}: fetch again")
        return {
            (one["name"], one["revision"]): Entry(one["commit"], list(one["tree"]), dict(one["files"]))
            for one in found["datasets"]
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: not a list that mode=fetch wrote ({error!r}); delete it and fetch again") from error


def write(root: Path, entries: Mapping[Key, Entry]) -> None:
    """Replace the list of a folder, atomically."""
    datasets: list[dict[str, Any]] = [
        {"name": name, "revision": revision, "commit": entry.commit, "tree": entry.tree, "files": entry.files}
        for (name, revision), entry in sorted(entries.items())
    ]
    found = {"format": FORMAT, "datasets": datasets}
    write_atomic(root / MANIFEST, json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def folder(name: str, commit: str) -> Path:
    """The path of a data set below the folder. Raises DataError for a name that leads out of it."""
    return Path("datasets") / inside(f"{name}@{commit[:12]}")


def inside(path: str) -> Path:
    """`path`, if it stays below the folder that it is relative to. Raises DataError otherwise."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path or not pure.parts:
        raise DataError(f"{path!r} is not a path inside a folder: a repository or file with this name is not fetched")
    return Path(*pure.parts)


@dataclass(frozen=True)
class Fetched:
    """A data set of a fetched folder, with the interface of data.repository.Repository.

    at: the commit that a key requires; None: whichever was fetched.
    """

    root: str
    name: str
    revision: str | None = None
    at: str | None = None

    def commit(self, offline: bool = True) -> str:  # noqa: ARG002
        """The commit that was fetched. Raises ModelUnavailable."""
        return self._entry().commit

    def files(self, offline: bool = True) -> list[str]:  # noqa: ARG002
        """Paths of all files of the repository, fetched or not. Raises ModelUnavailable."""
        return list(self._entry().tree)

    def download(self, offline: bool, patterns: list[str], required: tuple[str, ...] = ()) -> Path:  # noqa: ARG002
        """The directory with the files named in `patterns`, checked. Raises ModelUnavailable or DataError."""
        place = self._place()
        for name, path in self._paths(patterns):
            self._check(name, content.content_digest(path))
        return place

    def copy(self, offline: bool, names: list[str], target: Path) -> None:  # noqa: ARG002
        """Copy files into a directory, checked as they are copied. Raises ModelUnavailable or DataError."""
        for name, path in self._paths(names):
            self._check(name, content.copy(path, target / inside(name)))

    def _place(self) -> Path:
        return Path(self.root).absolute() / folder(self.name, self._entry().commit)

    def _paths(self, names: list[str]) -> Iterator[tuple[str, Path]]:
        for name in names:
            path = self._place() / inside(name)
            if name not in self._entry().files or not path.is_file():
                raise self._unavailable(f"its {name} is not here")
            yield name, path

    def _check(self, name: str, digest: str) -> None:
        if digest != self._entry().files[name]:
            raise content.Unsettled(
                f"{self._place() / name} has other bytes than when it was fetched: {self._remedy()}"
            )

    def _entry(self) -> Entry:
        entry = read(self.root).get((self.name, self.revision or ""))
        if entry is None:
            raise self._unavailable("none of its files is here")
        if self.at not in (None, entry.commit):
            raise content.Unsettled(
                f"{Path(self.root) / MANIFEST} has changed since this run was planned: {self.name} was fetched again, "
                f"at {entry.commit[:12]} instead of {str(self.at)[:12]}; give the same command again"
            )
        return entry

    def _unavailable(self, why: str) -> ModelUnavailable:
        return ModelUnavailable(
            f"The dataset {self.name} (revision {self.revision or 'main'}) is not in the fetched folder {self.root}:"
            f" {why}.\n  {self._remedy()}"
        )

    def _remedy(self) -> str:
        return (
            "Where there is a network, give the same command with mode=fetch source=hub"
            f" fetch.folder={self.root}: it adds what is missing"
        )
