"""The kinds of source: what identifies the content of a split, and its rows in their original form.

A new kind is a class here (or an entry point of the group xtreme_noise.sources) and a line in parts.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise.config import fetched
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import SplitConfig
from xtreme_noise.content import content_digest
from xtreme_noise.data import files
from xtreme_noise.data.bitext import with_gold
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.paired_noise import paired
from xtreme_noise.data.row_fixes import joined, repaired
from xtreme_noise.languages.codes import fill

if TYPE_CHECKING:
    from datasets import Dataset

Rows = Iterable[tuple[str, Mapping[str, Any]]]  # each with where it is, for messages
BESIDE = {"noisy": "the noisy side of", "repair": "which repairs", "join": "which completes", "gold": "the gold of"}


@dataclass(frozen=True)
class Reader(ABC):
    """Reads one split in one language."""

    split: SplitConfig
    part: str  # train | dev | test | paired | pool
    language: str
    labels: tuple[str, ...]
    source: SourceConfig
    name: str  # for messages

    def files(self) -> dict[str, str]:
        """The files below source.root that are read, by role."""
        return {}

    def there(self) -> None:
        """Raise DataMissing or ModelUnavailable unless the data are on this machine. Nothing is read or downloaded."""
        _ = self.revision

    @property
    @abstractmethod
    def revision(self) -> str:
        """The identity of the content. Raises DataMissing, ConfigError or ModelUnavailable."""

    @abstractmethod
    def rows(self, work: Path) -> Rows:
        """The rows of this revision. work: a folder for copies. Raises DataError."""


class FilesReader(Reader):
    """Files below source.root: rows, and what completes, repairs or pairs them."""

    def files(self) -> dict[str, str]:
        """The files by role, in the order of the revision: `rows`, and those of the split's settings.

        Rows are read from exactly these files, so that code that copies or compares them cannot miss one.
        """
        others = {name: getattr(self.split, name) for name in BESIDE}
        paths = {"rows": self.split.path} | {name: other.path for name, other in others.items() if other}
        return {name: fill(path, self.language) for name, path in paths.items()}

    def there(self) -> None:
        """Raise DataMissing for the first file that no folder has."""
        for where in self.files().values():
            name = fill(where, self.language)
            if not any((Path(root) / name).is_file() for root in self.source.roots()):
                raise DataMissing(f"{name}: no such file" if self.source.roots() else files.NO_ROOT)

    @cached_property
    def _located(self) -> dict[str, tuple[Path, str]]:
        """The files by role, each with its sha256. Raises DataMissing, which names the role."""
        located = {}
        for name, where in self.files().items():
            try:
                path = files.locate(where, self.language, self.source.root)
            except DataMissing as error:
                if name == "rows":
                    raise
                raise DataMissing(f"{error} ({BESIDE[name]} {self.split.path})") from error
            located[name] = path, content_digest(path)
        return located

    @property
    def revision(self) -> str:
        """The start of each file's sha256."""
        return "".join(digest[:16] for _, digest in self._located.values())

    def rows(self, work: Path) -> Rows:  # noqa: ARG002
        """The rows of these files, refused if they have changed since the revision was read."""
        split = self.split
        rows: Rows = self._read("rows")
        if split.repair:
            rows = repaired(rows, self._read("repair"), split.repair, self.name)
        if split.join:
            rows = joined(rows, self._read("join"), split.join)
        if split.gold:
            rows = with_gold(rows, self._read("gold"), split.gold, split.columns.get("id", "id"))
        return rows if split.noisy is None else paired(rows, self._read("noisy"), split.noisy.columns)

    def _read(self, role: str) -> Iterator[tuple[str, dict[str, Any]]]:
        return files.rows(*self._located[role])


class HubReader(Reader):
    """A repository of the hub at one commit, or a folder that mode=fetch filled from it."""

    def there(self) -> None:
        """Raise ModelUnavailable or DataMissing unless the hub's cache, or the fetched folder, has the files."""
        from xtreme_noise.data import hub

        hub.check_there(self.split, self.language, self._folder)

    @cached_property
    def revision(self) -> str:
        """The commit."""
        from xtreme_noise.data import hub

        return hub.revision(self.split, self.language, self.source.offline, self._folder)

    def rows(self, work: Path) -> Rows:
        """The rows of this commit, with class numbers replaced by names when the table names its classes as we do."""
        from datasets import ClassLabel

        from xtreme_noise.data import hub

        table: Dataset = hub.load(
            self.split, self.language, self.source.offline, self._folder, commit=self.revision, work=work
        )
        names: dict[str, list[str]] = {}
        for column, feature in table.features.items():
            inner = getattr(feature, "feature", feature)
            # The order of classes may differ, so one name in common is enough: such a table is not read by numbers.
            if isinstance(inner, ClassLabel) and set(inner.names) & set(self.labels):
                names[column] = inner.names
        for number, row in enumerate(table, 1):
            for column, known in names.items():
                row[column] = _by_name(row[column], known)
            yield f"{self.name}, row {number}", row

    @property
    def _folder(self) -> str | None:
        """The folder of mode=fetch for the hub's files: the one that has this repository, else the first."""
        if self.source.kind == "hub":
            return None
        folders = [folder for folder in self.source.roots() if fetched.is_fetched(folder)]
        return fetched.holder(folders, self.split.path, self.split.revision) or next(iter(folders), None)


class EmbeddedReader(Reader):
    """Sentences generated from the grammars of a package."""

    @property
    def revision(self) -> str:
        """The versions of the package and of the code that generates rows from it."""
        from xtreme_noise.data import embedded

        if self.language not in embedded.LANGUAGES:
            raise DataMissing(f"embedded {self.split.path}: no language {self.language!r}")
        return embedded.version()

    def rows(self, work: Path) -> Rows:  # noqa: ARG002
        """The generated rows."""
        from xtreme_noise.data import embedded

        generated = embedded.rows(self.split.path, self.language, self.part)
        return ((f"{self.name}, row {number}", row) for number, row in enumerate(generated, 1))


def _by_name(value: Any, names: Sequence[str]) -> Any:
    """A class number, or a list of them, as names. Other numbers (-1: no label) stay, and are refused later."""
    if isinstance(value, list):
        return [_by_name(one, names) for one in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value
