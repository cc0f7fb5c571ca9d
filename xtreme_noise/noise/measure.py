"""Measures a noise family on some texts at one level, for mode=noise_table and the benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from xtreme_noise.errors import NotApplicable
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.noise.words import words, words_touched


@dataclass(frozen=True)
class Measured:
    """Means over texts: achieved grapheme error rate, capacity, share of texts with any change, share of words
    touched (of graphemes where spaces do not separate words).
    """

    achieved: float
    capacity: float
    changed: float
    word_change_rate: float


def measure(perturber: Perturber, texts: Sequence[str], level: float, language: str, seed: int = 0) -> Measured:
    """Means over all texts, with the number of a text as its id. Raises NotApplicable if there is nothing to act on."""
    perturber.prepare(texts, level, language)
    noised = [perturber(text, level, str(i), seed=seed, language=language) for i, text in enumerate(texts)]
    capacity = fmean(result.capacity for result in noised)
    if not capacity:
        raise NotApplicable(f"{perturber.family} finds nothing to act on in {len(texts)} texts ({language})")
    spans = [words(text, language) for text in texts]
    touched = sum(len(words_touched(own, result.edits)) for own, result in zip(spans, noised, strict=True))
    return Measured(
        achieved=fmean(result.achieved for result in noised),
        capacity=capacity,
        changed=fmean(bool(result.edits) for result in noised),
        word_change_rate=touched / max(1, sum(map(len, spans))),
    )
