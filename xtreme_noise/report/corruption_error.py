"""Errors under noise as a share of those without intermediate training (Hendrycks and Dietterich 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.corruption_error import corruption_error, relative_corruption_error
from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.report import runs
from xtreme_noise.report.effects import Group, groups
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.runs import Runs
from xtreme_noise.report.statistics import Comparison
from xtreme_noise.report.system import NONE, System

MEASURES = ("corruption_error", "relative_corruption_error")


@dataclass(frozen=True)
class CorruptionError:
    """CE of one noise family, or mCE of several: a mean over them. value: None where it is not defined."""

    panels: tuple[Panel, ...]
    arm: System
    reference: System
    measure: str
    value: Estimate
    resamples: int


def corruption_errors(pairs: Sequence[Comparison]) -> list[CorruptionError]:
    """Every system of a task against the one without intermediate training and without noise in training, over the
    languages, levels and seeds that both have; mCE first, then CE by noise family.
    """
    made = []
    for group in groups(pairs):
        if group.systems[1].side == NONE:
            for measure in MEASURES:
                parts = [_of_family(pair, measure) for pair in group.pairs]
                made.append(_row(group, group.pairs, measure, runs.mean(parts)))
                if len(parts) > 1:
                    made += [_row(group, [p], measure, part) for p, part in zip(group.pairs, parts, strict=True)]
    return made


def _row(group: Group, pairs: Sequence[Comparison], measure: str, part: Runs) -> CorruptionError:
    evidence = pairs[0].evidence
    value = Estimate(None) if math.isnan(part.value) else runs.estimate(part, pairs[0].panel, evidence)
    panels = tuple(pair.panel for pair in pairs)
    return CorruptionError(panels, *group.systems, measure=measure, value=value, resamples=evidence.resamples)


def _of_family(pair: Comparison, measure: str) -> Runs:
    """CE or relative CE, run by run."""
    panel = pair.panel
    errors = []
    for system in (pair.arm, pair.reference):
        right = runs.curve(panel, pair.evidence, system).right
        errors += [right[level].map(lambda some: 1.0 - some) for level in panel.levels]

    def ratio(*every: Floats) -> Floats:
        clean, *noisy = every[: len(panel.levels)]
        reference_clean, *reference = every[len(panel.levels) :]
        if measure == "corruption_error":
            return corruption_error(np.stack(noisy), np.stack(reference))
        return relative_corruption_error(np.stack(noisy), clean, np.stack(reference), reference_clean)

    return errors[0].map(ratio, *errors[1:])
