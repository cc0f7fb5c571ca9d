"""Correlates of losses: against independent computations, and on pure noise, where nothing may be found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xtreme_noise.analysis import correlates
from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.correlates import (
    PENALTIES,
    Prediction,
    forward,
    partial_spearman,
    ranks,
    reliability,
    ridge,
    selected,
    slopes,
    smallest_correlation,
    weights,
    within,
)
from xtreme_noise.languages import XTREME_R
from xtreme_noise.languages.features import top_family

FAMILIES = ["a"] * 6 + ["b"] * 5 + ["c"] * 4 + ["d"] * 3 + ["e", "f"]
REAL = [top_family(code) for code in XTREME_R if code != "en"]
NONE = np.empty((20, 0))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def drawn(rng: np.random.Generator, columns: int = 3) -> tuple[Floats, Floats, Floats]:
    """20 languages: predictors, an outcome that goes with the first, and weights."""
    x = rng.normal(size=(20, columns))
    return x, 2 * x[:, 0] + rng.normal(size=20), rng.uniform(0.5, 2, size=20)


@pytest.mark.parametrize(("languages", "least"), [(13, 0.71), (29, 0.50), (47, 0.40)])
def test_the_smallest_correlation(languages: int, least: float) -> None:
    assert round(smallest_correlation(languages), 2) == least
    assert smallest_correlation(languages + 2, 2) == smallest_correlation(languages)
    assert smallest_correlation(3) == smallest_correlation(5, 2) == 1.0


def test_the_smallest_correlation_is_seen_with_power(rng: np.random.Generator) -> None:
    """Of Pearson's r, with its t test, which finds it a little more often than Fisher's z says."""
    from scipy import special

    true, languages = smallest_correlation(29), 29
    x = rng.normal(size=(2000, languages))
    y = true * x + math.sqrt(1 - true**2) * rng.normal(size=x.shape)
    r = np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)])
    found = np.abs(r) * np.sqrt((languages - 2) / (1 - r**2)) > special.stdtrit(languages - 2, 0.975)
    assert 0.78 < np.mean(found) < 0.85


def test_ranks_are_those_of_scipy(rng: np.random.Generator) -> None:
    from scipy import stats

    values = rng.integers(0, 6, size=30).astype(float)
    assert ranks(values).tolist() == stats.rankdata(values).tolist()


def test_without_covariates_it_is_the_rank_correlation(rng: np.random.Generator) -> None:
    from scipy import stats

    x, y, _ = drawn(rng)
    x[:, 2] = np.round(x[:, 2])  # with ties
    for column, one in enumerate(partial_spearman(y, x, NONE, FAMILIES, permutations=9)):
        assert one.value == pytest.approx(stats.spearmanr(x[:, column], y).statistic)
        assert one.low < one.value < one.high
    one = partial_spearman(y, x, NONE, FAMILIES, permutations=9)[0]
    z, se = math.atanh(one.value), math.sqrt((1 + one.value**2 / 2) / 17)
    assert (one.low, one.high) == pytest.approx((math.tanh(z - 1.96 * se), math.tanh(z + 1.96 * se)))


def test_given_covariates_it_is_that_of_the_inverse_matrix(rng: np.random.Generator) -> None:
    from scipy import stats

    x, y, _ = drawn(rng)
    given = np.column_stack([y + rng.normal(size=20), x[:, 1] + rng.normal(size=20)])
    for column, one in enumerate(partial_spearman(y, x, given, FAMILIES, permutations=9)):
        every = np.column_stack([stats.rankdata(v) for v in (y, x[:, column], *given.T)])
        inverse = np.linalg.inv(np.corrcoef(every.T))
        assert one.value == pytest.approx(-inverse[0, 1] / math.sqrt(inverse[0, 0] * inverse[1, 1]))


def test_p_is_that_of_a_permutation_test(rng: np.random.Generator) -> None:
    from scipy import stats

    x, y, _ = drawn(rng)
    found = partial_spearman(y, x[:, 1:2], NONE, ["a"] * 20)[0]
    along = stats.rankdata(y) - 10.5
    expected = stats.permutation_test(
        (stats.rankdata(x[:, 1]),), lambda a, axis: (a * along).sum(axis=axis), permutation_type="pairings", rng=rng
    )
    assert 0.01 < found.p < 0.9 and found.p == pytest.approx(expected.pvalue, abs=0.02)
    assert found.p_adjusted == pytest.approx(found.p), "one predictor: nothing to adjust"


def test_families_keep_their_places() -> None:
    orders = within(FAMILIES, 200, 0)
    names = np.array(FAMILIES)
    assert (np.sort(orders, axis=1) == np.arange(20)).all() and (names[orders] == names).all()
    assert (orders[:, -2:] == [18, 19]).all() and len(np.unique(orders[:, :6], axis=0)) > 100
    assert (within(FAMILIES, 200, 0) == orders).all() and (within(FAMILIES, 200, 1) != orders).any()


def test_a_difference_between_families_is_no_evidence(rng: np.random.Generator) -> None:
    """A property of families goes with a loss of families: r is large, but no permutation within families is less."""
    level = dict(zip("abcdef", (0.0, 3.0, 6.0, 9.0, 12.0, 15.0), strict=True))
    x = np.array([[level[family]] for family in FAMILIES])
    y = x[:, 0] + rng.normal(size=20)
    [found] = partial_spearman(y, x, NONE, FAMILIES)
    assert found.value > 0.9 and found.p == 1.0
    [ignoring] = partial_spearman(y, x, NONE, ["a"] * 20)
    assert ignoring.p < 0.001


def test_p_is_adjusted_for_all_predictors(rng: np.random.Generator) -> None:
    x, y, _ = drawn(rng, 8)
    found = partial_spearman(y, x, NONE, FAMILIES)
    assert all(one.p <= one.p_adjusted <= min(1.0, 8 * one.p + 0.01) for one in found)
    assert found[0].p_adjusted < 0.05 and any(one.p_adjusted > 2 * one.p for one in found)
    alone = partial_spearman(y, np.column_stack([x[:, 0]] * 4), NONE, FAMILIES)
    assert alone[0].p_adjusted == pytest.approx(alone[0].p), "four times the same test is one"


def test_what_covariates_determine_has_no_correlation(rng: np.random.Generator) -> None:
    x, y, _ = drawn(rng)
    first, second, _ = partial_spearman(y, x, x[:, :1], FAMILIES, permutations=99)
    assert all(math.isnan(value) for value in vars(first).values()) and not math.isnan(second.p_adjusted)
    assert all(math.isnan(one.value) for one in partial_spearman(y, x, y[:, None], FAMILIES, permutations=99))


def test_false_alarms_are_rare(rng: np.random.Generator) -> None:
    """Losses and properties that families have in common, independently: p below .05 in about one study of twenty."""
    names = np.array(FAMILIES)
    alarms = adjusted = 0
    for _ in range(200):
        shared = {name: rng.normal(size=4) for name in set(FAMILIES)}
        every = np.array([shared[name] for name in names]) + 0.5 * rng.normal(size=(20, 4))
        found = partial_spearman(every[:, 0], every[:, 1:], NONE, FAMILIES, permutations=199)
        alarms += sum(one.p <= 0.05 for one in found)
        adjusted += any(one.p_adjusted <= 0.05 for one in found)
    assert 0.01 < alarms / 600 < 0.08 and adjusted / 200 < 0.1


def test_reliability_and_weights_by_hand() -> None:
    values, variances = np.array([1.0, 2.0, 3.0, 6.0]), np.array([0.5, 0.5, 1.0, 2.0])
    total = np.var(values, ddof=1)
    assert reliability(values, variances) == pytest.approx(1 - 1 / total)
    expected = 1 / (variances + total - 1)
    assert weights(values, variances) == pytest.approx(expected / expected.mean())
    assert reliability(values, 9 * variances) == 0.0, "all of the variance is error"
    assert weights(values, 9 * variances) == pytest.approx((1 / variances) / (1 / variances).mean())
    assert weights(values, np.array([0, 9, 9, 9.0])) == pytest.approx([1, 1, 1, 1]), "no variance: as the smallest"
    assert weights(values, np.zeros(4)).tolist() == [1, 1, 1, 1]


def test_the_slope_without_shared_error(rng: np.random.Generator) -> None:
    """Loss = clean - noisy; the error of the clean score alone makes losses grow with it."""
    clean, error = rng.normal(size=4000), 0.8 * rng.normal(size=4000)
    measured, loss = clean + error, error + 0.3 * rng.normal(size=4000)
    errors = np.full(4000, 0.64)
    slope, start, corrected = slopes(measured, loss, errors, errors)
    assert [slope, start] == pytest.approx(np.polyfit(measured, loss, 1).tolist())
    assert slope == pytest.approx(0.64 / 1.64, abs=0.03) and corrected == pytest.approx(0, abs=0.03)
    assert slopes(measured, loss, 9 * errors, errors)[2] is None
    assert slopes(np.ones(3), np.arange(3.0), errors[:3], errors[:3]) == (0.0, 1.0, None)


def test_ridge_is_least_squares_with_more_rows(rng: np.random.Generator) -> None:
    x, y, weight = drawn(rng)
    share = weight / weight.sum()
    z = (x - share @ x) / np.sqrt(share @ (x - share @ x) ** 2)
    for penalty in (0.01, 1.0):
        rows = np.vstack([np.sqrt(share)[:, None] * z, math.sqrt(penalty) * np.eye(3)])
        beta = np.linalg.lstsq(rows, np.append(np.sqrt(share) * (y - share @ y), np.zeros(3)), rcond=None)[0]
        found = correlates._ridge(x, y, weight, np.array([penalty]))(x)[:, 0]
        assert found == pytest.approx(share @ y + z @ beta)


def held_out_r2(y: Floats, predicted: Floats, weight: Floats) -> float:
    names = np.array(FAMILIES)
    base = np.array([np.average(y[names != name], weights=weight[names != name]) for name in names])
    return 1 - float((weight * (y - predicted) ** 2).sum() / (weight * (y - base) ** 2).sum())


def test_ridge_predicts_families_that_it_has_not_seen(rng: np.random.Generator) -> None:
    """Without a family, its penalty too is chosen from the others: the same numbers by plain loops."""
    x, y, weight = drawn(rng)
    names, expected = np.array(FAMILIES), np.empty(20)
    for name in set(FAMILIES):
        rest = names != name
        errors = {}
        for penalty in PENALTIES:
            errors[penalty] = 0.0
            for other in set(FAMILIES) - {name}:
                fit = rest & (names != other)
                model = correlates._ridge(x[fit], y[fit], weight[fit], np.array([penalty]))
                there = names == other
                errors[penalty] += float((weight[there] * (y[there] - model(x[there])[:, 0]) ** 2).sum())
        best = min(errors, key=lambda penalty: errors[penalty])
        model = correlates._ridge(x[rest], y[rest], weight[rest], np.array([best]))
        expected[~rest] = model(x[~rest])[:, 0]
    found = ridge(x, y, weight, FAMILIES)
    assert found.predicted == pytest.approx(expected) and found.chosen == (0, 1, 2)
    assert found.held_out == pytest.approx(held_out_r2(y, expected, weight))
    assert found.r2 > found.held_out > 0.3 and found.penalty in PENALTIES


def test_forward_selection_by_plain_loops(rng: np.random.Generator) -> None:
    x, y, weight = drawn(rng, 5)
    y += x[:, 3]

    def fit(columns: tuple[int, ...], there: Floats) -> tuple[float, Floats]:
        """Adjusted R2 on the languages `there`, and predictions for all."""
        root, own = np.sqrt(weight[there]), np.column_stack([np.ones(20), x[:, columns]])
        beta = np.linalg.lstsq(own[there] * root[:, None], y[there] * root, rcond=None)[0]
        mean, some = np.average(y[there], weights=weight[there]), weight[there]
        r2 = 1 - (some * (y[there] - own[there] @ beta) ** 2).sum() / (some * (y[there] - mean) ** 2).sum()
        return 1 - (1 - r2) * (there.sum() - 1) / (there.sum() - len(columns) - 1), own @ beta

    def best(there: Floats) -> tuple[int, ...]:
        chosen: tuple[int, ...] = ()
        while len(chosen) < 5:
            scores = {c: fit((*chosen, c), there)[0] for c in range(5) if c not in chosen}
            column = max(scores, key=lambda c: scores[c])
            if scores[column] <= (fit(chosen, there)[0] if chosen else 0):
                break
            chosen = (*chosen, column)
        return chosen

    names, expected = np.array(FAMILIES), np.empty(20)
    for name in set(FAMILIES):
        rest = names != name
        expected[~rest] = fit(best(rest), rest)[1][~rest]
    found = forward(x, y, weight, FAMILIES)
    assert found.chosen == best(np.full(20, True)) == selected(x, y, weight)
    assert set(found.chosen) >= {0, 3} and found.predicted == pytest.approx(expected)
    assert found.held_out == pytest.approx(held_out_r2(y, expected, weight)) and found.penalty is None


def noise(languages: int, columns: int, families: list[str], draws: int) -> list[tuple[Prediction, Prediction]]:
    rng = np.random.default_rng(languages)
    found = []
    for _ in range(draws):
        x, y = rng.normal(size=(languages, columns)), rng.normal(size=languages)
        found.append((ridge(x, y, np.ones(languages), families), forward(x, y, np.ones(languages), families)))
    return found


def test_noise_is_not_predicted() -> None:
    """In the sample, selection looks as if it had found something."""
    found = noise(20, 8, FAMILIES, 12)
    assert np.mean([selection.r2 for _, selection in found]) > 0.15
    for place in (0, 1):
        assert np.mean([pair[place].held_out for pair in found]) < 0


def test_one_family_predicts_nothing(rng: np.random.Generator) -> None:
    x, y, weight = drawn(rng)
    for fit in (ridge, forward):
        with pytest.raises(ValueError, match="no family is left"):
            fit(x, y, weight, ["a"] * 20)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("languages", "families", "r", "held_out"),
    [(13, None, 0.69, -1.22), (29, None, 0.46, -0.32), (49, REAL, 0.35, -0.20)],
)
def test_selection_on_noise(languages: int, families: list[str] | None, r: float, held_out: float) -> None:
    """The figures of docs/typology.md: eight predictors of nothing; without families, one language at a time."""
    found = noise(languages, 8, families or [str(number) for number in range(languages)], 200)
    assert np.mean([math.sqrt(selection.r2) for _, selection in found]) == pytest.approx(r, abs=0.03)
    assert np.median([selection.held_out for _, selection in found]) == pytest.approx(held_out, abs=0.12)
    assert np.median([shrunk.held_out for shrunk, _ in found]) < 0
