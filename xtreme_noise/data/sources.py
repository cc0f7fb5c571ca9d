"""References to splits: where a split is, what identifies its content, and loading it as a memory-mapped Dataset."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise import parts, tasks
from xtreme_noise.config import reads
from xtreme_noise.config.schema import SourceConfig
from xtreme_noise.config.splits import DataConfig, SplitConfig, names_language
from xtreme_noise.content import Unsettled
from xtreme_noise.data import examples, row_makers
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.readers import Reader, Rows
from xtreme_noise.data.row_fixes import corrected, cut
from xtreme_noise.data.translations import beside, distinct
from xtreme_noise.errors import ConfigError, DataError, ModelUnavailable
from xtreme_noise.languages.codes import fill
from xtreme_noise.store import Store, digest

if TYPE_CHECKING:
    from datasets import Dataset

PREPARED_VERSION = 1  # of the normal form; raise it when the same source gives other rows

# (digest of the identity, source.root) -> why the data cannot be used.
_unusable: dict[tuple[str, str], DataError] = {}


def source_kind(data: Mapping[str, DataConfig], source: SourceConfig, what: str) -> str:
    """The kind of source that `what` is read from. Raises ConfigError when it has no data of that kind.

    Data that exist in only one kind are read from there (slots are embedded, whatever the target's source); `auto` is
    files when source.root is set, else the hub. A folder that mode=fetch filled replaces the hub.
    """
    kind = reads.kind(data, source)
    if kind not in data:
        raise ConfigError(f"{what} has no data in source={kind}; it has data in: {', '.join(sorted(data))}")
    return kind


@dataclass(frozen=True)
class SplitRef:
    """One split in one language: everything needed to find and read it.

    Its content is fixed when its revision is first read: if the files change later, it can be loaded only from the
    store.
    """

    kind: str
    split: SplitConfig
    part: str  # train | dev | test | paired | pool
    language: str
    family: str
    labels: tuple[str, ...]
    source: SourceConfig
    labels_file: str | None = None  # the file with the labels, if they are not in the configuration

    def name(self) -> str:
        """A readable name of the data."""
        path = fill(self.split.path, self.language)
        part = f", cut {self.split.cut[0]:g} to {self.split.cut[1]:g}" if self.split.cut else ""
        return f"{self.kind}:{path}" + (f"[{self.language}]" if self.language not in path else "") + part

    def revision(self) -> str:
        """The identity of the content: a file's sha256, a hub commit, a package version.

        Raises DataMissing, ConfigError or ModelUnavailable.
        """
        return "".join(one._reader.revision for one in self.sides())

    def sides(self) -> list[SplitRef]:
        """All splits that are read, each in its language: this one, and its translation if there is one."""
        return [self, self._translation] if self._translation else [self]

    def there(self) -> None:
        """Raise DataMissing or ModelUnavailable unless the data are on this machine. Nothing is read or downloaded."""
        for one in self.sides():
            one._reader.there()

    def files(self) -> list[str]:
        """Every file below source.root that this side reads; files of the hub not included."""
        return [*self._reader.files().values(), *([self.labels_file] if self.labels_file else [])]

    @cached_property
    def _reader(self) -> Reader:
        reader: Reader = parts.SOURCES.get(self.kind)(
            self.split, self.part, self.language, self.labels, self.source, self.name()
        )
        return reader

    @cached_property
    def _translation(self) -> SplitRef | None:
        """The same split in the language of the translations; None without `parallel`."""
        if self.split.parallel is None:
            return None
        if self.split.parallel.language == self.language:
            raise ConfigError(f"{self.name()}: a text cannot be paired with itself: leave {self.language!r} out")
        return replace(self, language=self.split.parallel.language, split=replace(self.split, parallel=None))

    def identity(self) -> dict[str, Any]:
        """The key of the prepared data: everything that can change its rows, and nothing else (no local paths)."""
        return self._identity

    @cached_property
    def _identity(self) -> dict[str, Any]:
        split = asdict(self.split)
        if not names_language(self.split):
            split["languages"] = None  # does not change the rows
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
        """The split in normal form, memory-mapped from the store; checked row by row when it is first read.

        Raises DataError; in the same process, it is raised again without reading the data again.
        """
        key = self.identity()
        data = digest(key), str(self.source.root)  # the root, because errors name files
        if (known := _unusable.get(data)) is not None:
            raise known.with_traceback(None)  # otherwise the traceback would grow with every cell
        try:
            path = store.build("data", key, self._write, ("arrow/dataset_info.json", "arrow/state.json"))
        except DataError as error:
            if not isinstance(error, Unsettled):
                _unusable[data] = error
            raise
        from datasets import load_from_disk

        return load_from_disk(str(path / "arrow"))

    def _write(self, directory: Path) -> None:
        try:
            self._prepare(directory)
        except DataError as error:
            if fill(self.split.path, self.language) in str(error):
                raise
            raise type(error)(f"{self.name()}: {error}") from error  # the checks of whole splits do not know the file

    def _prepare(self, directory: Path) -> None:
        from datasets import Dataset, disable_progress_bars

        rows = self._normal(self._made(directory))
        if self.split.cut:
            rows = cut(rows, self.split.cut, self.family, self.name())
        if tasks.family(self.family).pretraining:
            rows = distinct(rows, tasks.family(self.family).identity, self.name())
        disable_progress_bars()
        Dataset.from_list(rows).save_to_disk(str(directory / "arrow"))

    def first(self, count: int | None) -> tuple[list[examples.Row], list[str]]:
        """The first `count` rows in normal form (None: all), and what is wrong, once for each kind. Nothing is stored.

        Raises DataError, DataMissing or ModelUnavailable when the rows cannot be read.
        """
        with tempfile.TemporaryDirectory() as work:
            raw = list(islice(self._made(Path(work)), count))
        try:
            return self._normal(raw), []
        except DataError as error:
            whole = str(error)
        rows: list[examples.Row] = []
        wrong: dict[str, list[str]] = {}  # without its place -> every message
        for where, row in raw:
            try:
                rows += self._normal([(where, row)])
            except DataError as error:
                wrong.setdefault(str(error).replace(where, ""), []).append(str(error))
        said = [
            all_[0] + (f" (and {len(all_) - 1} more such rows)" if len(all_) > 1 else "") for all_ in wrong.values()
        ]
        return rows, said or [whole]

    def _made(self, work: Path) -> Rows:
        """The rows that are checked: corrected, or made from those of the source."""
        raw = corrected(self._raw(work), self.split, self.part, self.name())
        return row_makers.MAKERS[self.split.make](raw, self.language) if self.split.make else raw

    def _normal(self, raw: Rows) -> list[examples.Row]:
        return examples.normalise(
            raw,
            family=self.family,
            labels=self.labels,
            columns=self.split.columns,
            prefix=self.part,
            what=self.name(),
        )

    def _raw(self, work: Path) -> Rows:
        rows, other = self._reader.rows(work), self._translation
        if other is None or self.split.parallel is None:
            return rows
        return beside(rows, other._reader.rows(work), self.split.columns.get("text", "text"), self.split.parallel.by)


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
) -> list[SplitRef]:
    """The splits of one part in all `languages`; a split that lists its languages has only those.

    labels_file: where `labels` were read from, if not from the configuration. Raises DataMissing for a language that no
    split has.
    """
    kind = source_kind(data, source, what)
    config = data[kind]
    one = {"test": config.test, "paired": config.paired, "pool": config.pool}
    splits = {"train": config.train, "dev": config.dev}.get(part) or ([split] if (split := one.get(part)) else [])
    if not splits:
        raise ConfigError(f"{what} has no {part} data in source={kind}")
    refs = [
        SplitRef(
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
    served = {reference.language for reference in refs}
    if lacking := [language for language in languages if language not in served]:
        existing = sorted({code for split in splits for code in split.languages or ()})
        asked = ", ".join(map(repr, lacking))
        raise DataMissing(f"{what}: no {part} data in {asked} (source={kind}), only in: {', '.join(existing)}")
    return refs


def _rank(salt: str, identifier: str) -> bytes:
    return hashlib.blake2b(f"{salt}|{identifier}".encode(), digest_size=8).digest()


def _whole_cases(dataset: Dataset, size: int, salt: str) -> Dataset:
    """The rows of whole cases, chosen by a hash of their names: as many as fit in `size` rows, but at least one."""
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
    """Row numbers in the order of a hash of (salt, id): a prefix is a random sample, the same in every run."""
    identifiers = dataset["id"][:]  # [:] reads the column at once
    return sorted(range(len(dataset)), key=lambda row: _rank(salt, identifiers[row]), reverse=from_end)


def subsample(dataset: Dataset, size: int | None, salt: str, *, from_end: bool = False) -> Dataset:
    """`size` rows chosen by a hash of their ids, in their original order.

    Nested (a larger sample includes a smaller one), independent of the other rows, and the same items in every language
    of a parallel set. `size` None keeps all rows. `from_end` chooses from the other end of the order, so that two
    stages on the same data see different examples as long as there are enough. Questions of one `case` are chosen
    together.
    """
    if size is None or size >= len(dataset):
        return dataset
    if "case" in dataset.column_names:
        return _whole_cases(dataset, size, salt)
    return dataset.select(sorted(ranked(dataset, salt, from_end=from_end)[:size]))


def without_overlap(
    train: Dataset, tests: Iterable[Dataset], family: str, policy: str, what: str, tested: str | None = None
) -> tuple[Dataset, int]:
    """The training rows that do not overlap with a test set (QA: share a context), and how many do.

    tested: the family of the test sets, if it is another one with paragraphs; None: `family`.
    policy: `refuse` raises DataError for any overlap, `drop` leaves those rows out.
    """
    tested = tested or family
    test_texts = {text for test in tests for row in test for text in examples.shared(row, tested, family)}
    clash = [
        number for number, row in enumerate(train) if not test_texts.isdisjoint(examples.shared(row, family, tested))
    ]
    if not clash:
        return train, 0
    if policy == "refuse":
        ids = ", ".join(str(train[number]["id"]) for number in clash[:3])
        raise DataError(
            f"{what}: {len(clash)} of {len(train)} training examples occur in the test set (ids {ids} ...), so its "
            "scores would be worthless: train on other data, or on a copy without these examples"
        )
    gone = set(clash)
    return train.select([number for number in range(len(train)) if number not in gone]), len(clash)


__all__ = [
    "DataMissing",
    "ModelUnavailable",
    "SplitRef",
    "ranked",
    "references",
    "source_kind",
    "subsample",
    "without_overlap",
]
