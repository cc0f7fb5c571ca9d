"""The training examples of a stage: chosen by a hash, so the same in every run, and checked against test sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from xtreme_noise.data.sources import DataMissing, SplitRef, ranked, subsample, without_overlap
from xtreme_noise.data.training_noise import LanguageExamples
from xtreme_noise.errors import DataError, ModelUnavailable
from xtreme_noise.stages.stage import LanguageSample, Stage
from xtreme_noise.store import Store, write_atomic

if TYPE_CHECKING:
    from datasets import Dataset

Count = Callable[["Dataset"], int]  # subword tokens of examples as training inputs
PASSED = "passed.txt"
AT_ONCE = 50  # examples counted together; the last before the limit are counted one by one


def check_overlap(stage: Stage, store: Store) -> None:
    """Raise DataError when a stage with overlap=refuse shares examples with a test set. The store remembers passes."""
    for part in stage.parts:
        if part.overlap != "refuse":
            continue
        for sample in part.samples:
            for train, test in product(sample.references, sample.test_sets):
                _refuse(train, test, part, store)


def _refuse(train: SplitRef, test: SplitRef, stage: Stage, store: Store) -> None:
    def passed(directory: Path) -> None:
        what = f"{stage.name}, {train.name()}"
        without_overlap(
            train=train.load(store),
            tests=[test.load(store)],
            family=stage.family,
            policy="refuse",
            what=what,
            tested=test.family,
        )
        write_atomic(directory / PASSED, "no training example occurs in the test set\n")

    key = {"train": train.identity(), "test": test.identity(), "family": stage.family}
    store.build("overlap", key, passed, (PASSED,))


def prepare(stage: Stage, store: Store) -> None:
    """Read all data of a stage before any training: errors show early, and later changes to the files do no harm.

    Raises DataError, also when a language has too few examples. Samples measured in tokens are not checked for size.
    """
    for part in stage.parts:
        for reference in part.references():
            reference.load(store)
        dev_sets(part, store)
        must = replace(part, samples=tuple(sample for sample in part.samples if sample.exact and not sample.tokens_of))
        for sample, data, _ in _candidates(must, store):
            sample.take(data, part.role, part.seed)


def dev_sets(stage: Stage, store: Store) -> dict[str, Dataset | None]:
    """The dev set of each further language of an intermediate stage, sampled like the English one; None: there is none.

    Raises DataError.
    """
    places = {one.language: one for one in stage.dev_sets}
    found: dict[str, Dataset | None] = {}
    for sample in stage.samples:
        language = sample.reference.language
        if language == stage.dev.language:
            continue
        try:
            place = places.get(language)
            found[language] = None if place is None else subsample(place.load(store), stage.dev_size, "dev")
        except (DataMissing, ModelUnavailable):  # not needed for training: the record says that there is none
            found[language] = None
    return found


def _candidates(stage: Stage, store: Store) -> Iterator[tuple[LanguageSample, Dataset, int]]:
    """Every sample with the examples to choose from, and how many were dropped because they occur in a test set."""
    common: set[str] = set()  # ids that all languages of parallel data have
    for sample in stage.samples:
        data, gone = sample.load(store), 0
        if stage.overlap == "drop" and sample.test_sets:
            tests = [test.load(store) for test in sample.test_sets]
            data, gone = without_overlap(data, tests, stage.family, "drop", stage.name)
        if sample.interleave:  # a language may lack items: empty ones are dropped when it is read
            common = common or set.intersection(*(set(other.load(store)["id"]) for other in stage.samples))
            data = data.select([row for row, name in enumerate(data["id"]) if name in common])
        yield sample, data, gone


def training_data(stage: Stage, store: Store, seed: int, count: Count) -> tuple[list[LanguageExamples], int]:
    """The training examples of a stage by language, and how many were dropped because they occur in a test set.

    A language contributes `size` examples, or its share of the tokens (`count`) of as many English examples.
    Raises DataError when a language has too few, or when too few items exist in all interleaved languages.
    """
    parts, left_out = [], 0
    measured: dict[int, int] = {}  # tokens of a `tokens_of` sample, by id(): all languages share the object
    for sample, data, gone in _candidates(stage, store):
        left_out += gone
        if (measure := sample.tokens_of) is None:
            chosen = sample.take(data, stage.role, seed)
        else:
            if id(measure) not in measured:
                measured[id(measure)] = count(measure.take(measure.load(store), stage.role, seed))
            order = ranked(data, f"train|{seed}", from_end=stage.role == "intermediate")
            limit = measured[id(measure)] * sample.part
            chosen = data.select(sorted(within(data, order, limit, count)))
            if not len(chosen):
                raise DataError(
                    f"{sample.name()}: no example is as short as its share of {limit:,.0f} tokens: raise "
                    f"size.train of this intermediate task or the weight of {sample.reference.language}"
                )
            if len(chosen) == len(data) and limit - (used := count(data)) >= used / len(data):
                raise DataError(
                    f"{sample.name()}: only {used:,} of {limit:,.0f} tokens, so the arms would differ in size: lower "
                    f"size.train of this intermediate task or leave {sample.reference.language} out of its languages"
                )
        parts.append(LanguageExamples(sample.reference.language, chosen))
    return parts, left_out


def within(data: Dataset, order: list[int], tokens: float, count: Count) -> list[int]:
    """The longest prefix of `order` with at most `tokens` tokens, so that a larger limit includes a smaller one."""
    at, step = 0, AT_ONCE
    while at < len(order) and step:
        some = count(data.select(order[at : at + step]))
        if some <= tokens:
            tokens -= some
            at += step
        else:
            step = 0 if step == 1 else 1
    return order[:at]
