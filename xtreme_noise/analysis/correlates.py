"""Which properties of languages a loss goes with, over some tens of languages that are related to each other.

A loss is one number for each language, with an error of its own from the test items. Partial rank correlations say
which properties go with it when others are held constant; their test permutes languages only within families, because
relatives resemble each other in everything. Regressions say how well a loss is predicted in a family that the model has
not seen: in-sample R2 says nothing about that (docs/typology.md has figures on pure noise).

Sources: D. Freedman and D. Lane, A nonstochastic interpretation of reported significance levels, Journal of Business &
Economic Statistics 1 (1983); P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing (1993); D. G. Bonett and
T. A. Wright, Sample size requirements for estimating Pearson, Kendall and Spearman correlations, Psychometrika 65
(2000); L. V. Hedges and I. Olkin, Statistical Methods for Meta-Analysis (1985); W. A. Fuller, Measurement Error Models
(1987); A. E. Hoerl and R. W. Kennard, Ridge regression, Technometrics 12 (1970).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.power import ALPHA, POWER

PERMUTATIONS = 9_999
LEAST_FAMILIES = 3  # two to fit and to choose the penalty by, one to predict
PENALTIES = 10.0 ** np.arange(-2.0, 2.1, 0.5)  # of ridge regression, on the scale of a correlation matrix
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Correlation:
    """A partial rank correlation, from -1 to 1; NaN where the covariates determine the predictor or the outcome.

    low, high: 95 % interval, as if languages were independent. p: of permutations within families. p_adjusted: over
    all predictors of the outcome.
    """

    value: float
    low: float
    high: float
    p: float
    p_adjusted: float


@dataclass(frozen=True)
class Prediction:
    """A regression of a loss. r2: on the languages that it is fitted to; held_out: on families that it is not fitted
    to, 0 for predicting the mean of the other families, negative for worse. predicted: (languages,), held out. chosen:
    columns of the predictors in the order of their selection (forward selection), all of them (ridge). penalty: of the
    ridge regression on all languages.
    """

    r2: float
    held_out: float
    predicted: Floats
    chosen: tuple[int, ...]
    penalty: float | None = None


Model = Callable[[Floats], Floats]  # predictors (any, columns) -> outcome (any,)
Fit = Callable[[Floats, Floats, Floats, NDArray[np.str_]], Model]  # of predictors, outcome, weights, families


def smallest_correlation(languages: int, covariates: int = 0) -> float:
    """The |r| that a two-sided test over `languages` finds with probability POWER at level ALPHA; 1 where even that is
    not found. Fisher's z: for a rank correlation, and for languages that are related, it is a lower bound.
    """
    free = languages - covariates - 3
    if free < 1:
        return 1.0
    from scipy import special  # takes a while to import, and not every report needs it

    return math.tanh((float(special.ndtri(1 - ALPHA / 2)) + float(special.ndtri(POWER))) / math.sqrt(free))


def partial_spearman(
    outcome: Floats,
    predictors: Floats,
    covariates: Floats,
    families: Sequence[str],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> list[Correlation]:
    """The rank correlation of every predictor with the outcome, given the covariates, in the order of the predictors.

    outcome: (languages,); predictors: (languages, any); covariates: (languages, any), may have no column. The residuals
    of the outcome's ranks are permuted within families (Freedman and Lane); p is adjusted by the smallest p of all
    predictors in each permutation (Westfall and Young).
    """
    ranked = np.column_stack([np.ones(len(outcome)), *map(ranks, covariates.T)])
    project = ranked @ np.linalg.pinv(ranked)
    across = np.column_stack([ranks(column) for column in predictors.T])
    across = across - project @ across
    left = ranks(outcome) - project @ ranks(outcome)
    drawn = left[within(families, permutations, seed)]
    measured = _correlations(left[None], across)[0]
    known = np.flatnonzero(~np.isnan(measured))
    found = [Correlation(*[math.nan] * 5)] * len(measured)
    if not len(known):
        return found
    permuted = _correlations(drawn - drawn @ project, across[:, known])
    shares = np.column_stack([_shares(*both) for both in zip(permuted.T, measured[known], strict=True)])
    smallest = shares[1:].min(axis=1)
    free = len(outcome) - covariates.shape[1] - 3
    for column, p in zip(known, shares[0], strict=True):
        value = float(measured[column])
        adjusted = (1 + np.count_nonzero(smallest <= p + _ROUNDING)) / (permutations + 1)
        found[column] = Correlation(value, *_interval(value, free), p=float(p), p_adjusted=float(adjusted))
    return found


def ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values get the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], float)


def within(families: Sequence[str], permutations: int, seed: int) -> NDArray[np.intp]:
    """(permutations, languages): orders of the languages in which each family keeps its places."""
    rng = np.random.default_rng(seed)
    orders = np.tile(np.arange(len(families)), (permutations, 1))
    names = np.asarray(families)
    for name in sorted(set(families)):
        own = np.flatnonzero(names == name)
        orders[:, own] = rng.permuted(orders[:, own], axis=1)
    return orders


def _correlations(left: Floats, across: Floats) -> Floats:
    """(rows, columns): of every row of `left` with every column of `across`, both residuals; NaN where one is all 0."""
    norms = np.sqrt((left**2).sum(axis=1))[:, None] * np.sqrt((across**2).sum(axis=0))
    found: Floats = np.full(norms.shape, np.nan)
    np.divide(left @ across, norms, out=found, where=norms > _ROUNDING * len(across))
    return found


def _shares(permuted: Floats, measured: float) -> Floats:
    """p of the measured correlation, then of each permuted one: the share of all, the measured one among them, that are
    as far from 0.
    """
    every = np.abs(np.append(measured, permuted))
    larger = len(every) - np.searchsorted(np.sort(every), every - _ROUNDING)
    return np.asarray(larger / len(every))


def _interval(value: float, free: int) -> tuple[float, float]:
    """Bonett and Wright's."""
    if math.isnan(value) or free < 1:
        return -1.0, 1.0
    z, reach = math.atanh(max(-1 + _ROUNDING, min(1 - _ROUNDING, value))), 1.96 * math.sqrt((1 + value**2 / 2) / free)
    return math.tanh(z - reach), math.tanh(z + reach)


