"""One way to every split: where it is, what identifies its content, and the split as a memory-mapped Dataset."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise import tasks
from xtreme_noise.config import fetched, reads
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import DataConfig, SplitConfig, names_language
from xtreme_noise.content import Unsettled, content_digest
from xtreme_noise.data import answers, examples, files
from xtreme_noise.data.bitext import with_gold
from xtreme_noise.data.corrections import corrected, cut, joined, repaired
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.pairs import paired
from xtreme_noise.data.parallel import beside, distinct
from xtreme_noise.errors import ConfigError, DataError, ModelUnavailable
from xtreme_noise.languages.codes import fill
from xtreme_noise.store import Store, digest

if TYPE_CHECKING:
    from datasets import Dataset

BESIDE = {"noisy": "the noisy side of", "repair": "which repairs", "join": "which completes", "gold": "the gold of"}
PREPARED_VERSION = 1  # of the normal form; raise it when the same source gives other rows
# Settings of a split that came later: data without them keep their identity.
LATER = ("noisy", "drop", "values", "repair", "make", "join", "cut", "parallel", "gold")

# Digest of an identity, with the content in it, and the folder -> what is wrong with the data.
_unusable: dict[tuple[str, str], DataError] = {}


def source_kind(data: Mapping[str, DataConfig], source: SourceConfig, what: str) -> str:
    """Which kind of source `what` is read from. Raises ConfigError when it has no data of the kind asked for.

    Data that exist in one kind only come from there (slots are embedded whatever the target task is read from);
    `auto` is files when source.root is set, else the hub. A folder that mode=fetch filled stands for the hub.
    """
    kind = reads.kind(data, source)
    if kind not in data:
        raise ConfigError(f"{what} has no data in source={kind}; it has: {', '.join(sorted(data))}")
    return kind


@dataclass(frozen=True)
class Reference:
    """One split in one language: everything needed to find and read it.

    It stands for the content that it had when its revision was first asked for: a reference whose files have changed
    since can be loaded from the store alone.
    """

    kind: str
    split: SplitConfig
    part: str  # train | dev | test | paired | pool
    language: str
    family: str
    labels: tuple[str, ...]
    source: SourceConfig
    labels_file: str | None = None  # where the labels are from, if not from the configuration

    def name(self) -> str:
        """For people: which data this is."""
        path = fill(self.split.path, self.language)
        part = f", cut {self.split.cut[0]:g} to {self.split.cut[1]:g}" if self.split.cut else ""
        return f"{self.kind}:{path}" + (f"[{self.language}]" if self.language not in path else "") + part

    def revision(self) -> str:
        """What identifies the content: a file's sha256, a hub commit, a package version.

        Raises DataMissing, ConfigError or ModelUnavailable.
        """
        return "".join(one._revision for one in self.sides())

    def sides(self) -> list[Reference]:
        """All splits that are read, each in its language: this one, and the translation beside it."""
        return [self, self._translation] if self._translation else [self]

    def files(self) -> list[str]:
        """Every file below source.root that is read of this side; none of the hub's."""
        return [*self._files().values(), *([self.labels_file] if self.labels_file else [])]

    def _files(self) -> dict[str, str]:
        """The rows' files by what they are for, in the order of the revision: `rows`, and settings of the split.

        Rows are read from these and from no others, so that none is forgotten by who copies or compares them.
        """
        if self.kind != "files":
            return {}
        others = {name: getattr(self.split, name) for name in ("noisy", "repair", "join", "gold")}
        found = {"rows": self.split.path} | {name: other.path for name, other in others.items() if other}
        return {name: fill(path, self.language) for name, path in found.items()}

    @cached_property
    def _located(self) -> dict[str, tuple[Path, str]]:
        """The rows' files by what they are for, each with its sha256. Raises DataMissing, which says what for."""
        found = {}
        for name, where in self._files().items():
            try:
                path = files.locate(where, self.language, self.source.root)
            except DataMissing as error:
                if name == "rows":
                    raise
                raise DataMissing(f"{error} ({BESIDE[name]} {self.split.path})") from error
            found[name] = path, content_digest(path)
        return found

    def _read(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        path, digest = self._located[name]
        return files.rows(path, digest)

    @cached_property
    def _translation(self) -> Reference | None:
        """The same split in the language that stands beside this one."""
        if self.split.parallel is None:
            return None
        if self.split.parallel.language == self.language:
            raise ConfigError(f"{self.name()}: a language does not stand beside itself: leave {self.language!r} out")
        return replace(self, language=self.split.parallel.language, split=replace(self.split, parallel=None))

    @cached_property
    def _revision(self) -> str:
        if self.kind == "files":
            return "".join(digest[:16] for _, digest in self._located.values())
        if self.kind == "hub":
            from xtreme_noise.data import hub

            return hub.revision(self.split, self.language, self.source.offline, self._folder())
        from xtreme_noise.data import embedded

        if self.language not in embedded.LANGUAGES:
            raise DataMissing(f"embedded {self.split.path}: no language {self.language!r}")
        return embedded.version()

    def identity(self) -> dict[str, Any]:
        """The key of the prepared data: what can change its rows, and nothing that cannot (no paths of a machine)."""
        split = {name: value for name, value in asdict(self.split).items() if name not in LATER or value}
        if not names_language(self.split) and not tasks.family(self.family).pretraining:
            split["languages"] = None  # what language the rows are in changes none; only texts' keys always said it
        return {
            "prepared": PREPARED_VERSION,
            "kind": self.kind,
            "split": split,
            "part": self.part,
            "language": self.language,
            "family": self.family,
            "labels": list(self.labels),
            "revision": self.revision(),
        }

    def load(self, store: Store) -> Dataset:
        """The split in normal form, memory-mapped from the store; checked row by row the first time it is read.

        Raises DataError. A split of which this process knows that it cannot be used is not read again.
        """
        key = self.identity()
        place = digest(key), str(self.source.root)  # its errors name files
        if (known := _unusable.get(place)) is not None:
            raise known.with_traceback(None)  # or it would grow by a page with every cell
        try:
            path = store.build("data", key, self._write, ("arrow/dataset_info.json", "arrow/state.json"))
        except DataError as error:
            if not isinstance(error, Unsettled):
                _unusable[place] = error
            raise
        from datasets import load_from_disk

        return load_from_disk(str(path / "arrow"))

    def _write(self, directory: Path) -> None:
        try:
            self._prepare(directory)
        except DataError as error:
            if fill(self.split.path, self.language) in str(error):
                raise
            raise type(error)(f"{self.name()}: {error}") from error  # of several rows: nobody there knew the file

    def _prepare(self, directory: Path) -> None:
        from datasets import Dataset, disable_progress_bars

        raw = corrected(self._raw(directory), self.split, self.part, self.name())
        rows = examples.normalise(
            answers.MAKERS[self.split.make](raw, self.language) if self.split.make else raw,
            family=self.family,
            labels=self.labels,
            columns=self.split.columns,
            prefix=self.part,
            what=self.name(),
        )
        if self.split.cut:
            rows = cut(rows, self.split.cut, self.family, self.name())
        if tasks.family(self.family).pretraining:
            rows = distinct(rows, tasks.family(self.family).identity, self.name())
        disable_progress_bars()  # one bar a file says nothing
        Dataset.from_list(rows).save_to_disk(str(directory / "arrow"))

    def _raw(self, work: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
        rows, other = self._rows(work), self._translation
        if other is None or self.split.parallel is None:
            return rows
        return beside(rows, other._rows(work), self.split.columns.get("text", "text"), self.split.parallel.by)

    def _rows(self, work: Path) -> Iterable[tuple[str, Mapping[str, Any]]]:
        if self.kind == "files":
            rows: Iterable[tuple[str, Mapping[str, Any]]] = self._read("rows")
            if self.split.repair:
                rows = repaired(rows, self._read("repair"), self.split.repair, self.name())
            if self.split.join:
                rows = joined(rows, self._read("join"), self.split.join)
            if self.split.gold:
                rows = with_gold(rows, self._read("gold"), self.split.gold, self.split.columns.get("id", "id"))
            if self.split.noisy is None:
                return rows
            return paired(rows, self._read("noisy"), self.split.noisy.columns)
        if self.kind == "hub":
            from xtreme_noise.data import hub

            table = hub.load(
                self.split, self.language, self.source.offline, self._folder(), commit=self._revision, work=work
            )
            return self._named(table)
        from xtreme_noise.data import embedded

        found = embedded.rows(self.split.path, self.language, self.part)
        return ((f"{self.name()}, row {number}", row) for number, row in enumerate(found, 1))

    def _folder(self) -> str | None:
        """Where the hub's files may have been fetched to: of several folders the one that has them, else the first."""
        if self.source.kind == "hub":
            return None
        folders = [folder for folder in self.source.roots() if fetched.is_fetched(folder)]
        return fetched.holder(folders, self.split.path, self.split.revision) or next(iter(folders), None)

    def _named(self, table: Dataset) -> Iterator[tuple[str, dict[str, Any]]]:
        """Rows of a hub table, class numbers as names where the table's names are ours: orders may differ.

        One name in common is enough: a table with a further class must not be read by numbers.
        """
        from datasets import ClassLabel

        names: dict[str, list[str]] = {}
        for column, feature in table.features.items():
            inner = getattr(feature, "feature", feature)
            if isinstance(inner, ClassLabel) and set(inner.names) & set(self.labels):
                names[column] = inner.names
        for number, row in enumerate(table, 1):
            for column, known in names.items():
                row[column] = _by_name(row[column], known)
            yield f"{self.name()}, row {number}", row


def _by_name(value: Any, names: Sequence[str]) -> Any:
    """A class number, or a list of them, as names. A number that is none (-1: no label) stays, and is refused later."""
    if isinstance(value, list):
        return [_by_name(one, names) for one in value]
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else value


def references(
    data: Mapping[str, DataConfig],
    part: str,
    languages: Sequence[str],
    *,
    source: SourceConfig,
    family: str,
    labels: Sequence[str],
    what: str,
    labels_file: str | None = None,
) -> list[Reference]:
    """The splits of one part, in every language asked for; a split that lists its own languages serves only those.

    labels_file: where `labels` were read from, if not from the configuration.
    """
    kind = source_kind(data, source, what)
    config = data[kind]
    one = {"test": config.test, "paired": config.paired, "pool": config.pool}
    splits = {"train": config.train, "dev": config.dev}.get(part) or ([split] if (split := one.get(part)) else [])
    if not splits:
        raise ConfigError(f"{what} has no {part} data in source={kind}")
    found = [
        Reference(
            kind=kind,
            split=split,
            part=part,
            language=language,
            family=family,
            labels=tuple(labels),
            source=source,
            labels_file=labels_file,
        )
        for language in languages
        for split in splits
        if split.languages is None or language in split.languages
    ]
    served = {reference.language for reference in found}
    if lacking := [language for language in languages if language not in served]:
        there = sorted({code for split in splits for code in split.languages or ()})
        asked = ", ".join(map(repr, lacking))
        raise DataMissing(f"{what}: no {part} data in {asked} (source={kind}); there are in: {', '.join(there)}")
    return found


def _rank(salt: str, identifier: str) -> bytes:
    return hashlib.blake2b(f"{salt}|{identifier}".encode(), digest_size=8).digest()


def _whole_cases(dataset: Dataset, size: int, salt: str) -> Dataset:
    """The rows of as many whole cases as `size` rows hold, at least one, chosen by a hash of their names."""
    counts = Counter(dataset["case"])
    chosen: set[str] = set()
    rows = 0
    for case in sorted(counts, key=lambda name: _rank(salt, name)):
        if chosen and rows + counts[case] > size:
            break
        chosen.add(case)
        rows += counts[case]
    return dataset.select([number for number, case in enumerate(dataset["case"]) if case in chosen])


def ranked(dataset: Dataset, salt: str, *, from_end: bool = False) -> list[int]:
    """All rows in an order by a hash of (salt, id): a beginning of it is a random choice, the same in every run."""
    identifiers = dataset["id"][:]  # a lazy column would read the file row by row
    return sorted(range(len(dataset)), key=lambda row: _rank(salt, identifiers[row]), reverse=from_end)


def subsample(dataset: Dataset, size: int | None, salt: str, *, from_end: bool = False) -> Dataset:
    """`size` rows chosen by a hash of their ids, in their original order.

    Nested (a larger size holds the smaller), independent of the other rows, and the same items in every language of
    a parallel set. `size` None keeps all. `from_end` takes the rows that a choice from the start takes last: two
    stages that read the same data see different examples for as long as there are enough. Questions of one `case`
    are chosen together.
    """
    if size is None or size >= len(dataset):
        return dataset
    if "case" in dataset.column_names:
        return _whole_cases(dataset, size, salt)
    return dataset.select(sorted(ranked(dataset, salt, from_end=from_end)[:size]))


def without_overlap(
    train: Dataset, tests: Iterable[Dataset], family: str, policy: str, what: str, tested: str | None = None
) -> tuple[Dataset, int]:
    """Training rows that do not occur in a test set, and how many did.

    tested: the family of the tests, where it is another one that has paragraphs too; None: the same.
    policy `refuse` raises DataError on the first overlap (QA: a shared context), `drop` leaves those rows out.
    """
    tested = tested or family
    held_out = {text for test in tests for row in test for text in examples.shared(row, tested, family)}
    clash = [
        number for number, row in enumerate(train) if not held_out.isdisjoint(examples.shared(row, family, tested))
    ]
    if not clash:
        return train, 0
    if policy == "refuse":
        ids = ", ".join(str(train[number]["id"]) for number in clash[:3])
        raise DataError(
            f"{what}: {len(clash)} of {len(train)} training examples occur in the test set (ids {ids} ...): scores "
            "would be worth nothing. Train on other data, or on a copy without them"
        )
    gone = set(clash)
    return train.select([number for number in range(len(train)) if number not in gone]), len(clash)


__all__ = [
    "DataMissing",
    "ModelUnavailable",
    "Reference",
    "ranked",
    "references",
    "source_kind",
    "subsample",
    "without_overlap",
]
