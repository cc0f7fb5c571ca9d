"""Does the inference hold? Simulated through the product's own bootstrap; docs/statistics.md has the whole table.

rho: the standard deviation of a difference over training seeds, in item standard errors of one run. shared: how much of
the item error is the same in every run (what an arm does to an item) and not that run's alone.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.test_analysis_bootstrap import scores
from xtreme_noise.analysis import over_languages
from xtreme_noise.analysis.bootstrap import Floats, replicates
from xtreme_noise.analysis.maxt import Test as One
from xtreme_noise.analysis.maxt import step_down
from xtreme_noise.analysis.seeds import Estimate, over_seeds

pytestmark = pytest.mark.slow

ITEMS, RESAMPLES, STUDIES = 100, 250, 1_500
TRUTH = 0.3
RHO, SEEDS = (0.5, 1.0, 2.0), (3, 5, 10)


def study(rng: np.random.Generator, rho: float, seeds: int, shared: float) -> tuple[Estimate, Floats]:
    """A study whose true difference is TRUTH, in item standard errors of one run."""
    item = np.sqrt(shared) * rng.normal(size=(ITEMS, 1)) + np.sqrt(1 - shared) * rng.normal(size=(ITEMS, seeds))
    table = TRUTH + rho * rng.normal(size=seeds) + np.sqrt(ITEMS) * item
    drawn = replicates({"en": scores(table)}, RESAMPLES, seed=int(rng.integers(2**31)))["en"].T
    return over_seeds(table.mean(axis=0), drawn, ITEMS), drawn.mean(axis=0)


def coverage(rho: float, seeds: int, shared: float, studies: int = STUDIES) -> float:
    """The share of intervals that hold TRUTH; one minus it is the share of false alarms where TRUTH is 0."""
    rng = np.random.default_rng([round(10 * rho), seeds, round(10 * shared)])
    hits = 0
    for _ in range(studies):
        found, _ = study(rng, rho, seeds, shared)
        assert found.low is not None and found.high is not None
        hits += found.low <= TRUTH <= found.high
    return hits / studies


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("rho", RHO)
def test_intervals_hold(rho: float, seeds: int) -> None:
    assert 0.94 <= coverage(rho, seeds, shared=0.6) <= 0.975


@pytest.mark.parametrize("shared", [0.0, 0.3, 1.0])
def test_three_seeds_whatever_runs_share(shared: float) -> None:
    """Where runs have no item error in common it is counted twice: too wide for a small rho."""
    assert 0.94 <= coverage(2.0, 3, shared) <= 0.97
    assert coverage(0.5, 3, shared) >= 0.94


@pytest.mark.parametrize("seeds", [3, 5])
def test_one_false_alarm_in_twenty_families(seeds: int) -> None:
    """Six tests without any difference, two each on the same items: some adjusted p below .05 in at most .06."""
    rng = np.random.default_rng(seeds)
    alarms = 0
    for _ in range(600):
        tests = []
        for _ in range(3):
            both = [study(rng, 1.0, seeds, shared=0.6) for _ in range(2)]
            for found, drawn in both:
                assert found.value is not None and found.p is not None and found.se and found.item_se
                shifted = (found.value - TRUTH) / found.se
                from scipy import stats

                tests.append(One(float(2 * stats.t.sf(abs(shifted), found.df)), drawn, found.se, found.item_se))
        alarms += min(step_down(tests)) < 0.05
    assert alarms / 600 <= 0.065


def over_other_languages(apart: float, languages: int, seeds: int, studies: int = 500) -> float:
    """The share of hierarchical intervals that hold the mean over all languages, of which `languages` are measured.

    apart: the standard deviation of the effect over languages, in item standard errors of one run in one language; that
    over seeds is one of these. .3 of the item error is the item's, in all languages and runs, .3 its own in a language.
    """
    rng = np.random.default_rng([round(10 * apart), languages, seeds])
    names = [f"{number:02d}" for number in range(languages)]
    hits = 0
    for _ in range(studies):
        item = np.sqrt(0.3) * rng.normal(size=(1, ITEMS, 1)) + np.sqrt(0.3) * rng.normal(size=(languages, ITEMS, 1))
        item = item + np.sqrt(0.4) * rng.normal(size=(languages, ITEMS, seeds))
        table = apart * rng.normal(size=(languages, 1, 1)) + rng.normal(size=seeds) + np.sqrt(ITEMS) * item
        seed = int(rng.integers(2**31))
        parts = replicates({name: scores(own) for name, own in zip(names, table, strict=True)}, RESAMPLES, seed=seed)
        chosen = over_languages.counts(names, RESAMPLES, seed=seed)
        drawn = [over_languages.mean({name: parts[name][:, run] for name in names}, chosen) for run in range(seeds)]
        found = over_languages.over_languages(table.mean(axis=(0, 1)), np.array(drawn), languages)
        assert found.low is not None and found.high is not None
        hits += found.low <= 0 <= found.high
    return hits / studies


@pytest.mark.parametrize("languages", [4, 8, 13])
@pytest.mark.parametrize("apart", [0.0, 1.0, 3.0])
def test_an_interval_over_languages_holds(apart: float, languages: int) -> None:
    """Too wide rather than too narrow, above all where languages hardly differ."""
    assert over_other_languages(apart, languages, 3) >= 0.93
