"""A finished study as a pilot: variance components of its primary comparisons, and what its training and tests cost."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xtreme_noise import results
from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.components import Components, components
from xtreme_noise.errors import ConfigError
from xtreme_noise.record import CellRecord
from xtreme_noise.report import runs
from xtreme_noise.report.cells import read_cells
from xtreme_noise.report.effects import Group, groups, smallest, taken
from xtreme_noise.report.panels import Panel, panels
from xtreme_noise.report.predictions import Evidence, read_evidence
from xtreme_noise.report.runs import PRIMARY, Runs
from xtreme_noise.report.statistics import pairs
from xtreme_noise.report.study import UNUSABLE
from xtreme_noise.report.system import System, named


@dataclass(frozen=True)
class PilotComparison:
    """A primary comparison of a pilot. seeds, languages, items: their numbers; items: examples in each language;
    sources: source items for each of them. seed_variance: of single runs, over training seeds. clean, noisy: scores of
    the reference, noisy a mean over noise families and levels. smallest: the difference that the pilot could have seen,
    a lower bound below three seeds.
    """

    arm: str
    reference: str
    seeds: int
    languages: int
    items: int
    sources: float
    components: Components
    seed_variance: float
    clean: float
    noisy: float
    smallest: float | None


@dataclass(frozen=True)
class Pilot:
    """One task and model of a finished study. training: system -> stage -> seconds for one training seed; a stage that
    several systems or tasks have is trained once. testing: system -> seconds for one example of one cell. cells: of a
    system in one language, for one training seed. machines: that computed it, with their precision. made: how, of a
    shipped one.
    """

    task: str
    model: str
    comparisons: Sequence[PilotComparison]
    training: Mapping[str, Mapping[str, float]]
    testing: Mapping[str, float]
    cells: int
    machines: Sequence[str]
    made: str = ""

    @property
    def items(self) -> int:
        """Examples in each language."""
        return max(one.items for one in self.comparisons)

    @property
    def languages(self) -> int:
        return max(one.languages for one in self.comparisons)


def read_pilots(sweep: Path) -> tuple[list[Pilot], list[str]]:
    """Every task and model of a study that has a primary comparison, and why the others are left out. Raises
    ConfigError if none has one, DataError for a table that cannot be read.
    """
    cells, _ = read_cells(sweep)
    stages = _stages(sweep)
    grouped: dict[tuple[str, str], list[CellRecord]] = defaultdict(list)
    for cell in cells:
        grouped[cell.task, cell.model].append(cell)
    found, reasons = [], []
    for (task, model), own in grouped.items():
        try:
            found.append(_pilot(sweep, own, stages))
        except ConfigError as error:
            reasons.append(f"{task}, {model}: {error}")
    if not found:
        raise ConfigError(f"sweep={sweep} is no pilot: {'; '.join(reasons) or 'it has no cells'}")
    return found, reasons


Stages = Mapping[tuple[str, str, str], Mapping[str, float]]  # task, model, system -> stage -> seconds for one seed


def _pilot(sweep: Path, cells: Sequence[CellRecord], stages: Stages) -> Pilot:
    """Raises ConfigError, in words that follow the task's name."""
    task, model = cells[0].task, cells[0].model
    by_task, unusable, problems = read_evidence(sweep, cells)
    evidence = by_task.get(task, Evidence())
    if not evidence.scores:
        raise ConfigError(f"it has no predictions that can be read ({problems[0].what if problems else 'no cells'})")
    bad = {(c.task, c.language): UNUSABLE for c in cells if c.status == "ok" and c.cell in unusable}
    usable = [c for c in cells if c.status == "ok" and (c.task, c.language) not in bad]
    by_system: dict[System, list[CellRecord]] = defaultdict(list)
    for cell in usable:
        by_system[System.of(cell)].append(cell)
    systems = sorted(by_system, key=lambda system: system.rank)
    every = groups([pair for panel in panels(cells, bad) for pair in pairs(panel, evidence)])
    comparisons = [_comparison(_in_common(group)) for group in every if group.main]
    evidence.drop()
    if not comparisons:
        arms = ", ".join(one.intermediate for one in systems)
        raise ConfigError(f"it compares no arm with the English arm of its kind under noise (it has: {arms})")
    lacking = [one.intermediate for one in systems if (task, model, one.intermediate) not in stages]
    if lacking:
        raise ConfigError(f"jobs/ has no record of the training of {lacking[0]}, so that its cost is not known")
    return Pilot(
        task,
        model,
        comparisons,
        training={one.intermediate: stages[task, model, one.intermediate] for one in systems},
        testing={one.intermediate: _testing(by_system[one]) for one in systems},
        cells=max(len({(c.noise, c.level, c.noise_seed) for c in own}) for own in by_system.values()),
        machines=sorted({f"{c.hardware}, {c.precision}" for c in usable if c.hardware and c.precision}),
    )


