"""How much a score suffers from noise.

Scores are fractions in [0, 1], higher is better (direction.py converts error rates). Every measure takes arrays of any
shapes that broadcast, so that one formula serves a single cell and its 9,999 bootstrap replicates. A measure that is
not defined (a clean score of 0, or not above chance) is NaN, never 0: having nothing to lose is not robustness.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def absolute_drop(clean: ArrayLike, noisy: ArrayLike) -> Floats:
    """clean - noisy, in [-1, 1]; positive when noise hurts."""
    return np.asarray(np.asarray(clean, float) - np.asarray(noisy, float))


def drop_rate(clean: ArrayLike, noisy: ArrayLike, chance: float = 0.0) -> Floats:
    """The share of the clean score that noise takes away: 1 - (noisy - chance) / (clean - chance).

    With chance 0 this is the performance drop rate of PromptBench (Zhu et al. 2023, arXiv 2306.04528). At most 1;
    negative when noise helps. With `chance` it is 1 for a model that noise has brought down to chance level, whatever
    the number of classes. NaN where the clean score is not above `chance`.
    """
    above = np.asarray(clean, float) - chance
    kept = np.asarray(noisy, float) - chance
    above, kept = np.broadcast_arrays(above, kept)
    rate: Floats = np.full(above.shape, np.nan)
    np.divide(kept, above, out=rate, where=above > 0)
    return np.asarray(1.0 - rate)


def log_odds(score: ArrayLike, examples: ArrayLike) -> Floats:
    """ln(p / (1 - p)) of a score over `examples`, p = (score x examples + 1/2) / (examples + 1): finite for 0 and 1.

    The correction is that of J. B. S. Haldane, Annals of Human Genetics 20 (1956), and F. J. Anscombe, Biometrika 43
    (1956), the empirical logit: it takes most of the bias out of the log-odds of a share. A mean over languages is a
    share of all their examples here, F1 a share of its examples. NaN where `examples` is.
    """
    size = np.asarray(examples, float)
    share = (np.asarray(score, float) * size + 0.5) / (size + 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log(share) - np.log1p(-share))


def log_odds_lost(clean: ArrayLike, noisy: ArrayLike, examples: ArrayLike) -> Floats:
    """log_odds(clean) - log_odds(noisy): positive when noise hurts.

    Unlike a rate or a difference of shares it has no floor or ceiling, so that an arm does not look robust because it
    started low (G. R. Loftus, On interpretation of interactions, Memory & Cognition 6 (1978)).
    """
    return np.asarray(log_odds(clean, examples) - log_odds(noisy, examples))


def retention_area(levels: Sequence[float], scores: Sequence[ArrayLike]) -> Floats:
    """Mean share of the clean score that is kept over the measured range of levels.

    The curve score(level) / score(0) is integrated with the trapezoid rule from level 0 to the highest level
    and divided by that level: 1 when noise costs nothing, 0 when everything is lost at once. `scores[i]`
    belongs to `levels[i]`; levels ascend strictly from 0. NaN where the clean score is 0.

    Only comparable between curves over the same levels. Raises ValueError for levels that do not start at 0 or do not
    ascend, for fewer than two levels, and when the number of scores differs.
    """
    if len(levels) != len(scores) or len(levels) < 2 or levels[0] != 0:
        raise ValueError(f"a curve needs one score at level 0 and one at each further level: levels {list(levels)}")
    steps = np.diff(np.asarray(levels, float))
    if (steps <= 0).any():
        raise ValueError(f"levels must ascend: {list(levels)}")
    kept = [1.0 - drop_rate(scores[0], score) for score in scores]
    area = sum(step * (kept[i] + kept[i + 1]) / 2 for i, step in enumerate(steps))
    return np.asarray(area / levels[-1])


def cross_lingual_gap(rates: Mapping[str, ArrayLike], source: str) -> Floats | None:
    """Mean drop rate of the target languages minus the source language's: positive when transfer is more
    brittle.

    `rates` maps a language to its drop rate. None when the source language or every target language is
    absent; NaN when one of the rates is.
    """
    targets = [np.asarray(rate, float) for language, rate in rates.items() if language != source]
    if source not in rates or not targets:
        return None
    return np.asarray(sum(targets) / len(targets) - np.asarray(rates[source], float))
