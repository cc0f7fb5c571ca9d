"""Consistency of rankings between languages, and between the clean and the noisy input of one language (RankC)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from xtreme_noise import tasks
from xtreme_noise.analysis.holm import holm
from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.report import runs
from xtreme_noise.report.calibration import with_scores
from xtreme_noise.report.cells import Problem, where
from xtreme_noise.report.effects import Group, groups
from xtreme_noise.report.panels import Panel, panels
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.rankings import MEASURES, Pair, Ranked, Rankings, read_ranked, resampled
from xtreme_noise.report.runs import Runs
from xtreme_noise.report.statistics import pairs
from xtreme_noise.report.system import System

# Of the 9,999 resamples of the other statistics, the first ones: as for calibration.
RESAMPLES = 1_000
LANGUAGES, NOISE = "languages", "clean and noisy"  # what is compared


@dataclass(frozen=True)
class ConsistencyPoint:
    """One system at one level: two languages, or the clean and the noisy input of one; or the mean over all of these.

    compared: LANGUAGES or NOISE. language, other: both empty in a mean; equal in NOISE. measure: what `value` is, a
    mean over training seeds; values: every measure, nan where it is not defined. parts: how many pairs or languages a
    mean is over.
    """

    panel: Panel
    system: System
    level: float
    compared: str
    language: str
    other: str
    measure: str
    value: Estimate
    values: Mapping[str, float]
    parts: int
    resamples: int

    @property
    def above_random(self) -> float:
        """The share of what random rankings leave: 0 for these, 1 for equal rankings. Of agreement: Cohen's kappa."""
        random = self.values["random"]
        if np.isnan(random):
            return self.values["kappa"]
        return ((self.value.value or 0.0) - random) / (1 - random)


@dataclass(frozen=True)
class ConsistencyContrast:
    """Consistency lost to noise (1 minus that of clean with noisy), a mean over noise families, levels and languages:
    arm minus reference. tests: how many p_adjusted (Holm) is over; None below three training seeds.
    """

    group: Group
    measure: str
    value: float
    reference_value: float
    difference: Estimate
    by_seed: Mapping[str, float]
    p_adjusted: float | None = None
    tests: int = 0


@dataclass(frozen=True)
class Consistency:
    """The consistency of one task, or of all."""

    points: Sequence[ConsistencyPoint] = ()
    contrasts: Sequence[ConsistencyContrast] = ()


def joined(several: Iterable[Consistency]) -> Consistency:
    """All tasks together, with p adjusted within each family of comparisons."""
    every = list(several)
    contrasts = [row for one in every for row in one.contrasts]
    for family in dict.fromkeys(row.group.family for row in contrasts):
        own = [n for n, row in enumerate(contrasts) if row.group.family == family and row.difference.p is not None]
        values = holm([contrasts[n].difference.p or 0.0 for n in own])
        for n, value in zip(own, values, strict=True):
            contrasts[n] = replace(contrasts[n], p_adjusted=value, tests=len(own))
    return Consistency([point for one in every for point in one.points], contrasts)


def of_task(
    sweep: Path, cells: Sequence[CellRecord], evidence: Evidence, unusable: Mapping[tuple[str, str], str]
) -> tuple[Consistency, list[Problem]]:
    """The consistency of one task, and the files that cannot be used. Nothing without stored rankings.

    unusable: (task, language) -> why its cells cannot be compared.
    """
    ranked: dict[str, Ranked] = {}
    kept, problems, numbers = [], [], dict[str, int]()
    for cell in with_scores(sweep, cells):
        if cell.language not in evidence.names:
            continue
        try:
            ranked[cell.cell] = read_ranked(sweep, cell, evidence, numbers)
        except DataError as error:
            if cell.family in tasks.having("nearest"):  # other files are read, and named, for calibration
                problems.append(Problem(where(cell), str(error)))
        else:
            kept.append(cell)
    if not kept:
        return Consistency(), problems
    measured = _Measured(Rankings(ranked, evidence, resampled(evidence, RESAMPLES)))
    whole = [panel for panel in panels(kept, unusable) if panel.languages]
    points = [point for panel in whole for system in panel.systems for point in measured.points(panel, system)]
    compared = groups([pair for panel in whole for pair in pairs(panel, evidence)])
    return Consistency(points, [measured.contrast(group) for group in compared]), problems


@dataclass
class _Numbers:
    """A comparison in every training run. found: the first measure; values: all measures, means over runs."""

    measure: str
    found: Runs
    values: Mapping[str, float]


