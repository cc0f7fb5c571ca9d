"""The statistics of the report: the points of curves, and contrasts of two arms, with intervals and p values."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats, interval, mean_over_runs, p_value
from xtreme_noise.analysis.chance import Chance
from xtreme_noise.analysis.direction import rightness
from xtreme_noise.analysis.holm import holm
from xtreme_noise.analysis.robustness import absolute_drop, cross_lingual_gap, drop_rate, retention_area
from xtreme_noise.record import CellRecord
from xtreme_noise.report.chance import over
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.system import System

# (arm, reference). MAIN is the question, for models without and with noise in training; the other contrasts measure the
# benefit of intermediate training, that of noise in training, and compare these two.
MAIN = (("multilingual", "english"), ("multilingual + noise", "english + noise"))
CONTRASTS = (
    *MAIN, ("english", "none"), ("multilingual", "none"),
    ("noise", "none"), ("noise", "english"), ("noise", "multilingual"),
    ("english + noise", "english"), ("multilingual + noise", "multilingual"),
    ("english + noise", "none"), ("multilingual + noise", "none"),
)  # fmt: skip
MEASURES = ("score", "drop_rate", "retention_area")


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; None if it is not defined or could not be resampled."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Point:
    """One system at one level: means over the panel's complete languages."""

    panel: Panel
    system: System
    level: float
    score: Estimate
    drop: Estimate
    drop_rate: Estimate
    drop_rate_above_chance: float | None
    chance: Chance | None  # the chance level
    at_chance: bool | None  # whether the score is no better than chance; None: not known
    clean_at_chance: bool | None  # whether the clean score is no better: then the drop has no meaning
    retention_area: Estimate  # of the whole curve, so the same at every level
    cross_lingual_gap: float | None
    achieved: float | None
    word_change_rate: float | None
    flip_rate: float | None
    right_to_wrong: float | None
    wrong_to_right: float | None
    resamples: int


@dataclass(frozen=True)
class Contrast:
    """Arm minus reference arm of one kind of intermediate task, on the same items, languages and levels.

    A model with noise in training and without intermediate training is compared with the arms of every kind. For the
    drop rate the contrast is a difference in differences: the drop of the arm minus the drop of the reference, each
    relative to its own clean score.
    """

    panel: Panel
    arm: System
    reference: System
    measure: str
    level: float | None  # None for the retention area
    value: float
    reference_value: float
    difference: Estimate
    p: float | None
    p_holm: float | None
    tests: int  # size of the family of tests that Holm's correction is over
    resamples: int
    guessing: tuple[str, ...] = ()  # which of the two is no better than chance without noise

    @property
    def kind(self) -> str:
        """The kind of intermediate task of both, or of the one that has any."""
        return self.reference.kind if self.arm.kind == "none" else self.arm.kind

    @property
    def main(self) -> bool:
        """Whether it compares the multilingual arm with the English one."""
        return (self.arm.side, self.reference.side) in MAIN


@dataclass(frozen=True)
class Comparison:
    """Two systems to compare. panel: over the languages, levels and seeds that both have."""

    arm: System
    reference: System
    panel: Panel
    evidence: Evidence


def points(panel: Panel, evidence: Evidence) -> list[Point]:
    """The points of all curves of a panel; empty if no language is complete."""
    if not panel.languages:
        return []
    rows = []
    chance = over(evidence.chances, panel.languages)
    for system in panel.systems:
        scores = {level: _mean(panel, evidence, system, level) for level in panel.levels}
        right = _right(panel, scores)
        area = _area(panel, right)
        for level in panel.levels:
            value, drawn = right[level]
            guessing, clean_guessing = (_near(chance, scores, at) for at in (level, 0.0))
            clean, clean_drawn = right.get(0.0, (math.nan, None))
            cells = [cell for language in panel.languages for run in panel.at(system, language, level) for cell in run]
            rows.append(
                Point(
                    panel, system, level,
                    score=_estimate(*scores[level]),
                    drop=_derive(absolute_drop, clean, value, clean_drawn, drawn),
                    drop_rate=_derive(drop_rate, clean, value, clean_drawn, drawn),
                    drop_rate_above_chance=(
                        _defined(float(drop_rate(clean, value, chance.right))) if chance else None
                    ),
                    chance=chance, at_chance=guessing, clean_at_chance=clean_guessing,
                    retention_area=area,
                    cross_lingual_gap=_gap(panel, system, level) if level > 0 else None,
                    achieved=_average(cells, lambda c: c.achieved),
                    word_change_rate=_average(cells, lambda c: c.word_change_rate),
                    flip_rate=_average(cells, lambda c: c.flip_rate),
                    right_to_wrong=_average(cells, lambda c: c.right_to_wrong),
                    wrong_to_right=_average(cells, lambda c: c.wrong_to_right),
                    resamples=evidence.resamples,
                )
            )  # fmt: skip
    return rows


