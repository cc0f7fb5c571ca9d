"""The candidate pool of a ranking task, the same for every query, and its right answers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import DataError
from xtreme_noise.store import Store

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class CandidatePool:
    """candidates: the parts of the pool, in all languages. answers: on a parallel test set, the test sets of all
    languages: the right answers in one language are right in every language (LAReQA: one answer per language).
    """

    candidates: tuple[SplitRef, ...]
    answers: tuple[SplitRef, ...]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that can change a ranking or its score. Raises DataMissing when any part is missing."""
        return {
            "candidates": [part.identity() for part in self.candidates],
            "answers": [test.identity() for test in self.answers],
        }

    def load(self, store: Store) -> Dataset:
        """Every candidate: id, text, context (if any). Raises DataError for a duplicate id."""
        from datasets import concatenate_datasets

        parts = [part.load(store) for part in self.candidates]
        data = concatenate_datasets(parts) if len(parts) > 1 else parts[0]
        if len(set(data["id"][:])) < len(data):
            raise DataError(f"{self.candidates[0].name()}: two candidates of the pool have the same id")
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
        """`test` with the right answers of all languages. Raises DataError for an answer that is not in the pool."""
        from datasets import Dataset

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
