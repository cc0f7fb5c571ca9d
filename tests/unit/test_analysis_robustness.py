"""Robustness measures and Holm's correction against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from xtreme_noise.analysis.holm import holm
from xtreme_noise.analysis.robustness import absolute_drop, cross_lingual_gap, drop_rate, retention_area


def test_drops() -> None:
    assert absolute_drop(0.8, 0.6) == pytest.approx(0.2)
    assert drop_rate(0.8, 0.6) == pytest.approx(0.25)
    assert drop_rate(0.8, 0.9) == pytest.approx(-0.125)  # noise may help: not clipped


def test_drop_rate_above_chance_is_one_at_guessing() -> None:
    assert drop_rate(0.75, 0.5, chance=0.5) == pytest.approx(1.0)
    assert drop_rate(0.75, 1 / 3, chance=1 / 3) == pytest.approx(1.0)
    assert drop_rate(0.9, 0.6, chance=1 / 3) == pytest.approx(1 - (0.6 - 1 / 3) / (0.9 - 1 / 3))


@pytest.mark.parametrize(("clean", "chance"), [(0.0, 0.0), (0.5, 0.5), (0.4, 0.5)])
def test_nothing_to_lose_is_not_robust(clean: float, chance: float) -> None:
    assert np.isnan(drop_rate(clean, clean, chance))


def test_drop_rate_works_on_replicates() -> None:
    assert drop_rate(np.array([0.8, 0.0, 0.5]), np.array([0.4, 0.0, 0.5])) == pytest.approx(
        [0.5, np.nan, 0.0], nan_ok=True
    )


def test_retention_area() -> None:
    assert retention_area([0, 0.1, 0.2], [0.8, 0.8, 0.8]) == pytest.approx(1.0)
    assert retention_area([0, 0.2], [0.8, 0.0]) == pytest.approx(0.5)
    # unequal steps: (1 + 0.5)/2 * 0.1 + (0.5 + 0)/2 * 0.3, over 0.4
    assert retention_area([0, 0.1, 0.4], [1.0, 0.5, 0.0]) == pytest.approx(0.375)
    assert np.isnan(retention_area([0, 0.1], [0.0, 0.0]))


@pytest.mark.parametrize("levels", [[0.1, 0.2], [0.0], [0.0, 0.2, 0.1], [0.0, 0.1, 0.1]])
def test_retention_area_refuses(levels: list[float]) -> None:
    with pytest.raises(ValueError, match="level"):
        retention_area(levels, [0.5] * len(levels))


def test_cross_lingual_gap() -> None:
    assert cross_lingual_gap({"en": 0.1, "de": 0.2, "sw": 0.4}, "en") == pytest.approx(0.2)
    assert cross_lingual_gap({"de": 0.2, "sw": 0.4}, "en") is None
    assert cross_lingual_gap({"en": 0.2}, "en") is None


def test_holm_against_known_values() -> None:
    # R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([0.02]) == pytest.approx([0.02])
    assert holm([]) == []


def test_holm_is_monotone_and_never_below_p() -> None:
    p = np.random.default_rng(0).uniform(size=50).tolist()
    adjusted = holm(p)
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))
    by_p = [a for _, a in sorted(zip(p, adjusted, strict=True))]
    assert by_p == sorted(by_p)


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p_value(p: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        holm([0.5, p])
