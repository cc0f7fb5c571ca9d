"""Worst case, corruption error, effective robustness and the jackknife, against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from xtreme_noise.analysis.corruption_error import corruption_error, relative_corruption_error
from xtreme_noise.analysis.effective_robustness import enough, fit, outside
from xtreme_noise.analysis.jackknife import by_run
from xtreme_noise.analysis.seeds import over_seeds
from xtreme_noise.analysis.worst_case import worst_case

nan = math.nan


def test_the_worst_of_each_run_and_resample() -> None:
    values = np.array([[0.1, 0.4], [0.3, 0.2]])  # two conditions, two runs
    drawn = np.array([[[0.1, 0.2, 0.9], [0.4, 0.4, 0.4]], [[0.3, 0.1, 0.9], [0.2, 0.5, 0.3]]])
    found = worst_case(values, drawn)
    assert found.values.tolist() == [0.3, 0.4]
    assert found.drawn is not None
    assert found.drawn.tolist() == [[0.3, 0.2, 0.9], [0.4, 0.5, 0.4]]
    assert found.shares.tolist() == pytest.approx([3.5 / 6, 2.5 / 6])  # they share the equal one
    other = worst_case(values[::-1], drawn[::-1])
    assert other.values.tolist() == [0.3, 0.4] and other.shares.tolist() == pytest.approx([2.5 / 6, 3.5 / 6])
    assert worst_case(values, None).drawn is None
    assert worst_case(values, None).shares.tolist() == [0.5, 0.5]


def test_an_undefined_loss_has_no_worst_case() -> None:
    found = worst_case(np.array([[nan, 0.4], [0.3, 0.2]]), None)
    assert math.isnan(found.values[0]) and found.values[1] == 0.4
    assert found.shares.tolist() == [1.0, 0.0]  # of the run that is defined
    assert np.isnan(worst_case(np.array([[nan], [0.3]]), None).shares).all()


def test_equally_bad_conditions_are_too_bad_in_the_worst_case() -> None:
    """Why the bias is reported: the maximum of two losses of .3 with an error of .05 is about .3 + .05 / sqrt(pi)."""
    drawn = np.random.default_rng(0).normal(0.3, 0.05, size=(2, 1, 20_000))
    found = worst_case(np.full((2, 1), 0.3), drawn)
    assert found.drawn is not None
    assert found.drawn.mean() - 0.3 == pytest.approx(0.05 / math.sqrt(math.pi), abs=0.001)
    assert found.shares.tolist() == pytest.approx([0.5, 0.5], abs=0.02)


def test_corruption_error_by_hand() -> None:
    errors, reference = np.array([0.3, 0.5]), np.array([0.4, 0.6])
    assert corruption_error(errors, reference) == pytest.approx(0.8)
    relative = relative_corruption_error(errors, np.array(0.2), reference, np.array(0.35))
    assert relative == pytest.approx((0.1 + 0.3) / (0.05 + 0.25))
    assert corruption_error(errors[::-1], reference[::-1]) == pytest.approx(0.8)
    both = corruption_error(np.array([[0.3, 0.1], [0.5, 0.1]]), np.array([[0.4, 0.2], [0.6, 0.2]]))
    assert both.tolist() == pytest.approx([0.8, 0.5])  # run by run


def test_corruption_error_without_errors_of_the_reference() -> None:
    assert np.isnan(corruption_error(np.array([0.1]), np.array([0.0])))
    for noisy in (0.3, 0.2):  # noise adds nothing to the reference, or helps it
        assert np.isnan(relative_corruption_error(np.array([0.4]), np.array(0.3), np.array([noisy]), np.array(0.3)))


def test_a_line_by_hand() -> None:
    clean, noisy = np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.5, 2.5])
    line = fit(clean, noisy)
    assert float(line.slope) == pytest.approx(1.25)  # (-1 x -1 + 1 x 1.5) / 2
    assert float(line.intercept) == pytest.approx(-0.25)
    assert float(line.residual(np.array(2.0), np.array(3.0))) == pytest.approx(0.75)
    again = fit(clean[::-1], noisy[::-1])
    assert (float(again.slope), float(again.intercept)) == pytest.approx((1.25, -0.25))
    several = fit(np.stack([clean, clean], 1), np.stack([noisy, 2 * noisy], 1))
    assert several.slope.tolist() == pytest.approx([1.25, 2.5])
    assert np.isnan(fit(np.ones(3), noisy).slope)


@pytest.mark.parametrize(
    ("clean", "whether"),
    [
        ([0.0, 0.2, 0.5], True),
        ([0.5, 0.0, 0.2], True),
        ([0.0, 0.2, 0.49], False),  # too little spread
        ([0.0, 1.0], False),  # too few
        ([0.0, 1.0, 1.0], False),  # two distinct ones
        ([0.0, 1.0, nan], False),
        ([], False),
    ],
)
def test_whether_baselines_determine_a_line(clean: list[float], whether: bool) -> None:
    assert enough(np.array(clean)) is whether


def test_what_is_outside() -> None:
    base = np.array([[0.0, 1.0], [0.5, 2.0]])
    assert [outside(clean, base) for clean in (-0.1, 0.0, 1.3, 2.0, 2.1)] == [True, False, False, False, True]


def test_the_jackknife_of_a_mean_is_the_mean_of_the_runs() -> None:
    runs = np.array([0.1, 0.5, 0.9, 0.2])
    assert by_run(lambda some: float(runs[some].mean()), 4).tolist() == pytest.approx(runs.tolist())
    assert by_run(lambda some: float(runs[some].mean()), 1).tolist() == [0.1]


def test_the_jackknife_of_a_ratio_by_hand() -> None:
    top, bottom = np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 4.0])
    found = by_run(lambda some: float(top[some].sum() / bottom[some].sum()), 3)
    without = np.array([8 / 6, 7 / 6, 3 / 4])
    assert found.mean() == pytest.approx(9 / 8)
    assert np.var(found, ddof=1) / 3 == pytest.approx(2 / 3 * ((without - without.mean()) ** 2).sum())


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 4, 5])
@pytest.mark.parametrize("place", [0.75, 1.5, 2.0])  # of the arm: among the baselines, at their end, outside
def test_coverage_of_a_residual_over_seeds(seeds: int, place: float) -> None:
    """Four sizes; every run has its own clean score, and its own error under noise (docs/statistics.md)."""
    draws = np.random.default_rng([seeds, int(100 * place)])
    covered = 0
    for _ in range(2_000):
        clean = np.linspace(0.0, 1.5, 4)[:, None] + draws.normal(0, 0.1, (4, seeds))
        noisy = 0.8 * clean - 0.5 + draws.normal(0, 0.1, (4, seeds))
        x = place + draws.normal(0, 0.1, seeds)
        y = 0.8 * x - 0.5 + draws.normal(0, 0.1, seeds)

        def left(some: Any, base: Any = (clean, noisy), own: Any = (x, y)) -> float:
            line = fit(base[0][:, some].ravel(), base[1][:, some].ravel())
            return float(line.residual(own[0][some], own[1][some]).mean())

        values = by_run(left, seeds)
        found = over_seeds(values, np.full((seeds, 2), values.mean()), 100)  # no error over items
        assert found.low is not None and found.high is not None
        covered += found.low <= 0 <= found.high
    assert 0.94 <= covered / 2_000 <= 0.98
