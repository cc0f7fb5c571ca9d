"""Noise on a data set in normal form, with adjusted labels: one handler per task family and field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from xtreme_noise import tasks
from xtreme_noise.errors import ConfigError, DataError, NotApplicable, suggest
from xtreme_noise.noise.edits import NoisedText, between, carry
from xtreme_noise.noise.foreign import restored
from xtreme_noise.noise.perturber import NoisedTokens, Perturber
from xtreme_noise.noise.words import words, words_touched
from xtreme_noise.tasks.cloze import GAP

if TYPE_CHECKING:
    from datasets import Dataset

SAMPLES = 5
_TOGETHER = 256  # examples read from a data set at once
CERTAIN = 50  # with at least this many expected changes, no change at all cannot be chance
OUTSIDE = "O"  # the tag of tokens that belong to no entity
NOISY = "noisy_"  # noisy_text is the noisy side of the column text, in a test set that has one
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Perturbed:
    """dataset: same columns, ids and order; achieved, capacity: means over examples; changed: share of
    examples with any change; word_change_rate: touched words / words (see words.py); samples: up to 5
    changed fields as dict(id, field, clean, noisy, edits), edits as lists [start, end, noisy_start,
    noisy_end, clean, noisy].
    """

    dataset: Dataset
    achieved: float
    capacity: float
    changed: float
    word_change_rate: float
    samples: list[dict[str, Any]]


class Part(NamedTuple):
    """One field of one example with noise; spans: the words of its clean text."""

    field: str
    clean: str
    noised: NoisedText
    spans: list[tuple[int, int]]


class Call(NamedTuple):
    """The arguments that are the same for a whole data set. spoken: column -> language, for columns that are not in
    `language`; labels: of a tagging task, in the order of their numbers.
    """

    perturber: Perturber
    level: float
    seed: int
    language: str
    prefix: str
    spoken: Mapping[str, str]
    labels: Sequence[str]

    def of(self, column: str) -> str:
        """The language of a column."""
        return self.spoken.get(column, self.language)

    def text(self, row: Row, column: str, protect: Sequence[tuple[int, int]] = ()) -> NoisedText:
        if self.perturber.paired:
            return between(row[column], row[NOISY + column])
        return self.perturber(
            row[column],
            self.level,
            f"{self.prefix}|{row['id']}|{column}",
            seed=self.seed,
            language=self.of(column),
            protect=protect,
        )

    def tokens(self, row: Row, protect: Sequence[tuple[int, int]] = ()) -> NoisedTokens:
        if self.perturber.paired:
            whole = between(" ".join(row["tokens"]), " ".join(row[NOISY + "tokens"]))
            return NoisedTokens(row[NOISY + "tokens"], *whole[1:])
        return self.perturber.tokens(
            row["tokens"],
            self.level,
            f"{self.prefix}|{row['id']}|tokens",
            seed=self.seed,
            language=self.of("tokens"),
            protect=protect,
        )


Handler = Callable[[Call, Row], tuple[dict[str, Any], list[Part]]]


def _plain(*columns: str) -> Handler:
    def handle(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
        parts = [
            Part(column, row[column], call.text(row, column), words(row[column], call.of(column))) for column in columns
        ]
        return {part.field: part.noised.text for part in parts}, parts

    return handle


def _choices(*columns: str) -> Handler:
    """Plain text columns and `choices`, each choice being a text of its own."""

    def handle(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
        new, parts = _plain(*columns)(call, row)
        texts = {f"choices {number}": choice for number, choice in enumerate(row["choices"])}
        if call.perturber.paired:
            texts |= {f"{NOISY}{name}": other for name, other in zip(texts, row[NOISY + "choices"], strict=True)}
        some, others = _plain(*[name for name in texts if not name.startswith(NOISY)])(call, {"id": row["id"]} | texts)
        return new | {"choices": list(some.values())}, parts + others

    return handle


def _tokens(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    return _tagged(call, row, protected=False)


def _tokens_protected(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    """Noise that leaves entities byte-identical: tokens whose tag is not O."""
    return _tagged(call, row, protected=True)


def _tagged(call: Call, row: Row, protected: bool) -> tuple[dict[str, Any], list[Part]]:
    spans, at = [], 0
    for token in row["tokens"]:
        spans.append((at, at + len(token)))
        at += len(token) + 1
    outside = call.labels.index(OUTSIDE) if protected else None
    noised = call.tokens(
        row, [span for span, tag in zip(spans, row["tags"], strict=True) if tag != outside] if protected else ()
    )
    if len(noised.tokens) != len(row["tokens"]) or not all(noised.tokens):
        raise DataError(f"example {row['id']}: noise changed the number of tokens")
    text = NoisedText(" ".join(noised.tokens), noised.edits, noised.achieved, noised.capacity)
    return {"tokens": noised.tokens}, [Part("tokens", " ".join(row["tokens"]), text, spans)]


def _context(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    """Gold answers become the noisy form of the clean ones. An answer that noise would delete is protected."""
    spans = _answers(row)
    noised = call.text(row, "context")
    kept: list[tuple[int, int]] = []
    # Protecting a span changes which places are drawn, so that another answer may be deleted then.
    while lost := [span for span in spans if _width(carry(span, noised.edits)) == 0]:
        if call.perturber.paired:
            raise DataError(f"example {row['id']}: an answer does not occur in the noisy side of its context")
        kept += lost
        noised = call.text(row, "context", kept)
    return _carried(call, row, spans, noised)


def _context_protected(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    spans = _answers(row)
    return _carried(call, row, spans, call.text(row, "context", spans))


def _carried(
    call: Call, row: Row, spans: Sequence[tuple[int, int]], noised: NoisedText
) -> tuple[dict[str, Any], list[Part]]:
    moved = [carry(span, noised.edits) for span in spans]
    answers = {
        "text": [noised.text[start:end] for start, end in moved],
        "answer_start": [start for start, _ in moved],
    }
    part = Part("context", row["context"], noised, words(row["context"], call.of("context")))
    return {"context": noised.text, "answers": answers}, [part]


def _prompt(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    """Noise that leaves the gap of a prompt."""
    return _around(call, row, [_gap(row)])


def _prompt_subject(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    """Noise in the subject of a prompt only."""
    ends = [0, *(end for span in _subject(row) for end in span), len(row["prompt"])]
    return _around(call, row, list(zip(ends[::2], ends[1::2], strict=True)))


def _prompt_template(call: Call, row: Row) -> tuple[dict[str, Any], list[Part]]:
    """Noise that leaves the gap and the subject of a prompt."""
    return _around(call, row, sorted([_gap(row), *_subject(row)]))


def _around(call: Call, row: Row, protect: Sequence[tuple[int, int]]) -> tuple[dict[str, Any], list[Part]]:
    noised = call.text(row, "prompt", protect)
    if noised.text.count(GAP) != 1:
        raise DataError(f"example {row['id']}: noise changed the gap {GAP} of its prompt")
    return {"prompt": noised.text}, [Part("prompt", row["prompt"], noised, words(row["prompt"], call.of("prompt")))]


def _gap(row: Row) -> tuple[int, int]:
    start = row["prompt"].index(GAP)
    return start, start + len(GAP)


def _subject(row: Row) -> list[tuple[int, int]]:
    """Every place of the subject, which has no part of the gap."""
    if row.get("subject") is None:
        raise DataError(f"example {row['id']} has no column 'subject', which this noise field needs")
    return [found.span() for found in re.finditer(re.escape(row["subject"]), row["prompt"])]


def _answers(row: Row) -> list[tuple[int, int]]:
    spans = []
    for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
        if not text or row["context"][start : start + len(text)] != text:
            raise DataError(f"example {row['id']}: the answer {text!r} is not at character {start} of its context")
        spans.append((start, start + len(text)))
    return spans


def _width(span: tuple[int, int]) -> int:
    return span[1] - span[0]


@dataclass(frozen=True)
class Field:
    """columns: those that get noise; handler: adds it to a row."""

    columns: tuple[str, ...]
    handler: Handler


# By the name in NoiseField.how (tasks/base.py).
HANDLERS: dict[str, Callable[[tuple[str, ...]], Handler]] = {
    "texts": lambda columns: _plain(*columns),
    "tokens": lambda _: _tokens,
    "tokens_protected": lambda _: _tokens_protected,
    "context": lambda _: _context,
    "context_protected": lambda _: _context_protected,
    "prompt": lambda _: _prompt,
    "prompt_subject": lambda _: _prompt_subject,
    "prompt_template": lambda _: _prompt_template,
    "choices": lambda columns: _choices(*(column for column in columns if column != "choices")),
}


def perturb(
    dataset: Dataset,
    *,
    family: str,
    field: str,
    perturber: Perturber,
    level: float,
    seed: int,
    language: str,
    dataset_name: str,
    split: str,
    spoken: Mapping[str, str] | None = None,
    labels: Sequence[str] = (),
) -> Perturbed:
    """Add noise to `field` in every example of a data set of the task family `family`.

    spoken: column -> language, for columns that are not in `language` (for a language pair, all columns); labels: the
    tags, for "tokens_protected". Families that need calibration are calibrated on the texts of the field.

    Raises ConfigError for a field that the family does not have, NotApplicable when the noise family can act on nothing
    in the whole set (or would change the number of tokens under token labels), DataError for a row that is not in
    normal form.
    """
    chosen = _field(family, field, perturber)
    if field == "tokens_protected" and (OUTSIDE not in labels or perturber.paired):
        raise ConfigError(f"{dataset_name}: there are no entities to protect from {perturber.family} noise")
    if not len(dataset):
        raise DataError(f"{dataset_name} {language} {split}: no examples to perturb")
    _check_columns(dataset, chosen.columns, perturber, dataset_name, field)
    call = Call(
        perturber=perturber,
        level=level,
        seed=seed,
        language=language,
        prefix=f"{dataset_name}|{language}|{split}",
        spoken=spoken or {},
        labels=labels,
    )
    for code in dict.fromkeys(map(call.of, chosen.columns)):
        perturber.check(level, code)
        perturber.prepare(_texts(dataset, [c for c in chosen.columns if call.of(c) == code]), level, code)
    columns, account = dict[str, list[Any]](), _Account()
    with restored():  # once, for families that draw from the global generators
        for row in _rows(dataset):
            new, parts = chosen.handler(call, row)
            account.add(row["id"], parts)
            for column, value in new.items():
                columns.setdefault(column, []).append(value)
    _check_effect(account, perturber, level, f"{dataset_name} ({language}, {field})")
    return account.perturbed(_with_columns(dataset, columns) if account.changed else dataset)


@dataclass
class _Account:
    """Running sums over the examples, so that the noisy texts need not be kept."""

    examples: int = 0
    achieved: float = 0.0
    capacity: float = 0.0
    changed: int = 0
    touched: int = 0
    words: int = 0
    characters: int = 0
    samples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, identity: str, parts: Sequence[Part]) -> None:
        self.examples += 1
        self.achieved += fmean(part.noised.achieved for part in parts)
        self.capacity += fmean(part.noised.capacity for part in parts)
        self.changed += any(part.noised.edits for part in parts)
        for part in parts:
            self.words += len(part.spans)
            self.characters += len(part.clean)
            if part.noised.edits:
                self.touched += len(words_touched(part.spans, part.noised.edits))
                if len(self.samples) < SAMPLES:
                    self.samples.append(_sample(identity, part))

    def perturbed(self, dataset: Dataset) -> Perturbed:
        """The noisy data set, with the means over its examples."""
        return Perturbed(
            dataset=dataset,
            achieved=self.achieved / self.examples,
            capacity=self.capacity / self.examples,
            changed=self.changed / self.examples,
            word_change_rate=self.touched / self.words if self.words else 0.0,
            samples=self.samples,
        )


def _check_columns(
    dataset: Dataset, columns: Sequence[str], perturber: Perturber, dataset_name: str, field: str
) -> None:
    for column in columns:
        if column not in dataset.column_names:
            raise ConfigError(f"{dataset_name} has no column {column!r}, which the noise field {field!r} needs")
        if perturber.paired and NOISY + column not in dataset.column_names:
            raise ConfigError(
                f"{dataset_name} has no noisy side of {column!r}: {perturber.family} noise needs a task with a paired "
                "test set, such as task=attested/xnli"
            )


def _check_effect(account: _Account, perturber: Perturber, level: float, where: str) -> None:
    """Raise NotApplicable where the noise can act on nothing, or did not although it should have."""
    if not account.capacity:
        raise NotApplicable(f"noise family {perturber.family!r} has nothing to act on in {where}")
    if not account.changed and level * account.characters >= CERTAIN:
        raise NotApplicable(
            f"noise family {perturber.family!r} changed nothing in {where} at level {level:g}, although "
            f"its capacity there is {account.capacity / account.examples:.1%}"
        )


def _sample(identity: str, part: Part) -> dict[str, Any]:
    return {
        "id": identity,
        "field": part.field,
        "clean": part.clean,
        "noisy": part.noised.text,
        "edits": [list(edit) for edit in part.noised.edits],
    }


def _field(family: str, field: str, perturber: Perturber) -> Field:
    fields = tasks.family(family).noise_fields
    if field not in fields:
        raise ConfigError(f"{family} tasks have no noise field {field!r}{suggest(field, fields, 'fields')}")
    if perturber.paired and field == "context_protected":
        raise ConfigError(f"{perturber.family} noise cannot protect answers: set noise.field=context")
    if family == "tagging" and not perturber.keeps_tokens:
        raise NotApplicable(
            f"noise family {perturber.family!r} may change the number of tokens, which token labels forbid"
        )
    return Field(fields[field].columns, HANDLERS[fields[field].how](fields[field].columns))


def _rows(dataset: Dataset) -> Iterator[Row]:
    """The examples, read in blocks: one by one, reading a data set would be slower than the noise."""
    for some in dataset.iter(_TOGETHER):
        yield from (dict(zip(some, values, strict=True)) for values in zip(*some.values(), strict=True))


def _texts(dataset: Dataset, columns: Sequence[str]) -> list[str]:
    values = [value for name in columns for value in dataset[name][:]]
    return [value if isinstance(value, str) else " ".join(value) for value in values]


def _with_columns(dataset: Dataset, columns: Mapping[str, list[Any]]) -> Dataset:
    import pyarrow as pa
    from datasets import Dataset, DatasetInfo

    whole = {name: columns[name] if name in columns else dataset[name][:] for name in dataset.column_names}
    table = pa.Table.from_pydict(whole, schema=dataset.features.arrow_schema)
    # Its fingerprint would take twice as long as all of this, and nothing that is in memory is cached by it.
    return Dataset(table, DatasetInfo(features=dataset.features), fingerprint="noise")
