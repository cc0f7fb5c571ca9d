"""Noise as a transform of a data module: a perturber at one level with one seed, for one task family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datasets import Dataset

from xtreme_noise.noise import Perturber
from xtreme_noise.noise.apply import Perturbed, perturb


@dataclass(frozen=True)
class NoiseTransform:
    """`transform(dataset, split)` gives the same examples, noisy. Pure: the same bytes for the same arguments."""

    perturber: Perturber
    level: float
    seed: int
    task: str
    family: str  # of the task
    field: str
    language: str

    def __call__(self, dataset: Dataset, split: str) -> Perturbed:
        return perturb(
            dataset,
            family=self.family,
            field=self.field,
            perturber=self.perturber,
            level=self.level,
            seed=self.seed,
            language=self.language,
            dataset_name=self.task,
            split=split,
        )


def texts(dataset: Dataset, columns: Sequence[str]) -> list[Any]:
    """Every text of these columns, row by row; tokens joined by spaces."""
    found: list[str] = []
    for column in columns:
        if column in dataset.column_names:
            found += [" ".join(value) if isinstance(value, list) else value for value in dataset[column]]
    return found
