"""Which properties of languages go with what transfer and noise cost: one outcome for each task, model and system.

The question of Lauscher et al. 2020 (2005.00633), for transfer from English and, here, under noise (docs/typology.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.correlates import (
    LEAST_FAMILIES,
    Correlation,
    Prediction,
    forward,
    partial_spearman,
    reliability,
    ridge,
    slopes,
    smallest_correlation,
    weights,
)
from xtreme_noise.analysis.robustness import log_odds
from xtreme_noise.languages.features import DISTANCES, features, top_family
from xtreme_noise.record import CellRecord
from xtreme_noise.report import runs
from xtreme_noise.report.common import common
from xtreme_noise.report.effects import groups
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import PRIMARY, Runs
from xtreme_noise.report.statistics import Comparison
from xtreme_noise.report.system import System

SOURCE = "en"  # the predictors are distances from it
LEAST = 10  # languages that an outcome needs
REPORTED = 20  # languages with which it is in the report
TRANSFER, ROBUSTNESS, BETWEEN = "transfer loss", "robustness loss", "difference of robustness loss"
KINDS = (TRANSFER, ROBUSTNESS, BETWEEN)
FERTILITY, CHANGED, CLEAN = "fertility", "word_change_rate", "clean_score"
PREDICTORS = (*DISTANCES, "size", "tokens", FERTILITY)
OF_NOISE = (FERTILITY, CHANGED)  # have no meaning without noise
NOT_PRETRAINED = 0.05  # GiB of a language that is not in CC-100, whose smallest entry is 0.1 (rounded)


@dataclass(frozen=True)
class Outcome:
    """A loss by language, and what it goes with. kind: one of KINDS. system: its name; of a difference, the arm, whose
    loss is that much larger than the reference's (English). values: (languages,), score points (0 to 1) or log-odds;
    variances: of their error. clean: (languages,), log-odds of the clean score, of a difference the mean of both.
    properties: name -> (languages,). predictors: of the correlations; given: what these hold constant; regressors: of
    the regressions. line: slope and intercept of values on clean, and the slope without the error that both share.
    ridge, forward: None with fewer than LEAST_FAMILIES families.
    """

    task: str
    model: str
    metric: str
    kind: str
    system: System
    reference: System | None
    languages: tuple[str, ...]
    families: tuple[str, ...]
    values: Floats
    variances: Floats
    clean: Floats
    properties: Mapping[str, Floats]
    predictors: tuple[str, ...]
    given: tuple[str, ...]
    regressors: tuple[str, ...]
    correlations: Mapping[str, Correlation]
    line: tuple[float, float, float | None] | None
    ridge: Prediction | None
    forward: Prediction | None

    @property
    def name(self) -> str:
        """Of its system or systems."""
        return self.system.intermediate + (f" minus {self.reference.intermediate}" if self.reference else "")

    @property
    def smallest(self) -> float:
        """The smallest |r| that it could have shown."""
        return smallest_correlation(len(self.languages), len(self.given))

    @property
    def reliability(self) -> float:
        return reliability(self.values, self.variances)

    @property
    def movable(self) -> int:
        """Languages with a relative among them, which the permutations move."""
        return sum(self.families.count(family) > 1 for family in self.families)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Predictors that are not known in every language, or the same in all."""
        meant = (name for name in PREDICTORS if self.kind != TRANSFER or name not in OF_NOISE)
        return tuple(name for name in meant if name not in self.predictors)


@dataclass(frozen=True)
class _Loss:
    """Of one language. loss: run by run; error: what its variance is measured on; odds, clean: of the clean score, in
    log-odds and as it is (higher is better).
    """

    loss: Runs
    error: Runs
    odds: Runs
    clean: float