def pairs(panel: Panel, evidence: Evidence) -> list[Comparison]:
    """Every two systems of a panel that may be compared and share a language."""
    found = [
        Comparison(arm, reference, panel.among((arm, reference)), evidence)
        for arm, reference in _compared(panel.systems)
    ]
    return [pair for pair in found if pair.panel.languages]


def contrasts(compared: Sequence[Comparison]) -> list[Contrast]:
    """All contrasts of these comparisons, with Holm-adjusted p values within each (pair of arms, measure)."""
    rows = list(chain.from_iterable(map(_contrasts, compared)))
    adjusted: dict[int, tuple[float, int]] = {}
    for pair in CONTRASTS:
        for measure in MEASURES:
            family: dict[Hashable, tuple[float, list[int]]] = {}
            for i, row in enumerate(rows):
                if (row.arm.side, row.reference.side) == pair and row.measure == measure and row.p is not None:
                    family.setdefault(_test(row, i), (row.p, []))[1].append(i)
            values = holm([p for p, _ in family.values()])
            for value, (_, same) in zip(values, family.values(), strict=True):
                adjusted |= dict.fromkeys(same, (value, len(family)))
    return [
        replace(row, p_holm=adjusted[i][0], tests=adjusted[i][1]) if i in adjusted else row
        for i, row in enumerate(rows)
    ]


def _test(row: Contrast, number: int) -> Hashable:
    """Identifies a test. Contrasts of clean scores with the same languages and seeds occur once per noise family, but
    are one test.
    """
    panel = row.panel
    if row.level != 0:
        return number
    return panel.task, panel.model, row.arm, row.reference, panel.languages, panel.seeds


def _contrasts(pair: Comparison) -> list[Contrast]:
    rows: list[Contrast] = []
    panel, evidence, arm, reference = pair.panel, pair.evidence, pair.arm, pair.reference
    ours = {level: _mean(panel, evidence, arm, level) for level in panel.levels}
    theirs = {level: _mean(panel, evidence, reference, level) for level in panel.levels}
    chance = over(evidence.chances, panel.languages)
    both = ((arm, ours), (reference, theirs))
    guessing = tuple(system.intermediate for system, scores in both if _near(chance, scores, 0.0))

    def row(measure: str, level: float | None, a: Drawn, b: Drawn) -> None:
        if math.isnan(a[0]) or math.isnan(b[0]):
            return
        drawn = a[1] - b[1] if a[1] is not None and b[1] is not None else None
        p = p_value(drawn) if drawn is not None else None
        difference = _estimate(a[0] - b[0], drawn)
        rows.append(
            Contrast(
                panel=panel,
                arm=arm,
                reference=reference,
                measure=measure,
                level=level,
                value=a[0],
                reference_value=b[0],
                difference=difference,
                p=p,
                p_holm=None,
                tests=0,
                resamples=evidence.resamples,
                guessing=guessing,
            )
        )

    for level in panel.levels:
        row("score", level, ours[level], theirs[level])
    if 0.0 in panel.levels:
        ours, theirs = _right(panel, ours), _right(panel, theirs)
        for level in panel.levels[1:]:
            row("drop_rate", level, _rate(ours, level), _rate(theirs, level))
        if len(panel.levels) > 1:
            row("retention_area", None, _curve_area(panel, ours), _curve_area(panel, theirs))
    return rows


