"""All systems of a task, of every model, ranked on what all of them have: the same languages, noise families, levels.

Ranks have intervals, because a mean says nothing of how often another choice of test items or training seeds would have
given another order (analysis/rank_intervals.py).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from xtreme_noise.analysis.maxt import Test
from xtreme_noise.analysis.rank_intervals import Rank, ranks
from xtreme_noise.analysis.seeds import Estimate, independent
from xtreme_noise.report import runs
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import PRIMARY, Runs
from xtreme_noise.report.system import System

LEAST_SYSTEMS = 3  # two are a contrast
RESAMPLES = 1_999  # of the tests of all pairs, whose adjusted p need no smaller steps
QUANTITIES = ("clean", "noisy", PRIMARY)
Condition = tuple[str, float, str]  # noise family, level, language


@dataclass(frozen=True)
class Place:
    """One quantity of one system. estimate: a score, or log-odds lost; rank: None where the value is not defined."""

    estimate: Estimate
    rank: Rank | None


@dataclass(frozen=True)
class Standing:
    """One system of a leaderboard. places: by quantity; of noisy levels, the mean over families and levels.

    seeds: its training seeds. hardware: the kinds of machine that computed its cells.
    """

    model: str
    system: System
    places: Mapping[str, Place]
    seeds: tuple[int, ...]
    hardware: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.model} · {self.system.intermediate}"


@dataclass(frozen=True)
class Leaderboard:
    """The systems of one task, the best under noise first.

    conditions: what all of them have, and nothing else is in the numbers. left_out: systems that have less than half of
    the conditions of the most complete one.
    """

    task: str
    metric: str
    standings: tuple[Standing, ...]
    conditions: frozenset[Condition]
    left_out: tuple[str, ...]

    @property
    def languages(self) -> list[str]:
        return sorted({language for _, _, language in self.conditions})

    @property
    def noises(self) -> dict[str, list[float]]:
        """Noise family -> its levels above 0."""
        found: dict[str, set[float]] = defaultdict(set)
        for noise, level, _ in self.conditions:
            found[noise] |= {level} if level > 0 else set()
        return {noise: sorted(levels) for noise, levels in sorted(found.items()) if levels}


@dataclass(frozen=True)
class _Entry:
    """One system with its own panels, one per noise family, over the seeds that all of them have."""

    model: str
    system: System
    panels: tuple[Panel, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.panels[0].seeds

    @property
    def conditions(self) -> frozenset[Condition]:
        return frozenset(
            (panel.noise, level, language)
            for panel in self.panels
            for level in panel.levels
            for language in panel.languages
        )

    def on(self, common: frozenset[Condition]) -> _Entry:
        """The part of it that is in these conditions."""
        kept = []
        for panel in self.panels:
            own = [(level, language) for noise, level, language in common if noise == panel.noise]
            if own:
                levels, languages = (tuple(sorted(set(values))) for values in zip(*own, strict=True))
                kept.append(replace(panel, levels=levels, languages=languages))
        return replace(self, panels=tuple(kept))


def of_task(panels: Sequence[Panel], evidence: Evidence) -> Leaderboard | None:
    """The leaderboard of one task. panels: all of its panels, of all models. None below LEAST_SYSTEMS systems that can
    be compared.
    """
    every = sorted(_entries(panels), key=lambda entry: -len(entry.conditions))
    if len(every) < LEAST_SYSTEMS:
        return None
    common, kept, left_out = every[0].conditions, [], []
    for entry in every:
        shared = common & entry.conditions
        if 2 * len(shared) < len(every[0].conditions):
            left_out.append(f"{entry.model} · {entry.system.intermediate}")
        else:
            common = shared
            kept.append(entry)
    if len(kept) < LEAST_SYSTEMS:
        return None
    entries = [entry.on(common) for entry in kept]
    standings = _standings(entries, evidence)
    return Leaderboard(panels[0].task, panels[0].metric, tuple(sorted(standings, key=_order)), common, tuple(left_out))


def _entries(panels: Sequence[Panel]) -> list[_Entry]:
    by_system: dict[tuple[str, System], list[Panel]] = defaultdict(list)
    for panel in panels:
        for system in panel.systems:
            own = panel.among([system])
            if own.languages and own.levels[0] == 0:
                by_system[panel.model, system].append(own)
    found = []
    for (model, system), same in by_system.items():
        seeds = tuple(seed for seed in same[0].seeds if all(seed in panel.seeds for panel in same))
        if seeds:
            found.append(_Entry(model, system, tuple(replace(panel, seeds=seeds) for panel in same)))
    return found


def _standings(entries: Sequence[_Entry], evidence: Evidence) -> list[Standing]:
    places: list[dict[str, Place]] = [{} for _ in entries]
    for quantity in QUANTITIES:
        measured = {i: one for i, entry in enumerate(entries) if (one := _measured(entry, evidence, quantity))}
        known = [i for i, (_, right) in measured.items() if not np.isnan(right.value)]
        ranked = dict(zip(known, _ranked([(entries[i], measured[i][1]) for i in known], evidence), strict=True))
        for i, (shown, _) in measured.items():
            places[i][quantity] = Place(runs.estimate(shown, _widest(entries[i]), evidence), ranked.get(i))
    return [
        Standing(entry.model, entry.system, own, entry.seeds, _hardware(entry))
        for entry, own in zip(entries, places, strict=True)
    ]


def _measured(entry: _Entry, evidence: Evidence, quantity: str) -> tuple[Runs, Runs] | None:
    """The quantity, and the same so that higher is better; None if it is not defined."""
    curves = {panel.noise: runs.curve(panel, evidence, entry.system) for panel in entry.panels}
    if quantity == "clean":
        curve = curves[_widest(entry).noise]
        return curve.scores[0.0], curve.right[0.0]
    noisy = [(curve, level) for curve in curves.values() for level in curve.levels if level > 0]
    if not noisy:
        return None
    if quantity == "noisy":
        scores, right = ([getattr(curve, name)[level] for curve, level in noisy] for name in ("scores", "right"))
        return runs.mean(scores), runs.mean(right)
    lost = [one for curve, level in noisy if (one := curve.lost(quantity, level)) is not None]
    if len(lost) < len(noisy):
        return None
    mean = runs.mean(lost)
    return mean, mean.map(np.negative)


def _widest(entry: _Entry) -> Panel:
    """Noise families without some languages have the clean scores of the others only."""
    return max(entry.panels, key=lambda panel: len(panel.languages))


def _ranked(measured: Sequence[tuple[_Entry, Runs]], evidence: Evidence) -> list[Rank]:
    tests = {}
    for (i, (one, ours)), (j, (other, theirs)) in combinations(enumerate(measured), 2):
        if test := _test(one, ours, other, theirs, evidence):
            tests[i, j] = test
    return ranks([own.value for _, own in measured], tests)


def _test(one: _Entry, ours: Runs, other: _Entry, theirs: Runs, evidence: Evidence) -> Test | None:
    """The test of a difference: over training seeds where both have enough, else over test items alone."""
    if ours.drawn is None or theirs.drawn is None:
        return None
    panel = _widest(one)
    if one.seeds == other.seeds:
        difference = runs.estimate(ours.minus(theirs), panel, evidence)
    else:
        items = runs.items(panel, evidence)
        difference = independent(ours.values, theirs.values, (ours.drawn, theirs.drawn), items)
    if difference.value is None or difference.se is None or difference.se <= 0:
        return None
    p = difference.p if difference.p is not None else _normal(difference.value / difference.se)
    drawn = ours.drawn.mean(axis=0) - theirs.drawn.mean(axis=0)
    return Test(p, drawn[:RESAMPLES], difference.se, difference.item_se or 0.0)


def _normal(deviate: float) -> float:
    """Two-sided p."""
    from scipy import special  # takes a while to import, and not every report needs it

    return float(2 * special.ndtr(-abs(deviate)))


def _hardware(entry: _Entry) -> tuple[str, ...]:
    cells = (
        cell
        for panel in entry.panels
        for level in panel.levels
        for language in panel.languages
        for run in panel.at(entry.system, language, level)
        for cell in run
    )
    return tuple(sorted({cell.hardware for cell in cells if cell.hardware}))


def _order(standing: Standing) -> tuple[float, ...]:
    """By the rank under noise, then by that of clean scores."""
    by = [standing.places[name].rank for name in ("noisy", "clean") if name in standing.places]
    return tuple(float("inf") if rank is None else float(rank.rank) for rank in by)
