"""The candidates that every query of a ranking task is asked against, and which of them are right."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from datasets import Dataset, concatenate_datasets

from xtreme_noise.data.sources import Reference
from xtreme_noise.errors import DataError
from xtreme_noise.store import Store


@dataclass(frozen=True)
class Pool:
    """candidates: the parts of the pool, in all languages. answers: where the items of one id are the same in several
    languages, the test sets of all of them: what is right for one is right for each (LAReQA: an answer a language).
    """

    candidates: tuple[Reference, ...]
    answers: tuple[Reference, ...]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that can change a ranking or its score. Raises DataMissing: a pool without a part is another task."""
        return {
            "candidates": [part.identity() for part in self.candidates],
            "answers": [test.identity() for test in self.answers],
        }

    def load(self, store: Store) -> Dataset:
        """Every candidate: id, text, context (when it has one). Raises DataError when two have one id."""
        parts = [part.load(store) for part in self.candidates]
        data = concatenate_datasets(parts) if len(parts) > 1 else parts[0]
        if len(set(data["id"][:])) < len(data):
            raise DataError(f"{self.candidates[0].name()}: a candidate's id is used twice over the parts of the pool")
        return data

    def contexts(self, test: Dataset, store: Store) -> list[str] | None:
        """The context of each query's first right candidate; None where candidates have none."""
        known: dict[str, str] = {}
        for part in self.candidates:
            data = part.load(store)
            if "context" not in data.column_names:
                return None
            known |= dict(zip(data["id"][:], data["context"][:], strict=True))
        return [known[ids[0]] for ids in test["relevant"][:]]

    def complete(self, test: Dataset, store: Store) -> Dataset:
        """`test` with the right answers of all languages. Raises DataError for one that is not in the pool."""
        right: dict[str, list[str]] = defaultdict(list)
        for reference in self.answers:
            data = reference.load(store)
            for name, ids in zip(data["id"][:], data["relevant"][:], strict=True):
                right[name] += ids
        names = test["id"][:]
        rows = [list(dict.fromkeys([*own, *right[name]])) for name, own in zip(names, test["relevant"][:], strict=True)]
        there = {name for part in self.candidates for name in part.load(store)["id"][:]}
        for name, ids in zip(names, rows, strict=True):
            if not there.issuperset(ids):
                lost = next(candidate for candidate in ids if candidate not in there)
                raise DataError(f"the right answer {lost!r} of {name!r} is not among the {len(there)} candidates")
        return Dataset.from_dict({**test[:], "relevant": rows}, test.features)