def reliability(values: Floats, variances: Floats) -> float:
    """The share of the variance over languages that is not error of the test items, from 0 to 1. No correlation with a
    loss can be expected beyond its root.
    """
    total = float(np.var(values, ddof=1))
    return max(0.0, 1.0 - float(variances.mean()) / total) if total > 0 else 0.0


def weights(values: Floats, variances: Floats) -> Floats:
    """(languages,), with mean 1: 1 / (the variance of each language's value + that of the true values over languages).

    The latter is the variance of the values minus the mean of the variances, at least 0 (Hedges and Olkin). A language
    without variance (all resamples are equal) gets the smallest of the others.
    """
    positive = variances[variances > 0]
    if not len(positive):
        return np.ones(len(values))
    between = max(0.0, float(np.var(values, ddof=1)) - float(variances.mean()))
    found = 1 / (np.maximum(variances, positive.min()) + between)
    return np.asarray(found / found.mean())


def slopes(x: Floats, y: Floats, x_error: Floats, shared: Floats) -> tuple[float, float, float | None]:
    """Slope and intercept of y on x by least squares, and the slope without the errors of both (Fuller): None where the
    errors of x explain its whole variance.

    x_error, shared: (languages,), the variance of the error of x, and the covariance of the errors of x and y.
    """
    spread, common = float(np.var(x, ddof=1)), float(np.cov(x, y)[0, 1])
    if spread <= 0:
        return 0.0, float(y.mean()), None
    true = spread - float(x_error.mean())
    corrected = (common - float(shared.mean())) / true if true > _ROUNDING else None
    return common / spread, float(y.mean() - common / spread * x.mean()), corrected


def ridge(x: Floats, y: Floats, weight: Floats, families: Sequence[str]) -> Prediction:
    """Ridge regression. The penalty is the one that predicts families best that were left out, chosen anew without each
    family that is predicted.

    x: (languages, predictors); y, weight: (languages,). Raises ValueError below LEAST_FAMILIES families.
    """
    names = np.asarray(families)
    every = tuple(range(x.shape[1]))
    return _prediction(x, y, weight, names, _tuned, every, _penalty(x, y, weight, names))


def forward(x: Floats, y: Floats, weight: Floats, families: Sequence[str]) -> Prediction:
    """Greedy forward selection: the predictor that raises R2 most is added, as long as adjusted R2 rises. Held out, the
    whole selection is repeated without each family.

    Arguments as of `ridge`. Raises ValueError below LEAST_FAMILIES families.
    """
    return _prediction(x, y, weight, np.asarray(families), _selecting, selected(x, y, weight), None)


def _selecting(x: Floats, y: Floats, weight: Floats, _: NDArray[np.str_]) -> Model:
    return _least_squares(x, y, weight, selected(x, y, weight))


