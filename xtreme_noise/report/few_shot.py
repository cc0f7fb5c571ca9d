"""Scores after few-shot training against the number of examples: do a handful of them buy robustness?

Means are over the languages that are complete for every number of examples, without the source language of
transfer, which gets none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xtreme_noise.analysis.seeds import Estimate, over_seeds
from xtreme_noise.record import CellRecord
from xtreme_noise.report import runs
from xtreme_noise.report.formatting import extent
from xtreme_noise.report.panels import Panel, source
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import PRIMARY, Runs
from xtreme_noise.report.shots import Shots
from xtreme_noise.report.system import System

COLUMNS = (
    "task", "model", "intermediate", "noise", "level", "sampling", "shots", "clean", "clean_low", "clean_high", "noisy",
    "noisy_low", "noisy_high", "log_odds_lost", "log_odds_lost_low", "log_odds_lost_high", "gain", "gain_low",
    "gain_high", "interval", "languages", "languages_in_mean", "seeds", "resamples",
)  # fmt: skip


@dataclass(frozen=True)
class ShotPoint:
    """One system at one noisy level after k examples of each language. lost: log-odds lost. gain: log-odds lost before
    few-shot training minus after it, on the same items: positive, the examples bought robustness; without a value at
    k = 0, and where other training seeds were run.
    """

    shots: Shots
    panel: Panel
    system: System
    level: float
    clean: Estimate
    noisy: Estimate
    lost: Estimate
    gain: Estimate
    resamples: int


@dataclass(frozen=True)
class Measured:
    """What a task adds: numbers run by run, which other tasks are compared with."""

    shots: Shots
    panel: Panel
    system: System
    level: float
    clean: Runs
    noisy: Runs
    lost: Runs
    items: int
    resamples: int

    @property
    def line(self) -> tuple[Any, ...]:
        """Equal before and after few-shot training."""
        return self.shots.task, self.panel.model, self.system, self.panel.noise, self.level


def common_languages(cells: Iterable[CellRecord]) -> Mapping[str, Sequence[str]]:
    """Zero-shot task -> the languages of which no cell is missing or failed, for any number of examples; only of tasks
    with few-shot training.
    """
    sound: dict[str, dict[str, dict[str, bool]]] = defaultdict(lambda: defaultdict(dict))
    sources: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        task = Shots.of(cell).task
        of_name = sound[task][cell.task]
        of_name[cell.language] = of_name.get(cell.language, True) and cell.status == "ok"
        sources[task].add(source([cell]))
    return {
        task: sorted(set.intersection(*map(_sound, names.values())) - sources[task])
        for task, names in sound.items()
        if len(names) > 1
    }


def _sound(languages: Mapping[str, bool]) -> set[str]:
    return {code for code, ok in languages.items() if ok}


def of_task(panels: Sequence[Panel], evidence: Evidence, languages: Mapping[str, Sequence[str]]) -> list[Measured]:
    """What the panels of one task add to the curves. languages: see `common_languages`."""
    found = []
    for panel in panels:
        wanted = languages.get(panel.shots.task, ())
        if not wanted or not set(wanted) <= set(panel.languages) or panel.levels[0] != 0:
            continue
        own = replace(panel, languages=tuple(wanted))
        for system in own.systems:
            curve = runs.made(own, evidence, system, runs.score)
            for level in own.levels[1:]:
                lost = curve.lost(PRIMARY, level)
                if lost is not None:
                    clean, noisy = curve.scores[0.0], curve.scores[level]
                    items, resamples = runs.items(own, evidence), evidence.resamples
                    found.append(Measured(panel.shots, own, system, level, clean, noisy, lost, items, resamples))
    return found


def points(measured: Sequence[Measured]) -> list[ShotPoint]:
    """The curves of all tasks, each from k = 0 on; none without few-shot training, or without the zero-shot model."""
    before = {one.line: one for one in measured if one.shots.k == 0}
    every = [one for one in measured if one.line in before]
    order = {line: number for number, line in enumerate(dict.fromkeys(one.line for one in every))}
    every.sort(key=lambda one: (order[one.line], one.shots.sampling, one.shots.k))
    return [_point(one, before[one.line]) for one in every]


def _point(one: Measured, before: Measured) -> ShotPoint:
    gain = Estimate(None)
    if one.shots.k and one.panel.seeds == before.panel.seeds:
        apart = before.lost.minus(one.lost)
        gain = over_seeds(apart.values, apart.drawn, one.items)
    clean, noisy, lost = (over_seeds(some.values, some.drawn, one.items) for some in (one.clean, one.noisy, one.lost))
    return ShotPoint(one.shots, one.panel, one.system, one.level, clean, noisy, lost, gain, one.resamples)


def rows(points: Sequence[ShotPoint]) -> Iterable[dict[str, Any]]:
    """tables/few_shot.csv."""
    for point in points:
        values: dict[str, float | None] = {}
        for name, one in (
            ("clean", point.clean), ("noisy", point.noisy), ("log_odds_lost", point.lost), ("gain", point.gain),
        ):  # fmt: skip
            values |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
        yield values | {
            "task": point.shots.task,
            "model": point.panel.model,
            "intermediate": point.system.intermediate,
            "noise": point.panel.noise,
            "level": point.level,
            "sampling": point.shots.sampling,
            "shots": point.shots.k,
            "interval": extent(point.clean.low is not None, point.clean.conditional),
            "languages": len(point.panel.languages),
            "languages_in_mean": " ".join(point.panel.languages),
            "seeds": len(point.panel.seeds),
            "resamples": point.resamples,
        }
