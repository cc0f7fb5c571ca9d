"""Noise as a transform of a data set: one noise family at one level with one seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xtreme_noise import tasks
from xtreme_noise.data.sources import subsample
from xtreme_noise.errors import NotApplicable
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.alignment import distance
from xtreme_noise.noise.apply import Perturbed, perturb

if TYPE_CHECKING:
    from datasets import Dataset

Tokenise = Callable[[list[str]], list[list[int]]]  # texts to subword ids, without special tokens
CALIBRATED_ON = 400  # examples, chosen by a hash of their ids
_STEPS = 12  # of a bisection of [0, 1]: finer than 0.0003


@dataclass(frozen=True)
class NoiseTransform:
    """`transform(dataset, split)` gives the same examples with noise; deterministic in its arguments.

    by: the unit of `level`. grapheme: the grapheme error rate. word: the share of changed words. token: edits of the
    subword tokens of `tokenise`, per clean token. For the last two, a bisection finds the grapheme level with that rate
    on (up to 400 of) the examples; a rate that is out of reach ends at level 1.
    """

    perturber: Perturber
    level: float
    seed: int
    task: str
    family: str  # of the task
    field: str
    language: str
    by: str = "grapheme"
    tokenise: Tokenise | None = None
    spoken: Mapping[str, str] = dataclasses.field(default_factory=dict)  # column -> its language, if not `language`
    labels: Sequence[str] = ()  # of tagging tasks

    def __call__(self, dataset: Dataset, split: str) -> Perturbed:
        return self._at(dataset, split, self.grapheme_level(dataset, split))

    def grapheme_level(self, dataset: Dataset, split: str) -> float:
        """The grapheme error rate that gives the requested rate."""
        if self.by == "grapheme" or self.perturber.paired or not self.level:
            return self.level
        sample = subsample(dataset, CALIBRATED_ON, "calibration")
        low, high, beyond = 0.0, 1.0, False
        for _ in range(_STEPS):
            middle = (low + high) / 2
            try:
                weaker = self._rate(sample, split, middle) < self.level
            except NotApplicable:  # beyond what a family that is calibrated by itself (nlpaug) can reach
                high, beyond = middle, True
                continue
            if weaker:
                low = middle
            else:
                high, beyond = middle, False
        return low if beyond and low else high

    def _rate(self, sample: Dataset, split: str, level: float) -> float:
        noisy = self._at(sample, split, level)
        if self.by == "word":
            return noisy.word_change_rate
        assert self.tokenise is not None
        columns = tasks.family(self.family).noise_fields[self.field].columns
        return token_change_rate(*(self.tokenise(texts(data, columns)) for data in (sample, noisy.dataset)))

    def _at(self, dataset: Dataset, split: str, level: float) -> Perturbed:
        return perturb(
            dataset,
            family=self.family,
            field=self.field,
            perturber=self.perturber,
            level=level,
            seed=self.seed,
            language=self.language,
            dataset_name=self.task,
            split=split,
            spoken=self.spoken,
            labels=self.labels,
        )


def token_change_rate(clean: Sequence[Sequence[int]], noisy: Sequence[Sequence[int]]) -> float:
    """Levenshtein distance over subword tokens, divided by the number of clean tokens, over all texts together."""
    total = sum(map(len, clean))
    return sum(map(distance, clean, noisy)) / total if total else 0.0


def texts(dataset: Dataset, columns: Sequence[str]) -> list[Any]:
    """Every text of these columns, column by column; tokens are joined with spaces."""
    collected: list[str] = []
    for column in columns:
        if column in dataset.column_names:
            collected += [" ".join(value) if isinstance(value, list) else value for value in dataset[column][:]]
    return collected
