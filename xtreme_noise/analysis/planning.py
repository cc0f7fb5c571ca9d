"""What a study of a given size will see, from the variance components of a pilot.

The test is that of analysis/seeds.py: the mean over seeds of a study is normal with the true variance of the design,
and independent of the variance over seeds that the study finds, which is drawn from a chi-square distribution with
seeds - 1 degrees of freedom; the variance over items is known well. Standard error, Satterthwaite's degrees of freedom
and critical value follow from these two as they do in a study. Where only seeds vary this is the noncentral t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.components import Components
from xtreme_noise.analysis.power import ALPHA, estimated_variances, found_with_power, power
from xtreme_noise.analysis.seeds import median_unbiased

POINTS = 50


@dataclass(frozen=True)
class Precision:
    """A test as it is planned. border: (steps,) equally likely critical values of the estimate; deviation: the true
    standard deviation of the estimate; seed_share: the share of its variance that is over seeds, from 0 to 1.
    """

    border: Floats
    deviation: float
    seed_share: float

    def power(self, difference: float) -> float:
        """The probability to find a true difference."""
        return power(difference / self.deviation, self.border / self.deviation) if self.deviation > 0 else 1.0

    def smallest(self) -> float:
        """The true difference that is found with probability POWER."""
        return found_with_power(self.border / self.deviation) * self.deviation if self.deviation > 0 else 0.0


def precision(parts: Components, seeds: int, items: int, languages: int, sources: float = 1.0) -> Precision:
    """The test of a mean over `seeds` (two or more) runs, of `items` items in each of `languages` languages.

    sources: source items for each item, at most 1: below 1 where several items share a paragraph.
    """
    over_items = parts.of_items(seeds, items, languages)
    over_seeds = parts.of_runs(items, languages) / seeds * median_unbiased(seeds - 1) * estimated_variances(seeds - 1)
    variance = over_items + over_seeds
    true = parts.of_mean(seeds, items, languages)
    if true <= 0:
        return Precision(np.zeros(1), 0.0, 0.0)
    free = max(1.0, items * sources - 1)
    df = variance**2 / (over_items**2 / free + over_seeds**2 / (seeds - 1))
    return Precision(_critical(df) * np.sqrt(variance), math.sqrt(true), 1 - over_items / true)


def _critical(df: Floats) -> Floats:
    """The critical values of t, interpolated in 1 / df between POINTS exact ones, which are slow: to 1e-3 from 2 on."""
    from scipy import special  # takes a while to import

    inverse = np.linspace(float(1 / df.max()), float(1 / df.min()), POINTS)
    return np.asarray(np.interp(1 / df, inverse, special.stdtrit(1 / inverse, 1 - ALPHA / 2)))


def as_drop_rate(clean: float, noisy: float, log_odds: float) -> float:
    """The difference of drop rates that a difference of log-odds lost makes, at the scores of the reference.

    clean, noisy: scores of the reference, clean above 0; the other arm has the same clean score, and loses `log_odds`
    more.
    """
    kept = noisy * math.exp(-log_odds)
    return (noisy - kept / (kept + 1 - noisy)) / clean
