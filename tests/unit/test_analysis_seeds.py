"""Means over training seeds: interval, test, A/A, adjustment of several tests, smallest difference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xtreme_noise.analysis import power
from xtreme_noise.analysis.maxt import Test as One
from xtreme_noise.analysis.maxt import step_down
from xtreme_noise.analysis.seeds import Estimate, apart, over_seeds

RNG = np.random.default_rng(3)


def number(value: float | None) -> float:
    assert value is not None
    return value


def test_three_runs_by_hand() -> None:
    """Item variance .01 over 101 items, seeds 1, 2, 3: V = .01 + c/3, df = V^2 / (.01^2 / 100 + (c/3)^2 / 2).

    c: the median of chi-square with 2 degrees of freedom is 2 ln 2, so 1 / ln 2.
    """
    normal = RNG.normal(size=9_999)
    normal = (normal - normal.mean()) / normal.std(ddof=1) * 0.1
    values = np.array([1.0, 2.0, 3.0])
    found = over_seeds(values, values[:, None] + normal[None, :], items=101)
    over = 1 / math.log(2) / 3
    variance = 0.01 + over
    df = variance**2 / (0.01**2 / 100 + over**2 / 2)
    assert found.value == pytest.approx(2.0) and found.df == pytest.approx(df) and 2 < df < 2.2
    assert found.se == pytest.approx(math.sqrt(variance)) and found.item_se == pytest.approx(0.1)
    assert found.seed_sd == pytest.approx(1.0) and found.seeds == 3 and not found.conditional
    from scipy import stats

    assert number(found.high) - 2 == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt(variance))
    assert 2 - number(found.low) == pytest.approx(number(found.high) - 2)
    assert number(found.p) == pytest.approx(2 * stats.t.sf(2 / math.sqrt(variance), df))


@pytest.mark.parametrize("seeds", [1, 2])
def test_below_three_runs_there_is_no_test(seeds: int) -> None:
    drawn = RNG.normal(5.0, 1.0, size=(seeds, 999))
    found = over_seeds(np.full(seeds, 5.0), drawn, items=50)
    assert (found.p, found.df, found.conditional) == (None, None, True)
    assert found.low == pytest.approx(np.quantile(drawn.mean(axis=0), 0.025))


def test_without_resamples_there_is_no_interval() -> None:
    found = over_seeds(np.array([0.1, 0.2, 0.3]), None, items=50)
    assert (found.low, found.p, found.conditional, found.seeds) == (None, None, False, 3)
    drawn = np.full((3, 99), np.nan)
    assert over_seeds(np.array([0.1, 0.2, 0.3]), drawn, items=50).low is None
    assert over_seeds(np.array([0.1, np.nan, 0.3]), drawn, items=50) == Estimate(None, seeds=3)


def test_what_never_varies() -> None:
    """Equal cells are equal for sure; a difference that nothing moves has no known error."""
    assert over_seeds(np.zeros(3), np.zeros((3, 99)), items=9) == Estimate(0.0, 0.0, 0.0, 1.0, None, None, 0.0, 0.0, 3)
    odd = over_seeds(np.ones(3), np.ones((3, 99)), items=1)
    assert (odd.low, odd.p) == (None, None)


def test_one_system_against_itself() -> None:
    first, second = np.array([1.0, 3.0]), np.array([2.0, 4.0])
    drawn = (first[:, None] + np.zeros((2, 99)), second[:, None] + np.zeros((2, 99)))
    found = apart(first, second, drawn, items=50)
    # pooled variance (2 + 2) / 2 = 2, times 1/2 + 1/2, over ln 2
    assert found.value == -1 and found.se == pytest.approx(math.sqrt(2 / math.log(2))) and found.df == pytest.approx(2)
    assert apart(first, second[:1], (drawn[0], drawn[1][:1]), items=50).p is None, (
        "three seeds are too few for two groups"
    )


def test_false_alarms_of_one_system_against_itself() -> None:
    """Seeds that differ as much as in practice: the A/A test is significant in one of twenty, not in two of three."""
    alarms = 0
    for _ in range(600):
        values = RNG.normal(0.0, 2.0, size=4)
        drawn = values[:, None] + RNG.normal(size=(4, 99))
        found = apart(values[::2], values[1::2], (drawn[::2], drawn[1::2]), items=100)
        alarms += number(found.p) < 0.05
    assert alarms / 600 < 0.07


def family(correlated: float, p: list[float], share: float = 1.0) -> list[One]:
    common = RNG.normal(size=9_999)
    own = RNG.normal(size=(len(p), 9_999))
    drawn = math.sqrt(correlated) * common + math.sqrt(1 - correlated) * own
    return [One(value, one, 1.0, math.sqrt(share)) for value, one in zip(p, drawn, strict=True)]


def test_independent_tests_are_adjusted_as_sidak_does() -> None:
    found = step_down(family(0.0, [0.01, 0.04, 0.5, 0.005]))
    sidak = [1 - 0.99**3, 1 - 0.96**2, 0.5, 1 - 0.995**4]  # step-down
    assert found == pytest.approx([max(sidak[0], sidak[3]), sidak[1], 0.5, sidak[3]], abs=0.01)
    assert step_down([]) == [] and step_down(family(0.0, [0.03])) == pytest.approx([0.03], abs=0.006)


def test_what_tests_have_in_common_costs_nothing() -> None:
    """Tests on the same items that move together are one test; through seeds they are taken as independent."""
    p = [0.02, 0.021, 0.022]
    assert step_down(family(1.0, p)) == pytest.approx(p, abs=0.006)
    assert step_down(family(1.0, p, share=0.0))[0] == pytest.approx(1 - 0.98**3, abs=0.006)


def test_adjusted_values_are_ordered_and_resolved() -> None:
    p = RNG.uniform(size=30).tolist()
    found = step_down(family(0.5, p))
    assert all(a >= b for a, b in zip(found, p, strict=True))
    assert [a for _, a in sorted(zip(p, found, strict=True))] == sorted(found)
    assert step_down(family(0.5, [1e-12] * 50))[0] < 0.001, "fifty tests can be significant"
    with pytest.raises(ValueError, match="equally many"):
        step_down([*family(0.0, [0.5]), One(0.5, np.zeros(3), 1.0, 1.0)])


@pytest.mark.parametrize("df", [2.0, 4.5, 60.0])
def test_the_smallest_difference_is_found_four_times_in_five(df: float) -> None:
    wanted = number(power.smallest_difference(2.0, df))
    t = (RNG.normal(wanted, 2.0, size=200_000)) / (2.0 * np.sqrt(RNG.chisquare(df, size=200_000) / df))
    from scipy import stats

    assert (np.abs(t) > stats.t.ppf(0.975, df)).mean() == pytest.approx(0.8, abs=0.005)


def test_the_smallest_difference_of_a_cautious_standard_error() -> None:
    """se is 1.2 times what the estimate has: the test is stricter, and the difference larger, but not 1.2 times."""
    plain, wanted = (number(power.smallest_difference(2.0 * factor, 4.0, 2.0)) for factor in (1.0, 1.2))
    t = RNG.normal(wanted, 2.0, size=200_000) / (2.4 * np.sqrt(RNG.chisquare(4.0, size=200_000) / 4.0))
    from scipy import stats

    assert (np.abs(t) > stats.t.ppf(0.975, 4.0)).mean() == pytest.approx(0.8, abs=0.005)
    assert plain == pytest.approx(number(power.smallest_difference(2.0, 4.0))) and plain < wanted < 1.2 * plain


def test_the_smallest_difference_without_seeds() -> None:
    assert number(power.smallest_of_these_runs(1.0)) == pytest.approx(2.8016, abs=1e-3)
    assert number(power.smallest_difference(1.0, 1e6)) == pytest.approx(2.8016, abs=2e-2)
    assert power.smallest_difference(0.0, 5.0) is None and power.smallest_of_these_runs(0.0) is None
