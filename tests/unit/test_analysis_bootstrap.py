"""The paired cluster bootstrap: coverage, pairing, clusters, determinism."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from xtreme_noise.analysis import bootstrap
from xtreme_noise.analysis.bootstrap import (
    Floats,
    LanguageScores,
    by_cluster,
    interval,
    replicates,
)


def scores(num: Any, den: Floats | None = None, prefix: str = "") -> LanguageScores:
    """Cells as columns; items named 0, 1, ..."""
    table = num.reshape(len(num), -1).astype(float)
    weights = np.ones_like(table) if den is None else den.reshape(len(den), -1).astype(float)
    return LanguageScores([f"{prefix}{i:04d}" for i in range(len(num))], table, weights)


def test_coverage_of_the_interval() -> None:
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        drawn = replicates({"en": scores(rng.uniform(size=100) < 0.6)}, 999)["en"][:, 0]
        bounds = interval(drawn)
        assert bounds is not None
        hits += bounds[0] <= 0.6 <= bounds[1]
    assert 0.90 <= hits / 300 <= 0.98


def test_false_alarms_of_the_paired_test() -> None:
    """Two arms of equal ability on the same items of unequal difficulty: in about one of twenty 0 is not in it."""
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(300):
        difficulty = rng.uniform(size=120)
        arms = np.stack([difficulty + rng.normal(scale=0.2, size=120) < 0.6 for _ in range(2)], axis=1)
        drawn = replicates({"en": scores(arms)}, 999)["en"]
        bounds = interval(drawn[:, 0] - drawn[:, 1])
        assert bounds is not None
        alarms += not bounds[0] <= 0 <= bounds[1]
    assert 0.02 <= alarms / 300 <= 0.09


def test_pairing_makes_equal_cells_equal() -> None:
    correct = np.random.default_rng(0).uniform(size=50) < 0.5
    drawn = replicates({"en": scores(np.stack([correct, correct], axis=1))}, 200)["en"]
    assert (drawn[:, 0] == drawn[:, 1]).all()


def test_translations_of_an_item_are_drawn_together() -> None:
    correct = np.random.default_rng(0).uniform(size=60) < 0.5
    together = replicates({"en": scores(correct), "de": scores(correct)}, 500)
    assert (together["en"] == together["de"]).all()


def test_languages_without_common_items_are_strata() -> None:
    rng = np.random.default_rng(0)
    english, german = scores(rng.uniform(size=40) < 0.5, prefix="en|"), scores(rng.uniform(size=60) < 0.5, prefix="de|")
    both = replicates({"en": english, "de": german}, 500)
    assert (both["en"] == replicates({"en": english}, 500)["en"]).all()
    assert abs(np.corrcoef(both["en"][:, 0], both["de"][:, 0])[0, 1]) < 0.2


def test_partly_parallel_languages() -> None:
    """German has half of the items: the common ones are drawn together, none is lost."""
    correct = np.random.default_rng(0).uniform(size=80) < 0.5
    english = scores(correct)
    german = LanguageScores(english.clusters[:40], english.num[:40], english.den[:40])
    drawn = replicates({"en": english, "de": german}, 2000)
    assert drawn["de"][:, 0].mean() == pytest.approx(correct[:40].mean(), abs=0.01)
    assert np.corrcoef(drawn["en"][:, 0], drawn["de"][:, 0])[0, 1] > 0.5


def test_score_is_a_ratio_of_sums() -> None:
    num, den = np.array([1.0, 0.0, 9.0]), np.array([1.0, 1.0, 18.0])
    drawn = replicates({"en": scores(num, den)}, 4000)["en"][:, 0]
    possible = {(a + 9 * c) / (a + b + 18 * c) for a in range(4) for b in range(4) for c in range(4) if a + b + c == 3}
    assert all(any(abs(value - p) < 1e-6 for p in possible) for value in np.unique(drawn))
    assert len(np.unique(drawn.round(6))) == len({round(p, 6) for p in possible})


def test_examples_of_a_cluster_are_summed() -> None:
    names, sums = by_cluster(np.array(["b", "a", "b"]), np.array([[1.0], [2.0], [4.0]]))
    assert names == ["a", "b"]
    assert sums.tolist() == [[2.0], [5.0]]


def test_determinism_and_streams() -> None:
    part = {"en": scores(np.random.default_rng(0).uniform(size=50) < 0.5)}
    first = replicates(part, 1200, seed=0, stream="xnli")["en"]
    assert (first == replicates(part, 1200, seed=0, stream="xnli")["en"]).all()
    assert (first != replicates(part, 1200, seed=1, stream="xnli")["en"]).any()
    assert (first != replicates(part, 1200, seed=0, stream="xquad")["en"]).any()


def test_undefined_replicates_give_no_interval() -> None:
    """One of three items has any weight: a resample misses it in 30 % of cases, and has no score then."""
    drawn = replicates({"en": scores(np.array([1.0, 0, 0]), np.array([2.0, 0, 0]))}, 500)["en"][:, 0]
    assert 0.1 < np.isnan(drawn).mean() < 0.5
    assert interval(drawn) is None


def test_no_resamples_is_an_error() -> None:
    with pytest.raises(ValueError, match="resample"):
        replicates({"en": scores(np.ones(3))}, 0)


@pytest.mark.parametrize("top", [1, 60_000, 2**23])
def test_single_precision_changes_no_bit(top: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used for whole numbers only, and only as long as their sums are exact."""
    rng = np.random.default_rng(0)
    items, cells = 250, 4
    whole = rng.integers(0, top, size=(items, cells), endpoint=True).astype(float)
    clusters = [str(item) for item in range(items)]
    parts = {
        "whole": LanguageScores(clusters, whole, np.full((items, cells), float(top))),
        "share": LanguageScores(clusters, whole / (3 * top), rng.integers(0, 9, size=(items, cells)).astype(float)),
    }
    quick = replicates(parts, 600)
    monkeypatch.setattr(bootstrap, "EXACT", 0)
    for name, expected in replicates(parts, 600).items():
        assert np.array_equal(quick[name], expected), name
