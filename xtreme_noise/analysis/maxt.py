"""Step-down maxT: several tests of one family, adjusted for what they have in common.

Every test has a p of its own (t, with its own degrees of freedom), which is turned into the normal deviate z of the
same p. Their joint distribution without any difference is drawn: the part of each error that is over test items from
the shared resamples, so that tests on the same items go together as they do; the part that is over training seeds
independently, as a few seeds cannot tell how tests go together, and independence is the safe side (Z. Sidak,
Rectangular confidence regions for the means of multivariate normal distributions, JASA 62 (1967)).

Source: P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing (1993), algorithm 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats


@dataclass(frozen=True)
class Test:
    """p: unadjusted, in [0, 1]. drawn: (resamples,) replicates of the estimate. se: of it; item_se: over items."""

    p: float
    drawn: Floats
    se: float
    item_se: float


def step_down(tests: Sequence[Test], *, seed: int = 0) -> list[float]:
    """Adjusted p values in the order given; never below the unadjusted ones. Deterministic in its arguments.

    Raises ValueError for tests whose resamples are not equally many.
    """
    if len({len(test.drawn) for test in tests}) > 1:
        raise ValueError("tests of one family need equally many resamples")
    if not tests:
        return []
    from scipy import special  # takes a while to import, and not every report needs it

    generator = np.random.default_rng([seed, len(tests)])
    drawn = np.stack([_deviates(test, generator) for test in tests])
    observed = np.array([-special.ndtri(test.p / 2) for test in tests])
    adjusted = [0.0] * len(tests)
    running = 0.0
    order = np.argsort(-observed, kind="stable")
    for index, largest in zip(order, _largest_of_rest(drawn[order]), strict=True):
        share = (int((largest >= observed[index]).sum()) + 1) / (len(largest) + 1)
        running = max(running, share, tests[index].p)
        adjusted[index] = running
    return adjusted


def _largest_of_rest(drawn: Floats) -> Floats:
    """The largest deviate of each test and those after it, in every resample."""
    return np.asarray(np.maximum.accumulate(drawn[::-1], axis=0)[::-1])


def _deviates(test: Test, generator: np.random.Generator) -> Floats:
    """|z| of one test in every resample, without a difference."""
    over_seeds = generator.standard_normal(len(test.drawn))
    if test.se <= 0:
        return np.abs(over_seeds)
    spread = np.nanstd(test.drawn)
    items = np.nan_to_num((test.drawn - np.nanmean(test.drawn)) / (spread if spread > 0 else 1.0))
    share = min(1.0, (test.item_se / test.se) ** 2)
    return np.asarray(np.abs(np.sqrt(share) * items + np.sqrt(1 - share) * over_seeds))
