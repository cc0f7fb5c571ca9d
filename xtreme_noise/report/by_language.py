"""Results by language: every place of the study's grid, measured or not, and what is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats
from xtreme_noise.analysis.direction import rightness
from xtreme_noise.analysis.robustness import drop_rate
from xtreme_noise.analysis.seeds import Estimate, over_seeds
from xtreme_noise.record import ABSENT, CLEAN, CellRecord
from xtreme_noise.report.cells import means
from xtreme_noise.report.panels import systems
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.system import System

# Fields of cells that a place has the mean of.
MEASURED = (
    "achieved", "changed", "word_change_rate", "fertility", "flip_rate", "right_to_wrong", "wrong_to_right", "seconds",
)  # fmt: skip
PARTIAL = "partial"  # some seeds are measured, others are not


@dataclass(frozen=True)
class Place:
    """One language at one level of one system, over seeds and noise seeds; fractions, None where not measured.

    status: ok, partial, error, missing, n/a or "not run"; `score` is the mean of the cells that are ok.
    """

    task: str
    family: str
    model: str
    system: System
    language: str
    language_name: str
    script: str
    noise: str
    level: float
    metric: str | None
    status: str
    cells: int
    expected: int
    n: int | None = None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    conditional: bool = False  # whether the interval says nothing of other training runs
    drop: float | None = None
    drop_rate: float | None = None
    drop_rate_above_chance: float | None = None
    chance: float | None = None
    at_chance: bool | None = None
    clean_at_chance: bool | None = None
    achieved: float | None = None
    changed: float | None = None
    word_change_rate: float | None = None
    fertility: float | None = None
    flip_rate: float | None = None
    right_to_wrong: float | None = None
    wrong_to_right: float | None = None
    seconds: float | None = None
    seen: bool | None = None


@dataclass(frozen=True)
class Count:
    """Cells of one task, model, system and noise family by status."""

    task: str
    model: str
    system: System
    noise: str
    counts: Mapping[str, int]


def places(cells: Sequence[CellRecord], evidence: Mapping[str, Evidence]) -> list[Place]:
    """The grid: (tasks x models) x their systems x languages x (clean, then noise families x levels)."""
    grid: list[Place] = []
    for members in _by_task_and_model(cells).values():
        named = {cell.language: cell for cell in members}
        metric = next((cell.metric for cell in members if cell.metric), None)
        clean_scores: dict[tuple[str, str], float] = {}  # spots come clean first
        for spot in _spots(members):
            key = (spot.system.intermediate, spot.language)
            place = _place(spot, named[spot.language], metric, evidence, clean_scores.get(key))
            if spot.level == 0 and place.score is not None:
                clean_scores[key] = place.score
            grid.append(place)
    return grid


def counts(cells: Sequence[CellRecord]) -> list[Count]:
    """The number of cells by status, and of places without a record."""
    tally: dict[tuple[str, str, System, str], Counter[str]] = defaultdict(Counter)
    for (task, model), members in _by_task_and_model(cells).items():
        for spot in _spots(members):
            row = tally[(task, model, spot.system, spot.noise)]
            row.update(cell.status for cell in spot.cells)
            if spot.reason is None and not {"missing", "n/a"} & {cell.status for cell in spot.cells}:
                row[ABSENT] += max(0, spot.expected - len(spot.cells))
    return [Count(*key, counts=dict(row)) for key, row in tally.items()]


def language_order(cell: CellRecord) -> tuple[bool, str]:
    """Sort key of languages: by English name, but English, the source of transfer, first."""
    return (cell.language != "en", cell.language_name)


def _by_task_and_model(cells: Sequence[CellRecord]) -> dict[tuple[str, str], list[CellRecord]]:
    grouped: dict[tuple[str, str], list[CellRecord]] = defaultdict(list)
    for cell in cells:
        grouped[(cell.task, cell.model)].append(cell)
    return grouped


@dataclass(frozen=True)
class _Spot:
    """One place before computing its numbers; `reason`: why it has no cell, if a record of its language says so."""

    system: System
    language: str
    noise: str
    level: float
    cells: Sequence[CellRecord]
    expected: int
    reason: str | None


def _spots(members: Sequence[CellRecord]) -> list[_Spot]:
    """Every (system, language, noise, level) of one task and model."""
    at: dict[tuple[str, str, str, float], list[CellRecord]] = defaultdict(list)
    missing: set[tuple[str, str]] = set()
    inapplicable: set[tuple[str, str, str]] = set()
    first: dict[str, CellRecord] = {}
    for cell in members:
        first.setdefault(cell.language, cell)
        at[(cell.intermediate, cell.language, cell.noise, cell.level)].append(cell)
        if cell.status == "missing":
            missing.add((cell.intermediate, cell.language))
        if cell.status == "n/a":
            inapplicable.add((cell.intermediate, cell.language, cell.noise))
    languages = sorted(first, key=lambda code: language_order(first[code]))
    axis = sorted({(cell.noise, cell.level) for cell in members}, key=lambda a: (a[0] != CLEAN, a))
    seeds = {cell.seed for cell in members}
    noise_seeds = {cell.noise_seed for cell in members if cell.noise != CLEAN}
    spots = []
    for system in systems(members):
        for language in languages:
            for noise, level in axis:
                here = at.get((system.intermediate, language, noise, level), [])
                reason = None
                if not here and (system.intermediate, language) in missing:
                    reason = "missing"
                elif not here and (system.intermediate, language, noise) in inapplicable:
                    reason = "n/a"
                expected = len(seeds) * (1 if noise == CLEAN else len(noise_seeds))
                spots.append(
                    _Spot(
                        system=system,
                        language=language,
                        noise=noise,
                        level=level,
                        cells=here,
                        expected=expected,
                        reason=reason,
                    )
                )
    return spots


def _place(
    spot: _Spot, named: CellRecord, metric: str | None, evidence: Mapping[str, Evidence], clean: float | None
) -> Place:
    good = [cell for cell in spot.cells if cell.status == "ok" and cell.score is not None]
    known = evidence.get(named.task, Evidence())
    chance = known.chances.get(named.language)
    score = float(np.mean([cell.score for cell in good])) if good else None
    bounded = _over_seeds(good, known, named.language)
    drop = rate = above = None
    before_noise = score if spot.level == 0 else clean
    if score is not None and clean is not None and spot.level > 0:
        before, after = rightness(metric, clean), rightness(metric, score)
        drop, rate = float(before - after), _defined(drop_rate(before, after))
        above = _defined(drop_rate(before, after, chance.right)) if chance else None
    return Place(
        task=named.task, family=named.family, model=named.model, system=spot.system,
        language=named.language, language_name=named.language_name, script=named.script,
        noise=spot.noise, level=spot.level, metric=metric,
        status=_status(spot, good), cells=len(good), expected=spot.expected,
        n=good[0].n if good else None,
        score=score, low=bounded.low, high=bounded.high, conditional=bounded.conditional,
        drop=drop, drop_rate=rate, drop_rate_above_chance=above,
        chance=chance.score if chance else None,
        at_chance=chance.near(score) if chance and score is not None else None,
        clean_at_chance=chance.near(before_noise) if chance and before_noise is not None else None,
        **means(good, MEASURED),
        seen=next((cell.seen for cell in spot.cells), None),
    )  # fmt: skip


def _status(spot: _Spot, good: Sequence[CellRecord]) -> str:
    if len(good) >= spot.expected:
        return "ok"
    if good:
        return PARTIAL
    statuses = {cell.status for cell in spot.cells} | {spot.reason}
    return next((status for status in ("error", "missing", "n/a") if status in statuses), ABSENT)


def _over_seeds(good: Sequence[CellRecord], evidence: Evidence, language: str) -> Estimate:
    """The mean over cells, training seeds with the same weight."""
    runs: dict[int, list[CellRecord]] = defaultdict(list)
    for cell in good:
        runs[cell.seed].append(cell)
    if not runs or any(cell.cell not in evidence.scores for cell in good):
        return Estimate(None)
    values = np.array([np.mean([cell.score for cell in run]) for run in runs.values()])
    drawn = evidence.mean(tuple(tuple(cell.cell for cell in run) for run in runs.values()))
    return over_seeds(values, drawn, evidence.items.get(language, 1))


def _defined(value: Floats) -> float | None:
    return None if np.isnan(value) else float(value)
