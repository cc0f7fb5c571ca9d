"""The examples that a stage is trained on: chosen by a hash, the same in every run, and what must not be among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from xtreme_noise.data.sources import Reference, ranked, without_overlap
from xtreme_noise.data.training_noise import Part
from xtreme_noise.errors import DataError
from xtreme_noise.stages.stage import Share, Stage
from xtreme_noise.store import Store, write_atomic

if TYPE_CHECKING:
    from datasets import Dataset

Count = Callable[["Dataset"], int]  # subword tokens of what these examples are as training inputs
PASSED = "passed.txt"
AT_ONCE = 50  # examples that are counted together; the last ones before the limit one by one


def check_overlap(stage: Stage, store: Store) -> None:
    """Raise DataError when a stage that must not share examples with the test set does. Remembered once passed."""
    for part in stage.parts:
        if part.overlap != "refuse":
            continue
        for share in part.shares:
            for train, test in product(share.references, share.held_out):
                _refuse(train, test, part, store)


def _refuse(train: Reference, test: Reference, stage: Stage, store: Store) -> None:
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
    """Read all that a stage needs, long before its turn: files may be changed, and mistakes are found early.

    Raises DataError, also when a language has fewer examples than it must give. Those counted in tokens are not
    counted.
    """
    for part in stage.parts:
        for reference in part.references():
            reference.load(store)
        must = replace(part, shares=tuple(share for share in part.shares if share.exact and not share.tokens_of))
        for share, data, _ in _candidates(must, store):
            share.take(data, part.role, part.seed)


def _candidates(stage: Stage, store: Store) -> Iterator[tuple[Share, Dataset, int]]:
    """Every share with what can be taken for it, and how many were left out as they are in a test set."""
    common: set[str] = set()  # the ids that all languages of parallel data have
    for share in stage.shares:
        data, gone = share.load(store), 0
        if stage.overlap == "drop" and share.held_out:
            tests = [test.load(store) for test in share.held_out]
            data, gone = without_overlap(data, tests, stage.family, "drop", stage.name)
        if share.turn:  # a language may lack some: what is empty in it is left out when it is read
            common = common or set.intersection(*(set(other.load(store)["id"]) for other in stage.shares))
            data = data.select([row for row, name in enumerate(data["id"]) if name in common])
        yield share, data, gone


def training_data(stage: Stage, store: Store, seed: int, count: Count) -> tuple[list[Part], int]:
    """The training examples of a stage, language by language, and how many were left out: they are in a test set.

    Every language gives its share: of `size` examples, or of the tokens (`count`) of as many English examples.
    Raises DataError when a language has fewer than its share, or all languages have fewer in common than are spread.
    """
    parts, left_out = [], 0
    measured: dict[int, int] = {}  # by the share, which all languages have the same
    for share, data, gone in _candidates(stage, store):
        left_out += gone
        if (measure := share.tokens_of) is None:
            chosen = share.take(data, stage.role, seed)
        else:
            if id(measure) not in measured:
                measured[id(measure)] = count(measure.take(measure.load(store), stage.role, seed))
            order = ranked(data, f"train|{seed}", from_end=stage.role == "intermediate")
            limit = measured[id(measure)] * share.part
            chosen = data.select(sorted(within(data, order, limit, count)))
            if not len(chosen):
                raise DataError(
                    f"{share.name()}: a share of {limit:,.0f} tokens, and no example is as short: raise "
                    f"size.train of this intermediate task or the weight of {share.reference.language}"
                )
            if len(chosen) == len(data) and limit - (used := count(data)) >= used / len(data):
                raise DataError(
                    f"{share.name()}: {used:,} tokens, {limit:,.0f} wanted: the arms would not be of one "
                    f"size. Lower size.train of this intermediate task or leave {share.reference.language} out of "
                    "its languages"
                )
        parts.append(Part(share.reference.language, chosen))
    return parts, left_out


def within(data: Dataset, order: list[int], tokens: float, count: Count) -> list[int]:
    """The longest beginning of `order` with at most `tokens` tokens: a larger limit holds a smaller one's examples.

    All of it when the data have fewer.
    """
    at, step = 0, AT_ONCE
    while at < len(order) and step:
        some = count(data.select(order[at : at + step]))
        if some <= tokens:
            tokens -= some
            at += step
        else:
            step = 0 if step == 1 else 1
    return order[:at]
