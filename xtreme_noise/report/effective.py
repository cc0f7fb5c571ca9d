"""Effective robustness: every system against the line through those without intermediate training (Taori et al. 2020).

The baselines are the systems of all models of a task without intermediate training and without noise in training: one
model trained on several sizes, each size with a name of its own (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.effective_robustness import LEAST_BASELINES, Line, enough, fit, outside
from xtreme_noise.analysis.jackknife import by_run
from xtreme_noise.analysis.robustness import log_odds
from xtreme_noise.analysis.seeds import Estimate, over_seeds
from xtreme_noise.report import runs
from xtreme_noise.report.common import common
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import Runs
from xtreme_noise.report.system import NONE, System

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)  # of axes: scores


@dataclass(frozen=True)
class Standing:
    """One system. clean, noisy: its mean scores; x, y: (seeds,), their log-odds. residual: noisy minus the line's
    prediction, in log-odds. outside: whether its clean score is beyond those of the baselines.
    """

    model: str
    system: System
    clean: float
    noisy: float
    x: Floats
    y: Floats
    residual: Estimate
    outside: bool

    @property
    def baseline(self) -> bool:
        return self.system.side == NONE


@dataclass(frozen=True)
class Fitted:
    """The line of one task, noise family and level, in log-odds. panel: of one model, over what all models share."""

    panel: Panel
    level: float
    slope: float
    intercept: float
    standings: tuple[Standing, ...]
    resamples: int

    @property
    def baselines(self) -> list[Standing]:
        return [one for one in self.standings if one.baseline]

    @property
    def arms(self) -> list[Standing]:
        return [one for one in self.standings if not one.baseline]


@dataclass(frozen=True)
class _Scores:
    """Of one system: mean scores, and log-odds run by run."""

    means: tuple[float, float]
    clean: Runs
    noisy: Runs


def fitted(panels: Sequence[Panel], evidence: Evidence) -> list[Fitted]:
    """The lines of one task, by noise family and level; none where the baselines do not determine a line."""
    made = []
    for noise in dict.fromkeys(panel.noise for panel in panels):
        own = [panel for panel in panels if panel.noise == noise and panel.languages and len(panel.levels) > 1]
        baselines = sum(system.side == NONE for panel in own for system in panel.systems)
        shared = common(own, "not measured with every model") if baselines >= LEAST_BASELINES else []
        for level in shared[0].levels[1:] if shared else ():
            line = _line(shared, evidence, level)
            made += [line] if line else []
    return made


def _line(panels: Sequence[Panel], evidence: Evidence, level: float) -> Fitted | None:
    every = _scores(panels, evidence, level)
    base = [scores for (_, system), scores in every.items() if system.side == NONE]
    if not base or not enough(np.array([scores.clean.value for scores in base])):
        return None
    clean, noisy = _stacked([scores.clean for scores in base]), _stacked([scores.noisy for scores in base])
    line = _fit(clean.values, noisy.values)
    items = runs.items(panels[0], evidence)
    return Fitted(
        panel=panels[0],
        level=level,
        slope=float(line.slope),
        intercept=float(line.intercept),
        standings=tuple(
            Standing(
                *place,
                *scores.means,
                x=scores.clean.values,
                y=scores.noisy.values,
                residual=_residual((scores.clean, scores.noisy), (clean, noisy), items),
                outside=outside(scores.clean.value, clean.values),
            )
            for place, scores in every.items()
        ),
        resamples=evidence.resamples,
    )


def _scores(panels: Sequence[Panel], evidence: Evidence, level: float) -> Mapping[tuple[str, System], _Scores]:
    """(model, system) -> scores, without systems whose clean score is no better than a guess: there log-odds are not on
    a line.
    """
    found = {}
    for panel in panels:
        for system in panel.systems:
            curve = runs.curve(panel, evidence, system)
            means = (curve.scores[0.0].value, curve.scores[level].value)
            if curve.chance is None or not curve.chance.near(means[0]):
                right, size = curve.right, curve.size
                clean, noisy = (right[at].map(lambda some, n=size: log_odds(some, n)) for at in (0.0, level))
                found[panel.model, system] = _Scores(means, clean, noisy)
    return found


def _stacked(several: Sequence[Runs]) -> Runs:
    """(systems, seeds) and (systems, seeds, resamples)."""
    drawn = [one.drawn for one in several if one.drawn is not None]
    values = np.stack([one.values for one in several])
    return Runs(values, np.stack(drawn) if len(drawn) == len(several) else None)


def _fit(clean: Floats, noisy: Floats) -> Line:
    """One line through all systems and seeds."""
    points = (clean.shape[0] * clean.shape[1], *clean.shape[2:])
    return fit(clean.reshape(points), noisy.reshape(points))


def _residual(own: tuple[Runs, Runs], base: tuple[Runs, Runs], items: int) -> Estimate:
    """The mean over seeds. A seed is left out of both the system and the line, so that the error of the line counts."""

    def left(own_clean: Floats, own_noisy: Floats, clean: Floats, noisy: Floats) -> Floats:
        return np.asarray(_fit(clean, noisy).residual(own_clean, own_noisy).mean(axis=0))

    def some(seeds: NDArray[np.intp]) -> float:
        one, two = (side.values[seeds] for side in own)
        return float(left(one, two, *(side.values[:, seeds] for side in base)))

    seeds = len(own[0].values)
    drawn = [side.drawn for side in (*own, *base) if side.drawn is not None]
    every = np.broadcast_to(left(*drawn), (seeds, drawn[0].shape[-1])) if len(drawn) == 4 else None
    return over_seeds(by_run(some, seeds), every, items)


def ticks(low: float, high: float) -> dict[float, str]:
    """Log-odds from low to high where an axis has a mark -> the score there, x 100."""
    places = {math.log(tick / (1 - tick)): f"{100 * tick:g}" for tick in TICKS}
    return {place: label for place, label in places.items() if low <= place <= high}
