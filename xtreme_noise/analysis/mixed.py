"""A logistic mixed model of the single answers: a second opinion on the interaction of arm and noise.

    logit P(right) = arm x condition + arm x noisy x run + item + language

Arm, condition (clean, or a noise family at a level) and training run are fixed effects, source item and language have
random intercepts. The interaction is averaged over noisy conditions and runs. Runs are not random: an intercept for
each would leave the standard error of the interaction as it is, and with three to ten runs the variance of a slope is
that of its prior. So every run has its own interaction, and their spread counts as in all other estimates (seeds.py).

The interaction is conditional on the item: among items of unequal difficulty it is farther from 0 than that of mean
scores (S. L. Zeger, K.-Y. Liang and P. S. Albert, Models for longitudinal data: a generalized estimating equation
approach, Biometrics 44 (1988)).

statsmodels finds the posterior mode and the Laplace approximation around it (`fit_map`; its other method, variational
Bayes, gives standard errors that are half of what they should be). Priors: normal with standard deviation 2 for the
fixed effects, log-normal around 1 with standard deviation .5 for the standard deviations of items and languages.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis.bootstrap import Floats

STARTS = range(4)  # seeds of the starting points, tried in this order: about one in twenty leads nowhere
LONGEST = 300  # iterations of one start; those that lead to a mode take 30 to 100
STILL = 1e-4  # at a mode, a Newton step moves no parameter by more than a hundredth of its standard error
COLLAPSED = 0.01  # with few answers to an item the density is greatest where no item differs from the others
PRIOR = {"fe_p": 2.0, "vcp_p": 0.5}
BASE = 4  # columns of `_fixed`: 1, arm, noisy, arm x noisy
NOISY, INTERACTION = 2, 3


@dataclass(frozen=True)
class Answers:
    """The answers of two arms, one entry each: right or not, of the arm or of its reference, and its condition (0:
    clean; others: noise), source item, language and training run (seed), each numbered from 0.
    """

    right: NDArray[np.bool_]
    arm: NDArray[np.bool_]
    condition: NDArray[np.intp]
    item: NDArray[np.intp]
    language: NDArray[np.intp]
    run: NDArray[np.intp]


@dataclass(frozen=True)
class Fitted:
    """Log-odds lost under noise: of the arm, of the reference, the first minus the second in each training run and on
    average, and the standard error of that mean, given these runs.
    """

    arm: float
    reference: float
    difference: float
    by_run: tuple[float, ...]
    se: float


def fit(answers: Answers) -> Fitted | None:
    """The model's mode; None if none was found from any of the starts, or all answers are equal.

    Deterministic in its arguments. Raises ValueError unless there are clean and noisy answers of both arms.
    """
    if len({(arm, noisy) for arm, noisy in zip(answers.arm, answers.condition > 0, strict=True)}) < 4:
        raise ValueError("the interaction needs clean and noisy answers of both arms")
    if answers.right.all() or not answers.right.any():
        return None
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM  # takes seconds to import

    random, kinds = _random(answers)
    model = BinomialBayesMixedGLM(answers.right.astype(float), _fixed(answers), random, kinds, **PRIOR)
    for start in STARTS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of no convergence: checked below, for steps that were merely small too
            try:
                found = model.fit_map(rng=start, minim_opts={"maxiter": LONGEST})
            except np.linalg.LinAlgError:
                continue
        if _at_mode(model, found):
            return _fitted(-found.fe_mean, float(found.fe_sd[INTERACTION]), int(answers.run.max()) + 1)
    return None


def _fitted(lost: Floats, se: float, runs: int) -> Fitted:
    """lost: the fixed effects, with the sign of what is lost."""
    noisy, interaction = float(lost[NOISY]), float(lost[INTERACTION])
    deviations = [float(lost[BASE * (1 + run) + INTERACTION]) for run in range(runs - 1)]
    by_run = [interaction + one for one in (*deviations, -sum(deviations))]
    return Fitted(noisy + interaction / 2, noisy - interaction / 2, interaction, tuple(by_run), se)


def _at_mode(model: Any, found: Any) -> bool:
    """Whether the gradient is as good as 0 (g' C g is the squared length of a Newton step, in standard errors), at
    standard deviations that are not.
    """
    covariance, gradient = found.cov_params(), model.logposterior_grad(found.params)
    if not (np.isfinite(covariance).all() and np.isfinite(gradient).all() and (np.diag(covariance) > 0).all()):
        return False
    return bool(0 <= gradient @ covariance @ gradient < STILL and (np.exp(found.vcp_mean) > COLLAPSED).all())


def _fixed(answers: Answers) -> Floats:
    """1, arm (one half or minus one half), noisy, their product; how each run deviates from the mean of all in these
    four; how each condition deviates from the mean noisy one, and the product of this and arm. So the product of arm
    and noisy is a mean, with equal weights, over conditions and runs.
    """
    arm, noisy = answers.arm - 0.5, (answers.condition > 0).astype(float)
    base = np.column_stack([np.ones(len(arm)), arm, noisy, arm * noisy])
    columns = [base, *(base * one[:, None] for one in _deviations(answers.run, 0))]
    columns += [np.column_stack([one, arm * one]) for one in _deviations(answers.condition, 1)]
    return np.hstack(columns)


def _deviations(kinds: NDArray[np.intp], first: int) -> list[Floats]:
    """1 in one kind, from `first` on, and -1 in the last, for all kinds but the last: their effects sum to 0."""
    last = int(kinds.max())
    return [(kinds == kind).astype(float) - (kinds == last) for kind in range(first, last)]


def _random(answers: Answers) -> tuple[Any, NDArray[np.intp]]:
    """A sparse column for every item and every language (answers, items + languages), and which of the two each is."""
    from scipy import sparse

    rows, ones = np.arange(len(answers.right)), np.ones(len(answers.right))
    parts = [sparse.csr_array((ones, (rows, which))) for which in (answers.item, answers.language)]
    kinds = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
    return sparse.csr_array(sparse.hstack(parts)), kinds