def of_task(
    panels: Sequence[Panel], pairs: Sequence[Comparison], evidence: Evidence, least: int = REPORTED
) -> list[Outcome]:
    """The outcomes of one task; none after few-shot training, or if transfer is from another language than English.

    pairs: all comparisons of two of its systems; least: languages of an outcome.
    """
    made: list[Outcome | None] = []
    for model in dict.fromkeys(panel.model for panel in panels if not panel.shots.k):
        own = [panel for panel in panels if panel.model == model and panel.languages and panel.levels[:1] == (0.0,)]
        own = [panel for panel in own if panel.source == SOURCE]
        if not own:
            continue
        largest = max(own, key=lambda panel: len(panel.languages))
        noisy = [panel for panel in own if len(panel.levels) > 1]
        shared = common(noisy, "not in every noise family") if noisy else []
        made += [_transfer(largest, evidence, system, least) for system in largest.systems]
        if shared:
            made += [_robustness(shared, evidence, system, least) for system in shared[0].systems]
    for group in groups(pairs):
        both = common([pair.panel for pair in group.pairs], "not in every noise family")
        if group.main and both and not both[0].shots.k and both[0].source == SOURCE:
            made.append(_between(both, evidence, group.systems, least))
    return sorted((one for one in made if one), key=lambda one: KINDS.index(one.kind))


def _transfer(panel: Panel, evidence: Evidence, system: System, least: int) -> Outcome | None:
    """English minus the language, clean. The error of English, common to all languages, is no part of the variance."""
    codes = _codes(panel, least)
    if not codes or SOURCE not in panel.languages:
        return None
    english = _right(panel, evidence, system, SOURCE)
    losses = {}
    for code in codes:
        one = _right(panel, evidence, system, code)
        odds = one.map(_odds(panel, system, code))
        losses[code] = _Loss(english.minus(one), one, odds, one.value)
    return _outcome([panel], evidence, TRANSFER, (system, None), losses)


def _robustness(panels: Sequence[Panel], evidence: Evidence, system: System, least: int) -> Outcome | None:
    losses = {code: _lost(panels, evidence, system, code) for code in _codes(panels[0], least)}
    return _outcome(panels, evidence, ROBUSTNESS, (system, None), losses)


def _between(panels: Sequence[Panel], evidence: Evidence, systems: tuple[System, System], least: int) -> Outcome | None:
    losses = {}
    for code in _codes(panels[0], least):
        arm, reference = (_lost(panels, evidence, system, code) for system in systems)
        apart = arm.loss.minus(reference.loss)
        losses[code] = _Loss(apart, apart, runs.mean([arm.odds, reference.odds]), (arm.clean + reference.clean) / 2)
    return _outcome(panels, evidence, BETWEEN, systems, losses)


def _codes(panel: Panel, least: int) -> tuple[str, ...]:
    """Its languages whose features are known, without English; none if they are too few."""
    codes = tuple(code for code in panel.languages if code != SOURCE and code in features())
    return codes if len(codes) >= least else ()


def _lost(panels: Sequence[Panel], evidence: Evidence, system: System, code: str) -> _Loss:
    """Log-odds lost in a language, a mean over noise families and their noisy levels."""
    parts = []
    for panel in panels:
        curve = runs.made(replace(panel, languages=(code,)), evidence, system, runs.score)
        parts += [part for level in panel.levels[1:] if (part := curve.lost(PRIMARY, level)) is not None]
    loss, clean = runs.mean(parts), _right(panels[0], evidence, system, code)
    return _Loss(loss, loss, clean.map(_odds(panels[0], system, code)), clean.value)


def _right(panel: Panel, evidence: Evidence, system: System, code: str) -> Runs:
    """The clean score of a language, higher is better."""
    one = replace(panel, languages=(code,))
    return runs.right(one, {0.0: runs.score(one, evidence, system, 0.0)})[0.0]


def _odds(panel: Panel, system: System, code: str) -> Callable[[Floats], Floats]:
    size = runs.examples(replace(panel, languages=(code,)), system)
    return lambda score: log_odds(score, size)