def _prediction(
    x: Floats,
    y: Floats,
    weight: Floats,
    families: NDArray[np.str_],
    fit: Fit,
    chosen: tuple[int, ...],
    penalty: float | None,
) -> Prediction:
    inside = fit(x, y, weight, families)(x)
    predicted, baseline = _held_out(x, y, weight, families, fit)
    mean = np.full(len(y), np.average(y, weights=weight))
    r2, held_out = r_squared(y, inside, mean, weight), r_squared(y, predicted, baseline, weight)
    return Prediction(r2, held_out, predicted, chosen, penalty)


def r_squared(y: Floats, predicted: Floats, baseline: Floats, weight: Floats) -> float:
    """1 - squared errors of the prediction / those of the baseline, weighted."""
    return 1.0 - float((weight * (y - predicted) ** 2).sum()) / float((weight * (y - baseline) ** 2).sum())


def selected(x: Floats, y: Floats, weight: Floats) -> tuple[int, ...]:
    """The columns that greedy forward selection chooses, in its order."""
    chosen: tuple[int, ...] = ()
    best = 0.0  # adjusted R2 without a predictor
    while len(chosen) < min(x.shape[1], len(y) - 3):
        every = [column for column in range(x.shape[1]) if column not in chosen]
        scores = [_r2(x, y, weight, (*chosen, column)) for column in every]
        adjusted = 1 - (1 - max(scores)) * (len(y) - 1) / (len(y) - len(chosen) - 2)
        if adjusted <= best + _ROUNDING:
            break
        best, chosen = adjusted, (*chosen, every[int(np.argmax(scores))])
    return chosen


def _r2(x: Floats, y: Floats, weight: Floats, columns: tuple[int, ...]) -> float:
    mean = np.full(len(y), np.average(y, weights=weight))
    return r_squared(y, _least_squares(x, y, weight, columns)(x), mean, weight)


def _least_squares(x: Floats, y: Floats, weight: Floats, columns: tuple[int, ...]) -> Model:
    root = np.sqrt(weight)
    design = np.column_stack([np.ones(len(y)), x[:, columns]])
    fitted = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    return lambda new: np.asarray(fitted[0] + new[:, columns] @ fitted[1:])


def _ridge(x: Floats, y: Floats, weight: Floats, penalties: Floats) -> Model:
    """One fit for each penalty, (any, penalties). Predictors are standardised, with the weights; the intercept has no
    penalty.
    """
    share = weight / weight.sum()
    centre, level = share @ x, share @ y
    scale = np.sqrt(share @ (x - centre) ** 2)
    scale[scale < _ROUNDING] = 1.0  # a column that is constant here, and gets no coefficient
    z = (x - centre) / scale
    gram = (z * share[:, None]).T @ z + penalties[:, None, None] * np.eye(x.shape[1])
    moments = np.broadcast_to(((z * share[:, None]).T @ (y - level))[:, None], (len(penalties), x.shape[1], 1))
    coefficients = np.linalg.solve(gram, moments)[..., 0]
    return lambda new: np.asarray(level + (new - centre) / scale @ coefficients.T)


def _tuned(x: Floats, y: Floats, weight: Floats, families: NDArray[np.str_]) -> Model:
    model = _ridge(x, y, weight, np.array([_penalty(x, y, weight, families)]))
    return lambda new: model(new)[:, 0]


def _penalty(x: Floats, y: Floats, weight: Floats, families: NDArray[np.str_]) -> float:
    """The one with the smallest squared error in families that were left out; the largest of equal ones."""
    errors = np.zeros(len(PENALTIES))
    for out in _folds(families):
        predicted = _ridge(x[~out], y[~out], weight[~out], PENALTIES)(x[out])
        errors += (weight[out, None] * (y[out, None] - predicted) ** 2).sum(axis=0)
    return float(PENALTIES[len(errors) - 1 - int(np.argmin(errors[::-1]))])


def _folds(families: NDArray[np.str_]) -> Iterator[NDArray[np.bool_]]:
    """The languages of each family. Raises ValueError if there is one family: nothing is left without it."""
    names = np.unique(families)
    if len(names) < 2:
        raise ValueError("no family is left when one is held out")
    for name in names:
        yield families == name


def _held_out(x: Floats, y: Floats, weight: Floats, families: NDArray[np.str_], fit: Fit) -> tuple[Floats, Floats]:
    """Predictions for every family by a fit to the others, and the weighted mean of the others: (languages,) each."""
    predicted, baseline = np.empty(len(y)), np.empty(len(y))
    for out in _folds(families):
        predicted[out] = fit(x[~out], y[~out], weight[~out], families[~out])(x[out])
        baseline[out] = np.average(y[~out], weights=weight[~out])
    return predicted, baseline
