"""The statistics of the report: the points of curves, and contrasts of two arms, with intervals and p values."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from xtreme_noise.analysis.chance import Chance
from xtreme_noise.analysis.direction import rightness
from xtreme_noise.analysis.holm import holm
from xtreme_noise.analysis.robustness import cross_lingual_gap, drop_rate
from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.report import runs
from xtreme_noise.report.cells import means
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import SCALES, Curve, Runs
from xtreme_noise.report.system import NONE, System

# (arm, reference). MAIN is the question, for models without and with noise in training; the other contrasts measure the
# benefit of intermediate training, that of noise in training, and compare these two.
MAIN = (("multilingual", "english"), ("multilingual + noise", "english + noise"))
CONTRASTS = (
    *MAIN, ("english", "none"), ("multilingual", "none"),
    ("noise", "none"), ("noise", "english"), ("noise", "multilingual"),
    ("english + noise", "english"), ("multilingual + noise", "multilingual"),
    ("english + noise", "none"), ("multilingual + noise", "none"),
)  # fmt: skip
MEASURED = ("achieved", "word_change_rate", "flip_rate", "right_to_wrong", "wrong_to_right")  # means of these fields
MEASURES = ("score", *SCALES, "retention_area")


def is_main(arm: System, reference: System) -> bool:
    """Whether a multilingual arm is compared with an English one, both with noise in training or both without."""
    return (arm.side, reference.side) in MAIN


def common_kind(arm: System, reference: System) -> str:
    """The kind of intermediate task that both have, or that the only one with intermediate training has."""
    return reference.kind if arm.kind == NONE else arm.kind


@dataclass(frozen=True)
class Point:
    """One system at one level: means over the panel's complete languages."""

    panel: Panel
    system: System
    level: float
    score: Estimate
    drop: Estimate
    drop_rate: Estimate
    drop_rate_above_chance: Estimate
    log_odds_lost: Estimate
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
    scales of the loss the contrast is a difference in differences: the loss of the arm minus the loss of the reference,
    each relative to its own clean score, run by run.
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
        return common_kind(self.arm, self.reference)

    @property
    def main(self) -> bool:
        """Whether it compares the multilingual arm with the English one."""
        return is_main(self.arm, self.reference)


@dataclass(frozen=True)
class Comparison:
    """Two systems to compare. panel: over the languages, levels and seeds that both have."""

    arm: System
    reference: System
    panel: Panel
    evidence: Evidence


def points(panel: Panel, evidence: Evidence) -> list[Point]:
    """The points of all curves of a panel; empty if no language is complete."""
    return [point for system in panel.systems for point in _curve(panel, evidence, system)] if panel.languages else []


def _curve(panel: Panel, evidence: Evidence, system: System) -> list[Point]:
    curve = runs.curve(panel, evidence, system)
    chance, scores = curve.chance, curve.scores
    whole = len(panel.levels) > 1 and panel.levels[0] == 0
    area = runs.estimate(curve.area, panel, evidence) if whole else Estimate(None)
    rows = []
    for level in panel.levels:
        guessing, clean_guessing = (_near(chance, scores, at) for at in (level, 0.0))
        cells = [cell for language in panel.languages for run in panel.at(system, language, level) for cell in run]
        measured = means(cells, MEASURED)
        taken = {scale: _taken(curve, scale, level, panel, evidence) for scale in SCALES}
        rows.append(
            Point(
                panel, system, level,
                score=runs.estimate(scores[level], panel, evidence),
                **taken,
                chance=chance, at_chance=guessing, clean_at_chance=clean_guessing,
                retention_area=area,
                cross_lingual_gap=_gap(panel, system, level) if level > 0 else None,
                achieved=measured["achieved"], word_change_rate=measured["word_change_rate"],
                flip_rate=measured["flip_rate"],
                right_to_wrong=measured["right_to_wrong"], wrong_to_right=measured["wrong_to_right"],
                resamples=evidence.resamples,
            )
        )  # fmt: skip
    return rows


def _taken(curve: Curve, scale: str, level: float, panel: Panel, evidence: Evidence) -> Estimate:
    if 0.0 not in curve.right or (found := curve.lost(scale, level)) is None:
        return Estimate(None)
    return runs.estimate(found, panel, evidence)


def pairs(panel: Panel, evidence: Evidence) -> list[Comparison]:
    """Every two systems of a panel that may be compared and share a language."""
    found = [
        Comparison(arm, reference, panel.among((arm, reference)), evidence)
        for arm, reference in _compared(panel.systems)
    ]
    return [pair for pair in found if pair.panel.languages]


def contrasts(compared: Sequence[Comparison]) -> list[Contrast]:
    """All contrasts of these comparisons; no p is adjusted."""
    return list(chain.from_iterable(map(_contrasts, compared)))


def with_holm(rows: Sequence[Contrast]) -> list[Contrast]:
    """The contrasts with Holm-adjusted p values within each (pair of arms, measure)."""
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
    panel, evidence = pair.panel, pair.evidence
    both = [runs.curve(panel, evidence, system) for system in (pair.arm, pair.reference)]
    guessing = tuple(
        system.intermediate
        for system, curve in zip((pair.arm, pair.reference), both, strict=True)
        if _near(curve.chance, curve.scores, 0.0)
    )
    ours, theirs = both
    rows = [
        _contrast(pair, "score", level, ours.scores[level], theirs.scores[level], guessing) for level in panel.levels
    ]
    if 0.0 in panel.levels and len(panel.levels) > 1:
        for scale in SCALES:
            for level in panel.levels[1:]:
                rows.append(_contrast(pair, scale, level, ours.lost(scale, level), theirs.lost(scale, level), guessing))
        rows.append(_contrast(pair, "retention_area", None, ours.area, theirs.area, guessing))
    return [row for row in rows if row is not None]


def _contrast(
    pair: Comparison, measure: str, level: float | None, a: Runs | None, b: Runs | None, guessing: tuple[str, ...]
) -> Contrast | None:
    if a is None or b is None or math.isnan(a.value) or math.isnan(b.value):
        return None
    difference = runs.estimate(a.minus(b), pair.panel, pair.evidence)
    return Contrast(
        panel=pair.panel,
        arm=pair.arm,
        reference=pair.reference,
        measure=measure,
        level=level,
        value=a.value,
        reference_value=b.value,
        difference=difference,
        p=difference.p,
        p_holm=None,
        tests=0,
        resamples=pair.evidence.resamples,
        guessing=guessing,
    )


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


def _near(chance: Chance | None, scores: Mapping[float, Runs], level: float) -> bool | None:
    return chance.near(scores[level].value) if chance and level in scores else None


def _gap(panel: Panel, system: System, level: float) -> float | None:
    if 0.0 not in panel.levels:
        return None
    rates = {}
    for language in panel.languages:
        clean = np.mean([cell.score for run in panel.at(system, language, 0.0) for cell in run])
        noisy = np.mean([cell.score for run in panel.at(system, language, level) for cell in run])
        rates[language] = drop_rate(rightness(panel.metric, clean), rightness(panel.metric, noisy))
    gap = cross_lingual_gap(rates, panel.source)
    return None if gap is None else _defined(float(gap))


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