@dataclass
class _Measured:
    """Comparisons of the cells of a task, each made once."""

    rankings: Rankings
    _noise: dict[tuple[str, ...], _Numbers] = field(default_factory=dict)
    _clean: dict[tuple[object, ...], list[ConsistencyPoint]] = field(default_factory=dict)

    def points(self, panel: Panel, system: System) -> list[ConsistencyPoint]:
        """All levels of a system: pairs of languages, languages against their clean input, and the means of both."""
        found = []
        for level in panel.levels:
            found += self._between(panel, system, level)
            if level > 0 and panel.levels[0] == 0:
                own = {(code, code): self._of_noise(panel, system, code, level) for code in panel.languages}
                found += self._rows(panel, system, level, NOISE, own)
        return found

    def _between(self, panel: Panel, system: System, level: float) -> list[ConsistencyPoint]:
        """Those of the clean input are computed once for all noise families."""
        key = (panel.model, system, panel.languages, panel.seeds)
        if level == 0 and key in self._clean:
            return [replace(point, panel=panel) for point in self._clean[key]]
        found: dict[tuple[str, str], _Numbers] = {}
        for number, first in enumerate(panel.languages[:-1]):
            found |= self._of_languages(panel, system, level, first, panel.languages[number + 1 :])
        made = self._rows(panel, system, level, LANGUAGES, found)
        if level == 0:
            self._clean[key] = made
        return made

    def _of_languages(
        self, panel: Panel, system: System, level: float, first: str, others: Sequence[str]
    ) -> dict[tuple[str, str], _Numbers]:
        """A language with each of the others with which it shares examples."""
        runs_of: dict[str, list[list[Pair]]] = {}
        for other in others:
            several = [
                [pair for one, two in zip(mine, theirs, strict=True) if (pair := self.rankings.languages(one, two))]
                for mine, theirs in zip(panel.at(system, first, level), panel.at(system, other, level), strict=True)
            ]
            if all(several):
                runs_of[other] = several
        return {
            (first, other): numbers
            for other, numbers in zip(runs_of, self._numbers(first, list(runs_of.values())), strict=True)
        }

    def _of_noise(self, panel: Panel, system: System, language: str, level: float) -> _Numbers:
        clean, noisy = panel.at(system, language, 0.0), panel.at(system, language, level)
        key = tuple(cell.cell for run in (*clean, *noisy) for cell in run)
        if key not in self._noise:
            several = [
                [self.rankings.noise(before[0], cell) for cell in run] for before, run in zip(clean, noisy, strict=True)
            ]
            [self._noise[key]] = self._numbers(language, [several])
        return self._noise[key]

    def _numbers(self, language: str, compared: Sequence[Sequence[Sequence[Pair]]]) -> list[_Numbers]:
        """compared: for each comparison, for each run, the pairs of all noise seeds; first cells are of `language`."""
        flat = [_mean(run) for several in compared for run in several]
        drawn = self.rankings.drawn(language, flat) if flat else None
        found, at = [], 0
        for several in compared:
            own, place = flat[at : at + len(several)], slice(at, at + len(several))
            measure = own[0].measure
            values = {name: float(np.mean([pair.values[name] for pair in own])) for name in MEASURES}
            single = np.array([pair.values[measure] for pair in own])
            found.append(_Numbers(measure, Runs(single, None if drawn is None else drawn[place]), values))
            at += len(several)
        return found

    def _rows(
        self, panel: Panel, system: System, level: float, compared: str, found: Mapping[tuple[str, str], _Numbers]
    ) -> list[ConsistencyPoint]:
        """A point for each comparison, and the mean over them first."""
        if not found:
            return []
        every = list(found.values())
        values = {name: float(np.mean([one.values[name] for one in every])) for name in MEASURES}
        whole = _Numbers(every[0].measure, runs.mean([one.found for one in every]), values)
        evidence = self.rankings.evidence
        return [
            ConsistencyPoint(
                panel=panel, system=system, level=level, compared=compared, language=language, other=other,
                measure=one.measure, value=runs.estimate(one.found, panel, evidence), values=one.values,
                parts=len(every) if one is whole else 1, resamples=min(RESAMPLES, evidence.resamples),
            )
            for (language, other), one in ({("", ""): whole} | dict(found)).items()
        ]  # fmt: skip

    def contrast(self, group: Group) -> ConsistencyContrast:
        """The two systems of a group."""
        ours, theirs = (self._lost(group, system) for system in group.systems)
        pair = group.pairs[0]
        apart = ours.found.minus(theirs.found)
        return ConsistencyContrast(
            group=group,
            measure=ours.measure,
            value=ours.found.value,
            reference_value=theirs.found.value,
            difference=runs.estimate(apart, pair.panel, pair.evidence),
            by_seed={str(seed): float(one) for seed, one in zip(pair.panel.seeds, apart.values, strict=True)},
        )

    def _lost(self, group: Group, system: System) -> _Numbers:
        parts = [
            self._of_noise(pair.panel, system, language, level)
            for pair in group.pairs
            for level in pair.panel.levels[1:]
            for language in pair.panel.languages
        ]
        kept = runs.mean([one.found for one in parts])
        return _Numbers(parts[0].measure, kept.map(lambda value: 1 - value), {})


def _mean(several: Sequence[Pair]) -> Pair:
    """The mean over noise seeds, whose queries are the same."""
    values = {name: float(np.mean([pair.values[name] for pair in several])) for name in MEASURES}
    num = np.mean([pair.num for pair in several], axis=0)
    return Pair(several[0].measure, values, num, several[0].den)
