"""Calibration and selective accuracy against other implementations, plain loops, and values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import multiclass_calibration_error

from xtreme_noise.analysis import calibration, selective
from xtreme_noise.analysis.bootstrap import Floats, LanguageScores, draws, replicates
from xtreme_noise.analysis.brier import brier
from xtreme_noise.analysis.calibration import Bins, calibration_error, equal_mass, equal_width, error_of_chance
from xtreme_noise.analysis.selective import ranked, risk_coverage_area, selective_accuracy

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(300, 4)) * 2
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
GOLD = np.where(RNG.uniform(size=300) < 0.7, PROBABILITIES.argmax(axis=1), RNG.integers(0, 4, size=300))
CONFIDENCE, CORRECT = PROBABILITIES.max(axis=1), PROBABILITIES.argmax(axis=1) == GOLD
ONCE = np.ones((1, 300))


def repeated(values: Floats, weights: Floats) -> Floats:
    return np.repeat(values, weights.astype(int))


def test_the_error_of_bins_of_equal_width_is_torchmetrics() -> None:
    ours = calibration_error(CONFIDENCE, CORRECT, equal_width(CONFIDENCE), ONCE)
    theirs = multiclass_calibration_error(torch.tensor(PROBABILITIES), torch.tensor(GOLD), 4, calibration.BINS)
    assert ours == pytest.approx([float(theirs)], abs=1e-6) and ours[0] > 0.02


def test_the_error_of_bins_of_equal_mass_is_that_of_quantiles() -> None:
    ours = calibration_error(CONFIDENCE, CORRECT, bins := equal_mass(CONFIDENCE), ONCE)
    assert set(np.bincount(bins)) == {20}
    share, mean = calibration_curve(CORRECT, CONFIDENCE, n_bins=calibration.BINS, strategy="quantile")
    assert ours == pytest.approx([np.abs(share - mean).mean()])


def test_borders_belong_to_the_bin_below() -> None:
    assert equal_width([0.0, 0.2, 0.2 + 1e-9, 1.0], 5).tolist() == [0, 0, 1, 4]


def test_equal_confidences_share_a_bin_in_any_order() -> None:
    confidence = np.array([0.9] * 7 + [0.5, 0.6, 0.7])
    assert equal_mass(confidence, 5).tolist() == [3] * 7 + [0, 0, 1], "by the middle of their ranks"
    order = np.random.default_rng(1).permutation(10)
    assert (equal_mass(confidence[order], 5) == equal_mass(confidence, 5)[order]).all()


def weighted(draw: Floats, bins: Bins) -> float:
    """The error of items that are there as often as they were drawn."""
    confidence, correct = repeated(CONFIDENCE, draw), repeated(CORRECT.astype(float), draw)
    found: Floats = calibration_error(confidence, correct, repeated(bins.astype(float), draw).astype(np.intp),
                              np.ones((1, len(confidence))))  # fmt: skip
    return float(found[0])


def test_a_resample_is_items_that_occur_more_than_once() -> None:
    weights = np.random.default_rng(2).multinomial(300, [1 / 300] * 300, size=4).astype(float)
    for bins in (equal_width(CONFIDENCE), equal_mass(CONFIDENCE)):
        ours = calibration_error(CONFIDENCE, CORRECT, bins, weights)
        assert ours == pytest.approx([weighted(draw, bins) for draw in weights])
    items = ranked(CONFIDENCE, CORRECT, weights)
    for measure in (selective_accuracy, risk_coverage_area):
        alone = [measure(ranked(repeated(CONFIDENCE, w), repeated(CORRECT.astype(float), w), ONCE)) for w in weights]
        assert measure(items) == pytest.approx([float(one[0]) for one in alone])
    assert np.isnan(calibration_error(CONFIDENCE, CORRECT, equal_width(CONFIDENCE), 0 * ONCE)).all()
    nothing = ranked(CONFIDENCE, CORRECT, 0 * ONCE)
    assert np.isnan(selective_accuracy(nothing)).all() and np.isnan(risk_coverage_area(nothing)).all()


@pytest.mark.parametrize("count", [50, 200, 1000])
def test_what_chance_adds_to_the_error(count: int) -> None:
    """Of answers that are right with just the probability of their confidence."""
    rng = np.random.default_rng(count)
    confidence = rng.uniform(0.3, 1, size=count)
    bins = equal_width(confidence)
    once = np.ones((1, count))
    found = [calibration_error(confidence, rng.uniform(size=count) < confidence, bins, once)[0] for _ in range(500)]
    assert error_of_chance(confidence, bins) == pytest.approx(np.mean(found), rel=0.05)
    assert error_of_chance(confidence, bins) > 0.6 / np.sqrt(count)


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    ours = brier(PROBABILITIES, GOLD)
    assert ours.mean() == pytest.approx(brier_score_loss(GOLD, PROBABILITIES, scale_by_half=False))
    assert brier([[1.0, 0.0], [0.0, 1.0]], np.array([0, 0])).tolist() == [0.0, 2.0]


def curve(confidence: Floats, correct: Floats) -> list[float]:
    """The risk at every coverage, by a loop."""
    wrong = 1 - correct[np.argsort(-confidence, kind="stable")]
    return [float(wrong[:taken].mean()) for taken in range(1, len(wrong) + 1)]


def test_risk_and_coverage_by_a_loop() -> None:
    items, risks = ranked(CONFIDENCE, CORRECT, ONCE), curve(CONFIDENCE, CORRECT.astype(float))
    assert risk_coverage_area(items) == pytest.approx([np.mean(risks)])
    assert selective_accuracy(items, 0.8) == pytest.approx([1 - risks[239]])
    assert selective_accuracy(items, 1.0) == pytest.approx([CORRECT.mean()])
    assert selective.COVERAGE == 0.8 and selective_accuracy(items) > CORRECT.mean()


def test_equal_confidences_are_in_random_order() -> None:
    rng = np.random.default_rng(3)
    confidence = np.round(rng.uniform(size=30), 1)
    correct = rng.uniform(size=30) < confidence
    items = ranked(confidence, correct, np.ones((1, 30)))
    orders = [rng.permutation(30) for _ in range(2000)]
    risks = np.array([curve(confidence[order], correct[order].astype(float)) for order in orders])
    assert risk_coverage_area(items) == pytest.approx([risks.mean()], abs=3e-3)
    assert selective_accuracy(items) == pytest.approx([1 - risks[:, 23].mean()], abs=3e-3)
    order = orders[0]
    same = ranked(confidence[order], correct[order], np.ones((1, 30)))
    assert risk_coverage_area(same) == pytest.approx(risk_coverage_area(items), abs=1e-12)
    one = ranked([0.5] * 5, [True, False, False, True, True], np.ones((1, 5)))
    assert risk_coverage_area(one) == pytest.approx([0.4]) and selective_accuracy(one, 0.5) == pytest.approx([0.6])


def test_a_coverage_may_end_within_a_prediction() -> None:
    items = ranked([0.9, 0.8, 0.7], [True, True, False], np.ones((1, 3)))
    assert selective_accuracy(items, 0.8) == pytest.approx([2 / 2.4])


def test_draws_are_those_of_the_other_statistics() -> None:
    correct = (np.arange(40) % 3 == 0).astype(float)
    items = {"en": [f"{n:02}" for n in range(40)], "de": [f"{n:02}" for n in range(10, 40)]}
    parts = {
        code: LanguageScores(some, correct[-len(some) :, None], np.ones((len(some), 1))) for code, some in items.items()
    }
    drawn = replicates(parts, 1200, seed=3, stream="xnli")
    first = [part for part in draws(items, 700, seed=3, stream="xnli") if part[0] == "de"]
    assert [start for _, start, _ in first] == [0, 500]
    weights = np.concatenate([weights for *_, weights in first])
    assert weights @ correct[10:] / weights.sum(axis=1) == pytest.approx(drawn["de"][:700, 0])
