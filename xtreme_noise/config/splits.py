"""Where the data of a task are, and what is done to their rows: the configuration keys under `data` and `size`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class NoisySideConfig:
    """The noisy side of a test set in a file of its own: rows of the same ids. columns: our clean column -> theirs."""

    path: str = "???"
    columns: dict[str, str] = field(default_factory=dict)


@dataclass
class RepairConfig:
    """Columns that are wrong in a file and right in another: taken from its row with the same value of `by`."""

    path: str = "???"
    by: str = "???"
    columns: list[str] = field(default_factory=list)


@dataclass
class JoinConfig:
    """Columns that stand in another file: taken from its row with the same value of `by`."""

    path: str = "???"
    by: str = "???"
    columns: list[str] = field(default_factory=list)


@dataclass
class GoldConfig:
    """mining: the file of what is right, a pair of ids a row; the columns of the ids of both sides."""

    path: str = "???"
    query: str = "source_id"
    candidate: str = "target_id"


@dataclass
class ParallelConfig:
    """The same rows in another language, whose text stands beside each as text_pair: translations for masked_lm.

    by: the column by which rows are the same; null: their order.
    """

    language: str = "en"
    by: str | None = None


@dataclass
class SplitConfig:
    """Where one split is, in one kind of source; {language}, {iso639_3}, {language_name} and {flores} are filled in.
    Where languages are pairs: {language}, {first} and {second}.

    files: `path` under source.root (gzip JSON lines or parquet).
    hub: `path` is the repository, `name` its configuration, `split`, `revision`.
    embedded: `path` names a generator of xtreme_noise.data.embedded.
    """

    path: str = "???"
    name: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[str, str] = field(default_factory=dict)  # our column -> theirs
    languages: list[str] | None = None  # where they differ from the task's, or the place names none: [en]
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # our column -> what they write -> what it means
    drop: list[str] = field(default_factory=list)  # texts that stand for a missing one: such rows are dropped, counted
    cut: list[float] | None = None  # [low, high): the share of the examples, by a hash, that is this split's
    repair: RepairConfig | None = None  # files: columns to take from another file
    join: JoinConfig | None = None  # files: columns that only another file has
    gold: GoldConfig | None = None  # files, mining: which of the sentences are translations of which of the other side
    make: str | None = None  # rows made of these: a name in xtreme_noise/data/row_makers.py, such as filled_templates
    parallel: ParallelConfig | None = None  # masked_lm: the translation beside each text
    noisy: NoisySideConfig | None = None  # files: paired noisy inputs; in one file, map noisy_text etc. in `columns`


@dataclass
class CorporaConfig:
    """Two sides to be mined."""

    test: SplitConfig = field(default_factory=SplitConfig)
    pool: SplitConfig = field(default_factory=SplitConfig)


@dataclass
class DataConfig:
    """Splits of one kind of source."""

    train: list[SplitConfig] = field(default_factory=list)
    dev: list[SplitConfig] = field(default_factory=list)
    test: SplitConfig | None = None
    # Candidates. ranking: the files of all of the task's languages are one pool; mining: the other side of a language.
    pool: SplitConfig | None = None
    threshold: CorporaConfig | None = None  # mining: where the threshold is found; null: on the halves of the test set
    paired: SplitConfig | None = None  # a test set with a clean and a noisy side, evaluated in place of `test`


@dataclass
class SizeConfig:
    """Seeded subsamples; null takes everything."""

    train: int | None = None
    dev: int | None = None
    test: int | None = None


def names_language(split: SplitConfig) -> bool:
    """Whether a language is part of where a split is; otherwise the same rows are found in whatever language."""
    return any("{" in part for part in (split.path, split.name or "", split.split or ""))
