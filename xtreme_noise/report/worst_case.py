"""Each system under the noise family that hurts it most, by level and as a mean over levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.direction import rightness
from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.analysis.worst_case import worst_case
from xtreme_noise.report import runs
from xtreme_noise.report.common import common
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import PRIMARY, Curve, Runs
from xtreme_noise.report.system import System

MEASURES = ("score", PRIMARY, "drop_rate")


@dataclass(frozen=True)
class WorstCase:
    """One system on one measure under the worst noise family of each training run and resample.

    panels: one per noise family, over the same languages, levels and seeds. level: None for the mean over levels.
    noise: the family that is worst in most runs and resamples. share: in which part of them. bias: mean over resamples
    of the worst case minus the worst case, about what the choice of the worst family adds to it by chance; None without
    resamples.
    """

    panels: tuple[Panel, ...]
    system: System
    measure: str
    level: float | None
    noise: str
    share: float
    value: Estimate
    bias: float | None
    resamples: int


def worst_cases(panels: Sequence[Panel], evidence: Evidence) -> list[WorstCase]:
    """The worst cases of all systems of one task; none for a model with fewer than two noise families."""
    made: list[WorstCase] = []
    for model in dict.fromkeys(panel.model for panel in panels):
        own = [panel for panel in panels if panel.model == model and panel.languages and len(panel.levels) > 1]
        shared = common(own, "not measured under every noise family") if len(own) > 1 else []
        for system in shared[0].systems if shared else ():
            if all(system in panel.systems for panel in shared):
                made += _of_system(shared, evidence, system)
    return made


def _of_system(panels: Sequence[Panel], evidence: Evidence, system: System) -> list[WorstCase]:
    curves = [runs.curve(panel, evidence, system) for panel in panels]
    rows = []
    for measure in MEASURES:
        losses = [_losses(measure, curve) for curve in curves]
        for level in (*panels[0].levels[1:], None):
            row = _row(panels, evidence, system, measure, level, [loss[level] for loss in losses])
            rows += [row] if row else []
    return rows


def _losses(measure: str, curve: Curve) -> dict[float | None, Runs]:
    """Level, None for the mean over levels -> loss under one noise family; that of a score is the negative score."""
    found: dict[float | None, Runs] = {}
    for level in curve.levels[1:]:
        lost = curve.right[level].map(np.negative) if measure == "score" else curve.lost(measure, level)
        found |= {level: lost} if lost else {}
    return found | {None: runs.mean(list(found.values()))}


def _row(
    panels: Sequence[Panel],
    evidence: Evidence,
    system: System,
    measure: str,
    level: float | None,
    losses: Sequence[Runs],
) -> WorstCase | None:
    drawn = [loss.drawn for loss in losses if loss.drawn is not None]
    worst = worst_case(
        np.stack([loss.values for loss in losses]), np.stack(drawn) if len(drawn) == len(losses) else None
    )
    if np.isnan(worst.values).any() or np.isnan(worst.shares).any():
        return None
    found = Runs(worst.values, worst.drawn)
    if measure == "score":
        found = found.map(lambda loss: rightness(panels[0].metric, -loss))
    number = int(worst.shares.argmax())
    bias = None if found.drawn is None else float(np.nanmean(found.drawn)) - found.value
    return WorstCase(
        panels=tuple(panels),
        system=system,
        measure=measure,
        level=level,
        noise=panels[number].noise,
        share=float(worst.shares[number]),
        value=runs.estimate(found, panels[0], evidence),
        bias=None if bias is None or math.isnan(bias) else bias,
        resamples=evidence.resamples,
    )
