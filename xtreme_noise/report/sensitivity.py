"""The primary effect by two other methods: languages drawn too, and a mixed model of the single answers.

Neither is tested or counted in the verdict. They show whether the answer hangs on the method.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.analysis import mixed, over_languages
from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.seeds import LEAST_SEEDS, Estimate, combined
from xtreme_noise.report.effects import FAMILY, Effect, Group, groups, loss_of
from xtreme_noise.report.formatting import extent, plural
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import PRIMARY, Runs
from xtreme_noise.report.statistics import Comparison
from xtreme_noise.report.system import System

SENSITIVITY = "sensitivity"
LANGUAGES, MIXED = "hierarchical bootstrap", "logistic mixed model"  # methods
MOST_ANSWERS, MOST_ITEMS = 200_000, 2_000  # of one mixed model: a minute


def by_other_methods(pairs: Sequence[Comparison], primary: Sequence[Effect]) -> list[Effect]:
    """Two rows for every primary comparison; `note` says why one has no number.

    primary: the effects of these pairs.
    """
    tested = {
        (effect.model, effect.arm, effect.reference): effect
        for effect in primary
        if effect.family == FAMILY and effect.scale == PRIMARY
    }
    made = []
    for group in groups(pairs):
        arm, reference = group.systems
        place = (group.pairs[0].panel.model, arm.intermediate, reference.intermediate)
        effect = tested.get(place) if group.main else None
        if effect is not None:
            bare = replace(effect, family=SENSITIVITY, smallest=None)
            made += [_over_languages(bare, group), _mixed(bare, group)]
    return made


def covers(effect: Effect) -> str | None:
    """What the interval of any effect covers, if there is one."""
    difference = effect.difference
    found = extent(difference.low is not None, difference.conditional)
    return f"{found}, over languages" if found and effect.method == LANGUAGES else found


def _without(effect: Effect, method: str, note: str) -> Effect:
    """A row without a number."""
    seeds = effect.difference.seeds
    return replace(
        effect, method=method, note=note, value=None, reference_value=None, difference=Estimate(None, seeds=seeds),
        by_seed={}, resamples=0,
    )  # fmt: skip


def _over_languages(effect: Effect, group: Group) -> Effect:
    """The same estimate; its interval is over languages too."""
    evidence, codes = group.pairs[0].evidence, effect.languages
    if len(codes) < over_languages.LEAST_LANGUAGES:
        return _without(effect, LANGUAGES, f"needs three languages, and there are {len(codes)}")
    drawn = over_languages.counts(codes, evidence.resamples, seed=evidence.seed, stream=evidence.stream)
    ours, theirs = (loss_of(group, system, PRIMARY, partial(_score, drawn)) for system in group.systems)
    apart = ours.minus(theirs) if ours and theirs else None
    if apart is None or apart.drawn is None:
        return _without(effect, LANGUAGES, "nothing was resampled")
    return replace(
        effect, method=LANGUAGES, difference=over_languages.over_languages(apart.values, apart.drawn, len(codes))
    )


def _score(drawn: Mapping[str, Floats], panel: Panel, evidence: Evidence, system: System, level: float) -> Runs:
    """`runs.score`, with the languages of each resample."""
    by_language = {code: panel.at(system, code, level) for code in panel.languages}
    values, replicates = [], []
    for run in range(len(panel.seeds)):
        cells = {code: [cell.cell for cell in found[run]] for code, found in by_language.items()}
        values.append(np.mean([cell.score for found in by_language.values() for cell in found[run]]))
        if all(name in evidence.scores for names in cells.values() for name in names):
            parts = {code: evidence.mean((tuple(names),))[0] for code, names in cells.items()}
            replicates.append(over_languages.mean(parts, drawn))
    return Runs(np.array(values), np.stack(replicates) if len(replicates) == len(values) else None)


def _mixed(effect: Effect, group: Group) -> Effect:
    """The interaction of arm and noise in a model of the single answers, in the sense of the primary effect."""
    if note := _undefined(group):
        return _without(effect, MIXED, note)
    some = answers(group)
    items = int(some.item.max()) + 1
    if len(some.right) > MOST_ANSWERS or items > MOST_ITEMS:
        size = f"{plural(len(some.right), 'answer')} to {plural(items, 'item')}"
        return _without(effect, MIXED, f"not fitted: {size}, more than {MOST_ANSWERS:,} or {MOST_ITEMS:,}")
    found = mixed.fit(some)
    if found is None:
        return _without(effect, MIXED, "did not converge")
    several = len(found.by_run) >= LEAST_SEEDS
    difference = combined(np.array(found.by_run), found.se, items, between_runs=several)
    return replace(
        effect,
        method=MIXED,
        value=found.arm,
        reference_value=found.reference,
        difference=difference if several else replace(difference, p=None, df=None),
        by_seed=dict(zip(effect.by_seed, found.by_run, strict=True)),
        resamples=0,
    )


def _undefined(group: Group) -> str:
    """Why an answer is not simply right or wrong; "" if it is."""
    panel, evidence = group.pairs[0].panel, group.pairs[0].evidence
    if panel.metric != "accuracy":
        return f"not defined for {panel.metric}: an example is not simply right or wrong"
    cells = [cell for pair in group.pairs for spot, cell in pair.panel.cells.items() if spot[1] in pair.panel.languages]
    return "" if all(cell.cell in evidence.correct for cell in cells) else "predictions do not say what is right"


def answers(group: Group) -> mixed.Answers:
    """The answers of both arms; clean cells, which noise families share, count once."""
    evidence = group.pairs[0].evidence
    codes = sorted({code for pair in group.pairs for code in pair.panel.languages})
    names = np.concatenate([evidence.names[code] for code in codes])
    _, numbers = np.unique(names, return_inverse=True)
    ends = np.cumsum([len(evidence.names[code]) for code in codes])[:-1]
    items = dict(zip(codes, np.split(numbers, ends), strict=True))
    cells: dict[str, tuple[bool, int, int, str]] = {}
    condition = 0
    for pair in group.pairs:
        for level in pair.panel.levels:
            condition += level > 0
            for system in group.systems:
                where = (system == pair.arm, condition if level > 0 else 0)
                for code in pair.panel.languages:
                    for run, found in enumerate(pair.panel.at(system, code, level)):
                        cells |= {str(cell.cell): (*where, run, code) for cell in found}
    arms, conditions, runs, in_language = zip(*cells.values(), strict=True)
    sizes = [len(items[code]) for code in in_language]

    def repeated(values: Sequence[int]) -> NDArray[np.intp]:
        return np.repeat(np.asarray(values, dtype=np.intp), sizes)

    return mixed.Answers(
        right=np.concatenate([evidence.correct[cell] for cell in cells]),
        arm=repeated(arms).astype(bool),
        condition=repeated(conditions),
        item=np.concatenate([items[code] for code in in_language]).astype(np.intp),
        language=repeated([codes.index(code) for code in in_language]),
        run=repeated(runs),
    )