def _outcome(
    panels: Sequence[Panel],
    evidence: Evidence,
    kind: str,
    systems: tuple[System, System | None],
    losses: Mapping[str, _Loss],
) -> Outcome | None:
    """None without languages, and where a loss is not defined, was not resampled, or is the same in every language."""
    codes = tuple(losses)
    values = np.array([one.loss.value for one in losses.values()])
    variances = [_variance(replace(panels[0], languages=(code,)), evidence, losses[code].error) for code in codes]
    known = [variance for variance in variances if variance is not None]
    if not codes or len(known) < len(codes) or np.isnan(values).any() or np.ptp(values) <= 0:
        return None
    families = tuple(top_family(code) for code in codes)
    properties = _properties(panels, evidence, systems[0], codes)
    if kind == TRANSFER:
        properties = {name: values for name, values in properties.items() if name not in OF_NOISE}
    else:  # of transfer, the clean score is all there is
        properties[CLEAN] = np.array([one.clean for one in losses.values()])
    predictors = tuple(name for name in PREDICTORS if name in properties)
    given = tuple(name for name in (CLEAN, CHANGED) if name in properties)
    regressors = tuple(name for name in (*PREDICTORS, CHANGED) if name in properties)
    columns = _columns(properties, regressors, len(codes))
    weight, enough = weights(values, np.array(known)), len(set(families)) >= LEAST_FAMILIES
    correlations = partial_spearman(
        values, _columns(properties, predictors, len(codes)), _columns(properties, given, len(codes)), families
    )
    return Outcome(
        task=panels[0].task, model=panels[0].model, metric=panels[0].metric,
        kind=kind, system=systems[0], reference=systems[1],
        languages=codes, families=families, values=values, variances=np.array(known),
        clean=np.array([one.odds.value for one in losses.values()]),
        properties=properties, predictors=predictors, given=given, regressors=regressors,
        correlations=dict(zip(predictors, correlations, strict=True)),
        line=None if kind == TRANSFER else _line(values, losses),
        ridge=ridge(columns, values, weight, families) if enough else None,
        forward=forward(columns, values, weight, families) if enough else None,
    )  # fmt: skip


def _variance(panel: Panel, evidence: Evidence, error: Runs) -> float | None:
    """Of the mean over runs; below three training seeds that over test items alone. None: it was not resampled."""
    estimate = runs.estimate(error, panel, evidence)
    if estimate.item_se is None:
        return None
    return (estimate.se if estimate.se is not None else estimate.item_se) ** 2


def _line(values: Floats, losses: Mapping[str, _Loss]) -> tuple[float, float, float | None]:
    clean = np.array([one.odds.value for one in losses.values()])
    errors = [_covariance(one) for one in losses.values()]
    return slopes(clean, values, *(np.array(some) for some in zip(*errors, strict=True)))


def _covariance(one: _Loss) -> tuple[float, float]:
    """The variance of the error of the clean log-odds, and its covariance with that of the loss; over test items."""
    if one.odds.drawn is None or one.loss.drawn is None:
        return math.nan, math.nan
    both = np.cov(one.odds.drawn.mean(axis=0), one.loss.drawn.mean(axis=0))
    return float(both[0, 0]), float(both[0, 1])


def _columns(properties: Mapping[str, Floats], names: Sequence[str], languages: int) -> Floats:
    """(languages, names)."""
    return np.column_stack([properties[name] for name in names]) if names else np.empty((languages, 0))


def _properties(panels: Sequence[Panel], evidence: Evidence, system: System, codes: Sequence[str]) -> dict[str, Floats]:
    """Those that are known in every language and not the same in all."""
    table = features()
    every: dict[str, list[float | None]] = {name: [getattr(table[code], name) for code in codes] for name in DISTANCES}
    every["size"] = [math.log(table[code].gib or NOT_PRETRAINED) for code in codes]
    every["tokens"] = [_tokens(panels[0], evidence, system, code) for code in codes]
    for name in OF_NOISE:
        every[name] = [_mean(getattr(cell, name) for cell in _noisy(panels, system, code)) for code in codes]
    found = {name: np.array(values, float) for name, values in every.items()}  # None becomes nan
    return {name: values for name, values in found.items() if not np.isnan(values).any() and np.ptp(values) > 0}


def _tokens(panel: Panel, evidence: Evidence, system: System, code: str) -> float | None:
    """How many subword tokens the clean test set has, relative to English, as a logarithm; None unless both have the
    same examples.
    """
    if SOURCE not in panel.languages or set(evidence.ids[code]) != set(evidence.ids[SOURCE]):
        return None
    own, english = (panel.at(system, name, 0.0)[0][0].forward_tokens for name in (code, SOURCE))
    return math.log(own / english) if own and english else None


def _noisy(panels: Sequence[Panel], system: System, code: str) -> Iterator[CellRecord]:
    for panel in panels:
        for level in panel.levels[1:]:
            for run in panel.at(system, code, level):
                yield from run


def _mean(values: Iterator[float | None]) -> float | None:
    known = list(values)
    return None if not known or None in known else float(np.mean(np.array(known, float)))
