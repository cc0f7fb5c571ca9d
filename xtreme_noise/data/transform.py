"""Noise as a transform of a data module: a perturber at one level with one seed, for one task family."""

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

Tokenise = Callable[[list[str]], list[list[int]]]  # texts to subword ids, special tokens left out
CALIBRATED_ON = 400  # examples, chosen by a hash of their ids
_STEPS = 12  # of a bisection of [0, 1]: finer than 0.0003


@dataclass(frozen=True)
class NoiseTransform:
    """`transform(dataset, split)` gives the same examples, noisy. Pure: the same bytes for the same arguments.

    by: what `level` is a rate of. grapheme: edits. word: words with any change. token: edits of the subword tokens of
    `tokenise`, per clean token. The last two are reached by a search for the grapheme level that has that rate on
    (up to 400 of) the examples themselves; a rate that level 1 does not reach ends at level 1.
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
    spoken: Mapping[str, str] = dataclasses.field(default_factory=dict)  # column -> its language, where not `language`
    labels: Sequence[str] = ()  # of the tags

    def __call__(self, dataset: Dataset, split: str) -> Perturbed:
        return self._at(dataset, split, self.grapheme_level(dataset, split))

    def grapheme_level(self, dataset: Dataset, split: str) -> float:
        """The level in grapheme errors that has the rate asked for."""
        if self.by == "grapheme" or self.perturber.paired or not self.level:
            return self.level
        sample = subsample(dataset, CALIBRATED_ON, "calibration")
        low, high, beyond = 0.0, 1.0, False
        for _ in range(_STEPS):
            middle = (low + high) / 2
            try:
                weaker = self._rate(sample, split, middle) < self.level
            except NotApplicable:  # more than a family that is calibrated to a level (nlpaug) can do
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
    """Levenshtein distance over subword tokens / clean tokens, over all texts together."""
    total = sum(map(len, clean))
    return sum(map(distance, clean, noisy)) / total if total else 0.0


def texts(dataset: Dataset, columns: Sequence[str]) -> list[Any]:
    """Every text of these columns, column by column; tokens joined by spaces."""
    found: list[str] = []
    for column in columns:
        if column in dataset.column_names:
            found += [" ".join(value) if isinstance(value, list) else value for value in dataset[column][:]]
    return found
