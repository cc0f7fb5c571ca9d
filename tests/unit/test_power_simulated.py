"""Do planned studies find what mode=power says? Studies drawn from variance components, through the product's own
bootstrap and its inference over seeds; docs/statistics.md has the table.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from xtreme_noise.analysis.bootstrap import Floats, LanguageScores, replicates
from xtreme_noise.analysis.components import Components, components
from xtreme_noise.analysis.planning import precision
from xtreme_noise.analysis.seeds import over_seeds

RESAMPLES = 250
# Over seeds mostly, over items mostly, over both.
SEEDS = Components(0.6, 0.0, 4.0, 6.0, 2.0, 3.0)
ITEMS = Components(0.02, 0.02, 20.0, 40.0, 10.0, 20.0)
BOTH = Components(0.1, 0.2, 10.0, 20.0, 5.0, 20.0)


def tables(rng: np.random.Generator, parts: Components, size: tuple[int, int, int], truth: float) -> Floats:
    """(items, languages, seeds): the difference of two arms on every item."""
    seeds, items, languages = size

    def drawn(variance: float, *shape: int) -> Floats:
        return math.sqrt(variance) * rng.normal(size=shape)

    of_runs = drawn(parts.seeds, 1, 1, seeds) + drawn(parts.seeds_by_language, 1, languages, seeds)
    shared = drawn(parts.items, items, 1, 1) + drawn(parts.items_by_language, items, languages, 1)
    own = drawn(parts.items_by_run, items, 1, seeds) + drawn(parts.items_by_run_and_language, items, languages, seeds)
    return truth + of_runs + shared + own


def resampled(table: Floats, seed: int, resamples: int = RESAMPLES) -> Floats:
    """(seeds, languages, resamples) of a parallel test set."""
    items, languages, _ = table.shape
    names = [f"{i:04d}" for i in range(items)]
    ones = np.ones_like(table[:, 0])
    every = {str(code): LanguageScores(names, table[:, code], ones) for code in range(languages)}
    drawn = replicates(every, resamples, seed=seed)
    return np.stack([drawn[str(code)].T for code in range(languages)], axis=1)


def found(parts: Components, size: tuple[int, int, int], truth: float, studies: int) -> float:
    """The share of studies with p below .05."""
    rng = np.random.default_rng([*size, round(1000 * truth)])
    significant = 0
    for _ in range(studies):
        table = tables(rng, parts, size, truth)
        drawn = resampled(table, int(rng.integers(2**31))).mean(axis=1)
        estimate = over_seeds(table.mean(axis=(0, 1)), drawn, size[1])
        assert estimate.p is not None
        significant += estimate.p < 0.05
    return significant / studies


def agrees(parts: Components, size: tuple[int, int, int], studies: int) -> None:
    """At the smallest difference, and at half of it: within three Monte Carlo errors and the 250 resamples' own."""
    seeds, items, languages = size
    planned = precision(parts, seeds, items, languages)
    for share in (1.0, 0.5):
        wanted = planned.power(share * planned.smallest())
        error = 3 * math.sqrt(wanted * (1 - wanted) / studies)
        assert found(parts, size, share * planned.smallest(), studies) == pytest.approx(wanted, abs=error + 0.005)


def test_three_seeds_find_what_was_planned() -> None:
    agrees(SEEDS, (3, 40, 2), studies=300)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(3, 60, 1), (3, 60, 4), (5, 60, 4), (10, 100, 2)], ids=str)
@pytest.mark.parametrize("parts", [SEEDS, ITEMS, BOTH], ids=["seeds", "items", "both"])
def test_studies_find_what_was_planned(parts: Components, size: tuple[int, int, int]) -> None:
    agrees(parts, size, studies=2_000)


def test_a_pilot_gives_its_components_back() -> None:
    """A mean over pilots of 4 seeds: every component is found, none is taken for another. (Near 0, an estimate that is
    cut off at 0 is too large.)
    """
    rng = np.random.default_rng(5)
    truth = Components(1.0, 0.3, 10.0, 20.0, 5.0, 20.0)
    size = (4, 60, 3)
    several = []
    for _ in range(150):
        table = tables(rng, truth, size, 0.0)
        several.append(components(table.mean(axis=0).T, resampled(table, int(rng.integers(2**31)), 100), size[1]))
    for name in Components.__dataclass_fields__:
        mean = np.mean([getattr(one, name) for one in several])
        assert mean == pytest.approx(getattr(truth, name), rel=0.2), name