def _compared(systems: Sequence[System]) -> list[tuple[System, System]]:
    """(arm, reference) of all comparable systems."""
    return [
        (arm, reference)
        for pair in CONTRASTS
        for arm in systems
        for reference in systems
        if (arm.side, reference.side) == pair and _comparable(arm, reference)
    ]


def _comparable(arm: System, reference: System) -> bool:
    """Whether both have the same kind of intermediate task and the same noise, or one intermediate task with and
    without noise, or one has no intermediate training."""
    if "none" in (arm.kind, reference.kind):
        return True
    if arm.noise == reference.noise:
        return arm.kind == reference.kind
    return not reference.noise and (arm.kind, arm.arm) == (reference.kind, reference.arm)


Drawn = tuple[float, "Floats | None"]


def _mean(panel: Panel, evidence: Evidence, system: System, level: float) -> Drawn:
    """Mean over complete languages, noise seeds and seeds: the value and its replicates (None: not resampled)."""
    runs: list[list[CellRecord]] = [[] for _ in panel.seeds]
    for language in panel.languages:
        for run, cells in zip(runs, panel.at(system, language, level), strict=True):
            run.extend(cells)
    value = float(np.mean([cell.score for run in runs for cell in run]))
    if any(cell.cell not in evidence.scores for run in runs for cell in run):
        return value, None
    per_run = [np.mean([evidence.scores[cell.cell] for cell in run], axis=0) for run in runs]
    return value, mean_over_runs(per_run)


def _near(chance: Chance | None, scores: Mapping[float, Drawn], level: float) -> bool | None:
    return chance.near(scores[level][0]) if chance and level in scores else None


def _right(panel: Panel, scores: Mapping[float, Drawn]) -> dict[float, Drawn]:
    """The scores converted so that higher is better, on which drops are measured."""
    return {
        level: (
            float(rightness(panel.metric, value)),
            None if drawn is None else rightness(panel.metric, drawn),
        )
        for level, (value, drawn) in scores.items()
    }


def _rate(scores: Mapping[float, Drawn], level: float) -> Drawn:
    clean, clean_drawn = scores[0.0]
    value, drawn = scores[level]
    both = clean_drawn is not None and drawn is not None
    return float(drop_rate(clean, value)), drop_rate(clean_drawn, drawn) if both else None  # type: ignore[arg-type]


def _curve_area(panel: Panel, scores: Mapping[float, Drawn]) -> Drawn:
    value = float(retention_area(panel.levels, [scores[level][0] for level in panel.levels]))
    drawn = [scores[level][1] for level in panel.levels]
    if any(one is None for one in drawn):
        return value, None
    return value, retention_area(panel.levels, [one for one in drawn if one is not None])


def _area(panel: Panel, scores: Mapping[float, Drawn]) -> Estimate:
    if len(panel.levels) < 2 or panel.levels[0] != 0:
        return Estimate(None)
    return _estimate(*_curve_area(panel, scores))


def _derive(
    measure: Callable[..., Floats],
    clean: float,
    noisy: float,
    clean_drawn: Floats | None,
    drawn: Floats | None,
) -> Estimate:
    both = clean_drawn is not None and drawn is not None
    return _estimate(float(measure(clean, noisy)), measure(clean_drawn, drawn) if both else None)


def _estimate(value: float, drawn: Floats | None) -> Estimate:
    if math.isnan(value):
        return Estimate(None)
    bounds = interval(drawn) if drawn is not None else None
    return Estimate(value, *(bounds or (None, None)))


def _gap(panel: Panel, system: System, level: float) -> float | None:
    if 0.0 not in panel.levels:
        return None
    rates = {}
    for language in panel.languages:
        clean = np.mean([cell.score for run in panel.at(system, language, 0.0) for cell in run])
        noisy = np.mean([cell.score for run in panel.at(system, language, level) for cell in run])
        rates[language] = drop_rate(rightness(panel.metric, clean), rightness(panel.metric, noisy))
    gap = cross_lingual_gap(rates)
    return None if gap is None else _defined(float(gap))


def _average(cells: Sequence[CellRecord], value: Callable[[CellRecord], float | None]) -> float | None:
    """Mean over all cells; None if one of them was not measured."""
    values = [value(cell) for cell in cells]
    known = [v for v in values if v is not None and not math.isnan(v)]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
