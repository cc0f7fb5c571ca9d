"""What intermediate training brings to each target, clean and under noise: the table of Phang et al. (2020)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.report.effects import Effect
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.statistics import Contrast
from xtreme_noise.report.system import NONE

CLEAN = "clean"


@dataclass(frozen=True)
class Gain:
    """One intermediate task and arm minus no intermediate training on one target, over the seeds that both have.

    what: "clean" (the clean score; positive: better) or "log_odds_lost" (a mean over noise families and levels;
    positive: noise costs more). p_adjusted: Holm's, within its family of tests.
    """

    task: str
    model: str
    intermediate: str
    kind: str
    arm: str
    what: str
    value: float | None
    reference_value: float | None
    difference: Estimate
    p_adjusted: float | None
    tests: int
    languages: Sequence[str]
    resamples: int
    below_gate: Sequence[str] = ()


def gains(contrasts: Iterable[Contrast], effects: Iterable[Effect]) -> list[Gain]:
    """All gains of a study, clean first; none without a model that had no intermediate training."""
    widest: dict[tuple[str, str, str], Contrast] = {}
    for row in contrasts:
        if row.measure == "score" and row.level == 0 and row.reference.side == NONE and not row.arm.noise:
            place = (row.panel.task, row.panel.model, row.arm.intermediate)
            # Noise families without some languages have the clean scores of the others only.
            if place not in widest or len(row.panel.languages) > len(widest[place].panel.languages):
                widest[place] = row
    trained = {contrast.arm.intermediate for contrast in widest.values()}
    lost = [
        effect for effect in effects if effect.scale == PRIMARY and effect.reference == NONE and effect.arm in trained
    ]
    return [*map(_clean, widest.values()), *map(_lost, lost)]


def _clean(row: Contrast) -> Gain:
    return Gain(
        task=row.panel.task,
        model=row.panel.model,
        intermediate=row.arm.intermediate,
        kind=row.arm.kind,
        arm=row.arm.arm,
        what=CLEAN,
        value=row.value,
        reference_value=row.reference_value,
        difference=row.difference,
        p_adjusted=row.p_holm,
        tests=row.tests,
        languages=row.panel.languages,
        resamples=row.resamples,
    )


def _lost(effect: Effect) -> Gain:
    return Gain(
        task=effect.task,
        model=effect.model,
        intermediate=effect.arm,
        kind=effect.kind,
        arm=effect.trained,
        what=PRIMARY,
        value=effect.value,
        reference_value=effect.reference_value,
        difference=effect.difference,
        p_adjusted=effect.p_adjusted,
        tests=effect.tests,
        languages=effect.languages,
        resamples=effect.resamples,
        below_gate=effect.below_gate,
    )
