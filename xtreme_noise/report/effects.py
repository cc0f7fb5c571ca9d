"""The question in one number per task and kind of intermediate task: a mean over noise families and levels.

These are the primary comparisons. Only their first scale, log-odds lost, is tested; the others are shown with it,
because a direction that depends on the scale is not one (Loftus 1978).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xtreme_noise.analysis.holm import holm
from xtreme_noise.analysis.maxt import Test, step_down
from xtreme_noise.analysis.power import smallest_difference, smallest_of_these_runs
from xtreme_noise.analysis.seeds import LEAST_SEEDS, Estimate, apart
from xtreme_noise.report import runs
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import PRIMARY, SCALES, Runs
from xtreme_noise.report.shared import newly_wrong
from xtreme_noise.report.statistics import Comparison, common_kind, is_main
from xtreme_noise.report.system import NONE, System

NEWLY_WRONG = "newly_wrong"
EVERY_SCALE = (*SCALES, NEWLY_WRONG)
FAMILY = "primary"
SELF = "A/A"
PAIRED = "paired bootstrap"  # the method of all families but the sensitivity analyses
BETWEEN = "seen minus unseen"


@dataclass(frozen=True)
class Effect:
    """Arm minus reference on one scale, a mean over noise families and levels; positive: the arm loses more.

    family: of tests: "primary", "A/A", "seen minus unseen" (the difference of arm and reference in languages that the
    arm has seen, minus that in the others), "sensitivity" (a primary effect by another `method`; `note`: why it has no
    number), or the sides of both, which are a secondary family. arm, reference: names of the systems. trained: the arm
    of the first, such as "native". by_seed: the difference in each training seed. p_adjusted: step-down maxT in the
    primary family, Holm in the others; None for scales that are not tested, and below three seeds. tests: their number
    in the family. smallest: the smallest detectable difference (power .8, alpha .05); below three seeds from test items
    alone, which is a lower bound. below_gate: which of the two did not learn its intermediate task (gate.py).
    """

    family: str
    panels: tuple[Panel, ...]
    kind: str
    arm: str
    trained: str
    reference: str
    scale: str
    value: float | None
    reference_value: float | None
    difference: Estimate
    by_seed: Mapping[str, float]
    smallest: float | None
    resamples: int
    p_adjusted: float | None = None
    tests: int = 0
    method: str = PAIRED
    note: str = ""
    below_gate: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        return self.panels[0].task

    @property
    def model(self) -> str:
        return self.panels[0].model

    @property
    def languages(self) -> list[str]:
        """All languages of its noise families."""
        return sorted({code for panel in self.panels for code in panel.languages})

    @property
    def comparison(self) -> tuple[str, ...]:
        """Identifies the comparison: equal for all its scales."""
        return self.family, self.task, self.model, self.arm, self.reference


@dataclass(frozen=True)
class Group:
    """The comparisons of two systems on one task, one per noise family, over the training seeds that all have."""

    pairs: tuple[Comparison, ...]

    @property
    def systems(self) -> tuple[System, System]:
        return self.pairs[0].arm, self.pairs[0].reference

    @property
    def main(self) -> bool:
        return is_main(*self.systems)

    @property
    def family(self) -> str:
        arm, reference = self.systems
        return FAMILY if self.main else f"{arm.side} against {reference.side}"

    @property
    def kind(self) -> str:
        return common_kind(*self.systems)


def groups(pairs: Sequence[Comparison]) -> list[Group]:
    """All pairs of systems of a task with noisy cells in some noise family."""
    found: dict[tuple[str, str, System, System], list[Comparison]] = defaultdict(list)
    for pair in pairs:
        if pair.panel.languages and len(pair.panel.levels) > 1 and pair.panel.levels[0] == 0:
            found[pair.panel.task, pair.panel.model, pair.arm, pair.reference].append(pair)
    made = []
    for same in found.values():
        seeds = tuple(seed for seed in same[0].panel.seeds if all(seed in pair.panel.seeds for pair in same))
        if seeds:
            own = (replace(pair, panel=replace(pair.panel, seeds=seeds)) for pair in same)
            made.append(Group(tuple(own)))
    return made


Score = Callable[[Panel, Evidence, System, float], Runs]
Found = tuple[Effect, Test | None]  # the test of an effect of the primary family


def effects(pairs: Sequence[Comparison]) -> list[Found]:
    """All comparisons on all defined scales; no p is adjusted."""
    made: list[Found] = []
    for group in groups(pairs):
        for scale in EVERY_SCALE:
            sides = taken(group, scale)
            if sides is not None and not any(math.isnan(side.value) for side in sides):
                effect = _effect(group, scale, *sides)
                made.append((effect, _test(effect, sides[0].minus(sides[1]))))
    return made


def between(seen: Sequence[Comparison], unseen: Sequence[Comparison]) -> list[Found]:
    """The difference of two arms in languages with labels in one of them, minus that in the other languages; no p is
    adjusted.

    seen, unseen: the same comparisons, over the languages of each side.
    """
    made: list[Found] = []
    for one, other in zip(groups(seen), groups(unseen), strict=True):
        whole = replace(one, pairs=(*one.pairs, *other.pairs))
        for scale in EVERY_SCALE:
            both = [taken(side, scale) for side in (one, other)]
            first, second = (sides[0].minus(sides[1]) if sides is not None else None for sides in both)
            if first and second and not math.isnan(first.value) and not math.isnan(second.value):
                made.append((replace(_effect(whole, scale, first, second), family=BETWEEN), None))
    return made


def adjusted(several: Sequence[Found]) -> list[Effect]:
    """The effects, the primary family first; p is adjusted within each family."""
    made = sorted(several, key=lambda one: one[0].family != FAMILY)
    values = _adjusted(made)
    return [
        replace(effect, p_adjusted=values[number][0], tests=values[number][1]) if number in values else effect
        for number, (effect, _) in enumerate(made)
    ]


def taken(group: Group, scale: str) -> tuple[Runs, Runs] | None:
    """The loss of the two systems of a group, run by run; None if the scale is not defined."""
    if scale == NEWLY_WRONG:
        return newly_wrong(group.pairs) if group.main else None
    ours, theirs = (loss_of(group, system, scale) for system in group.systems)
    return None if ours is None or theirs is None else (ours, theirs)


def loss_of(group: Group, system: System, scale: str, score: Score = runs.score) -> Runs | None:
    """The mean over noise families and their noisy levels; None if the scale is not defined."""
    parts = [_of_panel(pair.panel, pair.evidence, system, scale, score) for pair in group.pairs]
    known = [part for part in parts if part is not None]
    return runs.mean(known) if len(known) == len(parts) else None


def _of_panel(panel: Panel, evidence: Evidence, system: System, scale: str, score: Score = runs.score) -> Runs | None:
    """The mean over the noisy levels of one noise family."""
    made = runs.curve(panel, evidence, system) if score is runs.score else runs.made(panel, evidence, system, score)
    every = [made.lost(scale, level) for level in panel.levels[1:]]
    known = [one for one in every if one is not None]
    return runs.mean(known) if len(known) == len(every) else None


def _effect(group: Group, scale: str, ours: Runs, theirs: Runs) -> Effect:
    pair = group.pairs[0]
    arm, reference = group.systems
    apart_by = ours.minus(theirs)
    difference = runs.estimate(apart_by, pair.panel, pair.evidence)
    return Effect(
        family=group.family,
        panels=tuple(one.panel for one in group.pairs),
        kind=group.kind,
        arm=arm.intermediate,
        trained=arm.arm,
        reference=reference.intermediate,
        scale=scale,
        value=ours.value,
        reference_value=theirs.value,
        difference=difference,
        by_seed={str(seed): float(one) for seed, one in zip(pair.panel.seeds, apart_by.values, strict=True)},
        smallest=smallest(difference),
        resamples=pair.evidence.resamples,
    )


def smallest(difference: Estimate) -> float | None:
    """The smallest detectable difference from 0; see Effect."""
    if difference.se is None:
        return None
    if difference.df is None:
        return smallest_of_these_runs(difference.se)
    over_seeds = (difference.seed_sd or 0.0) / math.sqrt(difference.seeds)
    return smallest_difference(difference.se, difference.df, math.hypot(difference.item_se or 0.0, over_seeds))


def _adjusted(made: Sequence[Found]) -> dict[int, tuple[float, int]]:
    """Number of the effect -> its adjusted p, and the number of tests in its family."""
    families: dict[str, list[int]] = defaultdict(list)
    for number, (effect, _) in enumerate(made):
        if effect.scale == PRIMARY and effect.difference.p is not None:
            families[effect.family].append(number)
    found: dict[int, tuple[float, int]] = {}
    for family, members in families.items():
        if family == FAMILY:
            values = step_down([test for number in members if (test := made[number][1]) is not None])
        else:
            values = holm([p for number in members if (p := made[number][0].difference.p) is not None])
        for number, value in zip(members, values, strict=True):
            found[number] = (value, len(members))
    return found


def _test(effect: Effect, runs: Runs) -> Test | None:
    """The test of an effect of the primary family; None for others, and where there is none."""
    difference = effect.difference
    tested = effect.family == FAMILY and effect.scale == PRIMARY
    if not tested or difference.p is None or runs.drawn is None:
        return None
    return Test(difference.p, runs.drawn.mean(axis=0), difference.se or 0.0, difference.item_se or 0.0)


def against_itself(panels: Sequence[tuple[Panel, Evidence]]) -> list[Effect]:
    """No intermediate training against itself, every other training seed against the rest: the true difference is 0.

    Only tasks with more than LEAST_SEEDS seeds.
    """
    found: dict[tuple[str, str], list[tuple[Panel, Evidence]]] = defaultdict(list)
    for panel, evidence in panels:
        for system in panel.systems:
            own = panel.among([system])
            noisy = own.languages and len(own.levels) > 1 and own.levels[0] == 0
            if system.side == NONE and noisy:
                found[panel.task, panel.model].append((own, evidence))
    made = []
    for same in found.values():
        seeds = tuple(seed for seed in same[0][0].seeds if all(seed in panel.seeds for panel, _ in same))
        if len(seeds) > LEAST_SEEDS:
            common = [(replace(panel, seeds=seeds), evidence) for panel, evidence in same]
            made += [row for scale in SCALES if (row := _itself(common, seeds, scale)) is not None]
    return made


def _itself(same: Sequence[tuple[Panel, Evidence]], seeds: Sequence[int], scale: str) -> Effect | None:
    parts = [_of_panel(panel, evidence, panel.systems[0], scale) for panel, evidence in same]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    every = runs.mean(known)
    sides = [np.arange(len(seeds)) % 2 == side for side in (0, 1)]
    first, second = (every.values[side] for side in sides)
    drawn = None if every.drawn is None else (every.drawn[sides[0]], every.drawn[sides[1]])
    panel, evidence = same[0]
    difference = apart(first, second, drawn, runs.items(panel, evidence))
    if difference.value is None:
        return None
    name = panel.systems[0].intermediate
    arm, reference = (
        f"{name} (seeds {', '.join(str(seed) for seed, in_it in zip(seeds, side, strict=True) if in_it)})"
        for side in sides
    )
    return Effect(
        family=SELF,
        panels=tuple(one for one, _ in same),
        kind=name,
        arm=arm,
        trained=panel.systems[0].arm,
        reference=reference,
        scale=scale,
        value=float(first.mean()),
        reference_value=float(second.mean()),
        difference=difference,
        by_seed={},
        smallest=smallest(difference),
        resamples=evidence.resamples,
    )
