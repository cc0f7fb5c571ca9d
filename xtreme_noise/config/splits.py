"""The configuration keys under `data` and `size`: where the data of a task are, and how their rows are changed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class NoisySideConfig:
    """The noisy side of a test set in a separate file: rows with the same ids. columns: our clean column -> theirs."""

    path: str = "???"
    columns: dict[str, str] = field(default_factory=dict)


@dataclass
class RepairConfig:
    """Columns that are wrong in this file and right in another, whose row with the same value of `by` replaces them."""

    path: str = "???"
    by: str = "???"
    columns: list[str] = field(default_factory=list)


@dataclass
class JoinConfig:
    """Columns from another file, taken from the row with the same value of `by`."""

    path: str = "???"
    by: str = "???"
    columns: list[str] = field(default_factory=list)


@dataclass
class GoldConfig:
    """mining: the file of gold pairs, one pair of ids a row, and the columns with the ids of both sides."""

    path: str = "???"
    query: str = "source_id"
    candidate: str = "target_id"


@dataclass
class ParallelConfig:
    """The same rows in another language, added to each row as text_pair: translations for masked_lm.

    by: the column that matches rows; null: by their order.
    """

    language: str = "en"
    by: str | None = None


@dataclass
class SplitConfig:
    """The place of one split in one kind of source; {language}, {iso639_3}, {language_name} and {flores} are filled in.
    For pairs of languages: {language}, {first} and {second}.

    files: `path` under source.root (gzip JSON lines or parquet).
    hub: `path` is the repository, `name` its configuration, `split`, `revision`.
    embedded: `path` names a generator of xtreme_noise.data.embedded.
    """

    path: str = "???"
    name: str | None = None
    split: str | None = None
    revision: str | None = None
    columns: dict[str, str] = field(default_factory=dict)  # our column -> theirs
    languages: list[str] | None = None  # if they differ from the task's, or the place names no language: [en]
    values: dict[str, dict[str, str]] = field(default_factory=dict)  # our column -> what they write -> what it means
    drop: list[str] = field(default_factory=list)  # texts that mean "missing": their rows are dropped and counted
    cut: list[float] | None = None  # [low, high): this split's share of the examples, by a hash
    repair: RepairConfig | None = None  # files: columns to take from another file
    join: JoinConfig | None = None  # files: columns that only another file has
    gold: GoldConfig | None = None  # files, mining: which sentences are translations of which ones on the other side
    make: str | None = (
        None  # how rows are made from these: a name in xtreme_noise/data/row_makers.py, such as filled_templates
    )
    parallel: ParallelConfig | None = None  # masked_lm: the translation beside each text
    noisy: NoisySideConfig | None = (
        None  # files: paired noisy inputs; if in the same file, map noisy_text etc. in `columns`
    )


@dataclass
class CorporaConfig:
    """The two sides of bitext mining."""

    test: SplitConfig = field(default_factory=SplitConfig)
    pool: SplitConfig = field(default_factory=SplitConfig)


@dataclass
class DataConfig:
    """Splits of one kind of source."""

    train: list[SplitConfig] = field(default_factory=list)
    dev: list[SplitConfig] = field(default_factory=list)
    test: SplitConfig | None = None
    # Candidates. ranking: one pool from the files of all languages of the task; mining: the other side of a language.
    pool: SplitConfig | None = None
    threshold: CorporaConfig | None = None  # mining: data that tune the threshold; null: the halves of the test set
    paired: SplitConfig | None = None  # a test set with a clean and a noisy side, evaluated in place of `test`


@dataclass
class SizeConfig:
    """Seeded subsamples; null takes everything."""

    train: int | None = None
    dev: int | None = None
    test: int | None = None


def names_language(split: SplitConfig) -> bool:
    """Whether the place of a split depends on the language; if not, its rows are the same for every language."""
    return any("{" in part for part in (split.path, split.name or "", split.split or ""))
