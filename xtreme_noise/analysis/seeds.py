"""What several training runs say: the mean over training seeds, its interval, its test.

An estimate of a system is a mean over training seeds of what each run gives by itself. Its variance has two parts: that
over test items, which the paired bootstrap gives for the mean over the runs at hand, and that over training seeds,
c s^2 / S, where c (1.44 for three seeds, 1.08 for ten) makes the estimate as often too large as too small: s^2 of few
runs is mostly too small, and Satterthwaite's approximation then takes the variance over seeds for unimportant. With w
the share of each part in the variance, his degrees of freedom are 1 / sum(w^2 / df). The item error of a single run is
in both parts, so that intervals are a little wide where seeds hardly differ. Coverage as simulated is in
docs/statistics.md.

With fewer than LEAST_SEEDS runs the second part is not known well enough for a test: the interval is then over test
items alone, conditional on these runs, and there is no p.

Source: F. E. Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 2
(1946).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats, defined, interval

LEAST_SEEDS = 3
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; None where it is not defined or could not be resampled.

    p: two-sided, of the number being 0; None below LEAST_SEEDS. se, df: standard error and degrees of freedom of the
    interval; df is None where it is conditional on these runs. item_se: of the mean, over test items alone; seed_sd: of
    single runs, over training seeds. seeds: how many runs.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    se: float | None = None
    df: float | None = None
    item_se: float | None = None
    seed_sd: float | None = None
    seeds: int = 0

    @property
    def conditional(self) -> bool:
        """Whether the interval says nothing of other training runs."""
        return self.low is not None and self.seeds < LEAST_SEEDS


def over_seeds(values: Floats, drawn: Floats | None, items: int) -> Estimate:
    """The mean over training runs.

    values: (runs,); drawn: (runs, resamples), the same resamples of test items in every run, None where there are none;
    items: how many source items there are to draw from.
    """
    value, seeds = float(np.mean(values)), len(values)
    deviation = float(np.std(values, ddof=1)) if seeds > 1 else None
    if math.isnan(value):
        return Estimate(None, seeds=seeds)
    mean = None if drawn is None else np.mean(drawn, axis=0)
    if mean is None or not defined(mean):
        return Estimate(value, seed_sd=deviation, seeds=seeds)
    item_se = _spread(mean)
    if seeds < LEAST_SEEDS or deviation is None:
        low, high = interval(mean, LEVEL) or (None, None)
        return Estimate(value, low, high, se=item_se, item_se=item_se, seed_sd=deviation, seeds=seeds)
    return combined(values, item_se, items)


def combined(values: Floats, item_se: float, items: int, *, between_runs: bool = True) -> Estimate:
    """The mean over training runs, from the standard error of that mean over items (or other clusters) and the spread
    of the runs.

    values: (runs,); items: how many clusters item_se is over. Without `between_runs`, or with one run, the spread of
    the runs is left out of the interval, which is then conditional on them.
    """
    seeds = len(values)
    deviation = float(np.std(values, ddof=1)) if seeds > 1 else None
    spread = [(deviation**2 / seeds, seeds - 1)] if between_runs and deviation is not None else []
    return _with_t(float(np.mean(values)), item_se=item_se, items=items, between_runs=spread, runs=(deviation, seeds))


def independent(first: Floats, second: Floats, drawn: tuple[Floats, Floats] | None, items: int) -> Estimate:
    """The mean of the runs of one system minus that of another, whose training seeds are not the same: each has its own
    variance over seeds (B. L. Welch, Biometrika 34 (1947)). Below LEAST_SEEDS runs of either, the interval is over test
    items alone.

    first, second: (runs,) each; drawn: their (runs, resamples), the same resamples of test items in both.
    """
    value, seeds = float(np.mean(first) - np.mean(second)), min(len(first), len(second))
    mean = None if drawn is None else np.mean(drawn[0], axis=0) - np.mean(drawn[1], axis=0)
    if math.isnan(value) or mean is None or not defined(mean):
        return Estimate(None if math.isnan(value) else value, seeds=seeds)
    if seeds < LEAST_SEEDS:
        low, high = interval(mean, LEVEL) or (None, None)
        return Estimate(value, low, high, se=_spread(mean), item_se=_spread(mean), seeds=seeds)
    parts = [(float(np.var(runs, ddof=1)) / len(runs), len(runs) - 1) for runs in (first, second)]
    return _with_t(value, item_se=_spread(mean), items=items, between_runs=parts, runs=(None, seeds))


def apart(
    first: Floats, second: Floats, drawn: tuple[Floats, Floats] | None, items: int, least: int = LEAST_SEEDS + 1
) -> Estimate:
    """The mean of some runs minus that of others of one and the same system: an A/A test, whose true difference is 0.

    Both groups have one variance, of which there are (all runs - 2) degrees of freedom; no test below `least` runs.
    """
    runs = len(first) + len(second)
    value = float(np.mean(first) - np.mean(second))
    if math.isnan(value) or runs < least or drawn is None:
        return Estimate(None if math.isnan(value) else value, seeds=runs)
    mean = np.mean(drawn[0], axis=0) - np.mean(drawn[1], axis=0)
    if not defined(mean):
        return Estimate(value, seeds=runs)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in (first, second))
    deviation = math.sqrt(squares / (runs - 2))
    variance = deviation**2 * (1 / len(first) + 1 / len(second))
    return _with_t(
        value, item_se=_spread(mean), items=items, between_runs=[(variance, runs - 2)], runs=(deviation, runs)
    )


def _spread(mean: Floats) -> float:
    known = ~np.isnan(mean)
    if known.all():  # nanstd takes four times as long
        return float(np.std(mean, ddof=1)) if len(mean) > 1 else 0.0
    return float(np.nanstd(mean, ddof=1)) if np.count_nonzero(known) > 1 else 0.0


def median_unbiased(free: int) -> float:
    """The factor for an estimated variance with `free` degrees of freedom: 1 / (median of chi-square / free)."""
    from scipy import special  # takes a while to import, and not every report needs it

    return free / float(special.chdtri(free, 0.5))


def _with_t(
    value: float,
    *,
    item_se: float,
    items: int,
    between_runs: Sequence[tuple[float, int]],
    runs: tuple[float | None, int],
) -> Estimate:
    """between_runs: variances of the value over training seeds, each with its degrees of freedom.

    No interval where nothing varies although there is a difference: that says nothing of its error.
    """
    deviation, seeds = runs
    spread = [(variance * median_unbiased(free), free) for variance, free in between_runs]
    parts = [(item_se**2, max(1, items - 1)), *spread]
    variance = sum(part for part, _ in parts)
    if variance < 1e-24:  # rounding
        low, high, p = (0.0, 0.0, 1.0) if abs(value) < 1e-12 else (None, None, None)
        return Estimate(value, low, high, p, None, None, item_se, deviation, seeds)
    from scipy import special  # takes a while to import, and not every report needs it

    df = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    se = math.sqrt(variance)
    reach = float(special.stdtrit(df, (1 + LEVEL) / 2)) * se
    p = float(2 * special.stdtr(df, -abs(value) / se))
    return Estimate(value, value - reach, value + reach, p, se, df, item_se, deviation, seeds)