def _in_common(group: Group) -> Group:
    """The group over the languages that all of its noise families have."""
    common = [code for code in group.pairs[0].panel.languages if all(code in p.panel.languages for p in group.pairs)]
    if not common:
        raise ConfigError("its noise families have no language in common")
    if len(group.pairs[0].panel.seeds) < 2:
        raise ConfigError("its arms have one training seed in common, which says nothing of others: run three or more")
    own = (replace(pair, panel=replace(pair.panel, languages=tuple(common))) for pair in group.pairs)
    return Group(tuple(own))


def _comparison(group: Group) -> PilotComparison:
    arm, reference = group.systems
    panel, evidence = group.pairs[0].panel, group.pairs[0].evidence
    sides = taken(group, PRIMARY)
    if sides is None or math.isnan(sides[0].value + sides[1].value):
        raise ConfigError(f"log-odds lost is not defined for {arm.intermediate} and {reference.intermediate}")
    apart = sides[0].minus(sides[1])
    values, drawn = _by_language(group)
    items = round(runs.examples(panel, reference) / len(panel.languages))
    parts = components(values, drawn, items)
    seeds, languages = values.shape
    clean, noisy = _scores(group, reference)
    if clean <= 0:
        raise ConfigError(f"{reference.intermediate} has a clean score of 0: nothing can be lost")
    return PilotComparison(
        arm=arm.intermediate,
        reference=reference.intermediate,
        seeds=seeds,
        languages=languages,
        items=items,
        sources=min(1.0, runs.items(panel, evidence) / items),
        components=parts,
        seed_variance=float(np.var(apart.values, ddof=1)),
        clean=clean,
        noisy=noisy,
        smallest=smallest(runs.estimate(apart, panel, evidence)),
    )


def _by_language(group: Group) -> tuple[Floats, Floats]:
    """The difference of the two systems in single languages, linear in the scores, so that its mean over languages is
    the difference that is tested: (seeds, languages) and (seeds, languages, resamples).
    """
    several = []
    for language in group.pairs[0].panel.languages:
        ours, theirs = (
            runs.mean([_linear(pair.panel, pair.evidence, system, language) for pair in group.pairs])
            for system in group.systems
        )
        several.append(ours.minus(theirs))
    drawn = [one.drawn for one in several if one.drawn is not None]
    return np.stack([one.values for one in several], axis=1), np.stack(drawn, axis=1)


def _linear(panel: Panel, evidence: Evidence, system: System, language: str) -> Runs:
    """Log-odds lost in one language, with the slopes of the log-odds at the mean scores over languages and seeds."""
    one = replace(panel, languages=(language,))
    score = runs.right(one, {level: runs.score(one, evidence, system, level) for level in panel.levels})
    slopes = {level: _slope(_mean_score(panel, system, level), runs.examples(panel, system)) for level in panel.levels}
    steep = {level: score[level].map(partial(np.multiply, slopes[level])) for level in panel.levels}
    return runs.mean([steep[0.0].minus(steep[level]) for level in panel.levels[1:]])


def _slope(score: float, size: float) -> float:
    """Of the log-odds of analysis/robustness.py."""
    share = (score * size + 0.5) / (size + 1)
    return size / (size + 1) / (share * (1 - share))


def _mean_score(panel: Panel, system: System, level: float) -> float:
    """Over languages and seeds; higher is better."""
    return runs.right(panel, {level: runs.score(panel, Evidence(), system, level)})[level].value


def _scores(group: Group, system: System) -> tuple[float, float]:
    """The clean score of a system, and its mean over noise families and levels."""
    noisy = [_mean_score(pair.panel, system, level) for pair in group.pairs for level in pair.panel.levels[1:]]
    return _mean_score(group.pairs[0].panel, system, 0.0), float(np.mean(noisy))


def _testing(cells: Sequence[CellRecord]) -> float:
    """Seconds for one example of one cell."""
    timed = [(cell.seconds, cell.n) for cell in cells if cell.seconds is not None and cell.n]
    return sum(seconds for seconds, _ in timed) / max(1, sum(n for _, n in timed))


def _stages(sweep: Path) -> Stages:
    """The stages of every system, from the records of the jobs: seconds, a mean over training seeds."""
    spent: dict[tuple[str, str, str], dict[str, dict[Any, float]]] = defaultdict(lambda: defaultdict(dict))
    for job in results.jobs(sweep)[0]:
        for place in {(c.task, c.model, c.intermediate) for c in map(named, job["cells"])}:
            own = spent[place]
            for stage in job["stages"]:
                if stage.get("seconds") is not None:
                    name = f"{stage.get('stage')} on {stage.get('parent')}"
                    own[name][stage.get("seed")] = float(stage["seconds"])
    return {
        place: {name: float(np.mean(list(seconds.values()))) for name, seconds in stages.items()}
        for place, stages in spent.items()
    }
