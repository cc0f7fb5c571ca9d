"""Numbers of each training run: the score of a system in every seed, and its loss under noise on every scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.chance import Chance
from xtreme_noise.analysis.direction import rightness
from xtreme_noise.analysis.robustness import absolute_drop, drop_rate, log_odds_lost, retention_area
from xtreme_noise.analysis.seeds import Estimate, over_seeds
from xtreme_noise.record import CellRecord
from xtreme_noise.report.chance import over
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.system import System

# Scales of the loss under noise, in the order of the tables; the first one is tested (docs/statistics.md).
PRIMARY = "log_odds_lost"
SCALES = (PRIMARY, "drop_rate", "drop_rate_above_chance", "drop")


@dataclass(frozen=True)
class Runs:
    """A number of each training run. values: (seeds,); drawn: (seeds, resamples), None if it was not resampled."""

    values: Floats
    drawn: Floats | None

    def map(self, measure: Callable[..., Floats], *others: Runs) -> Runs:
        """A measure of this and other numbers of the same runs, run by run."""
        every = (self, *others)
        drawn = [one.drawn for one in every if one.drawn is not None]
        return Runs(measure(*(one.values for one in every)), measure(*drawn) if len(drawn) == len(every) else None)

    def minus(self, other: Runs) -> Runs:
        return self.map(np.subtract, other)

    @property
    def value(self) -> float:
        return float(self.values.mean())


def mean(several: list[Runs]) -> Runs:
    """The mean of several numbers of the same runs, with equal weights."""
    drawn = [one.drawn for one in several if one.drawn is not None]
    values = np.mean([one.values for one in several], axis=0)
    return Runs(values, np.mean(drawn, axis=0) if len(drawn) == len(several) else None)


@dataclass(frozen=True)
class Curve:
    """One system on the languages, levels and seeds of a panel. scores, right: level -> the score, and converted so
    that higher is better; chance: the chance level; size: see `examples`.
    """

    levels: tuple[float, ...]
    scores: Mapping[float, Runs]
    right: Mapping[float, Runs]
    chance: Chance | None
    size: float
    _lost: dict[tuple[str, float], Runs | None] = field(default_factory=dict)

    def lost(self, scale: str, level: float) -> Runs | None:
        """The loss on one scale at a level; None if it is not defined. Computed once."""
        if (scale, level) not in self._lost:
            self._lost[scale, level] = lost(scale, self.right[0.0], self.right[level], self.chance, self.size)
        return self._lost[scale, level]

    @cached_property
    def area(self) -> Runs:
        """The area under the retention curve."""
        first, *rest = [self.right[level] for level in self.levels]
        return first.map(lambda *some: retention_area(self.levels, some), *rest)


def curve(panel: Panel, evidence: Evidence, system: System) -> Curve:
    """The curve of a system; computed once, as points, contrasts and effects are computed from the same ones."""
    same = (panel.languages, panel.levels, panel.seeds, panel.noise_seeds)
    key = ("curve", panel.model, panel.noise, system, *same)
    if key not in evidence.kept:
        evidence.kept[key] = made(panel, evidence, system, score)
    found: Curve = evidence.kept[key]
    return found


def made(panel: Panel, evidence: Evidence, system: System, scored: Callable[..., Runs]) -> Curve:
    """The curve of a system from scores of its own; `scored`: (panel, evidence, system, level)."""
    scores = {level: scored(panel, evidence, system, level) for level in panel.levels}
    chance, size = over(evidence.chances, panel.languages), examples(panel, system)
    return Curve(panel.levels, scores, right(panel, scores), chance, size)


def estimate(runs: Runs, panel: Panel, evidence: Evidence) -> Estimate:
    """The mean over the runs."""
    return over_seeds(runs.values, runs.drawn, items(panel, evidence))


def items(panel: Panel, evidence: Evidence) -> int:
    """The number of source items to draw from; translations of an item do not count again."""
    return max((evidence.items.get(language, 1) for language in panel.languages), default=1)


def score(panel: Panel, evidence: Evidence, system: System, level: float) -> Runs:
    """Mean over complete languages and noise seeds."""
    runs: list[list[CellRecord]] = [[] for _ in panel.seeds]
    for language in panel.languages:
        for run, cells in zip(runs, panel.at(system, language, level), strict=True):
            run.extend(cells)
    values = np.array([np.mean([cell.score for cell in run]) for run in runs])
    if any(cell.cell not in evidence.scores for run in runs for cell in run):
        return Runs(values, None)
    return Runs(values, evidence.means(tuple(tuple(cell.cell for cell in run) for run in runs)))


def right(panel: Panel, scores: Mapping[float, Runs]) -> dict[float, Runs]:
    """The scores converted so that higher is better, on which losses are measured."""
    return {level: runs.map(lambda some: rightness(panel.metric, some)) for level, runs in scores.items()}


def examples(panel: Panel, system: System) -> float:
    """The number of examples behind a score of one run, over all its languages; nan if a cell does not record it."""
    level = panel.levels[0]
    counts = [panel.at(system, language, level)[0][0].n for language in panel.languages]
    return float(sum(n for n in counts if n is not None)) if None not in counts else float("nan")


def lost(scale: str, clean: Runs, noisy: Runs, chance: Chance | None, size: float) -> Runs | None:
    """The loss on one scale, run by run. clean, noisy: higher is better. None if the scale is not defined."""
    if scale == "drop_rate_above_chance" and chance is None:
        return None
    measures: dict[str, Callable[[Floats, Floats], Floats]] = {
        "log_odds_lost": lambda a, b: log_odds_lost(a, b, size),
        "drop_rate": drop_rate,
        "drop_rate_above_chance": lambda a, b: drop_rate(a, b, chance.right if chance else 0.0),
        "drop": absolute_drop,
    }
    return clean.map(measures[scale], noisy)
