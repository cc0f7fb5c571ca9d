"""Calibration and selective accuracy, of the cells whose predictions have the scores of all classes beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtreme_noise import tasks
from xtreme_noise.analysis.bootstrap import Floats, draws
from xtreme_noise.analysis.brier import brier
from xtreme_noise.analysis.calibration import Bins, calibration_error, equal_mass, equal_width, error_of_chance
from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.analysis.selective import ranked, risk_coverage_area, selective_accuracy
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.report import runs
from xtreme_noise.report.cells import Problem, where
from xtreme_noise.report.formatting import extent
from xtreme_noise.report.panels import Panel, panels
from xtreme_noise.report.predictions import Evidence, match, read_columns
from xtreme_noise.report.runs import Runs
from xtreme_noise.report.system import System
from xtreme_noise.results.class_scores import CLASS_SCORES, read

# Measured in every cell; those of the first line have intervals.
DRAWN = ("confidence", "accuracy", "overconfidence", "ece", "ece_equal_mass", "brier", "selective_accuracy", "aurc")
MEASURES = (*DRAWN, "ece_of_chance")
# Of the 9,999 resamples of the other statistics, the first ones: enough for intervals without a p.
RESAMPLES = 1_000
_AT_ONCE = 50_000  # numbers in one array: stays in the cache of a processor


@dataclass(frozen=True)
class CalibrationPoint:
    """One system at one level: means over the panel's languages, which are those with class scores in every arm.

    values: measure -> estimate, over training seeds; by_seed: measure -> value in each of the panel's seeds.
    """

    panel: Panel
    system: System
    level: float
    values: Mapping[str, Estimate]
    by_seed: Mapping[str, Floats]
    resamples: int


@dataclass(frozen=True)
class _Items:
    """The predictions of one cell: one an example, in tagging one a token.

    confidence: the probability of the prediction; brier: its Brier score; width, mass: its bins; owner: (predictions,)
    the number of the source item of each, among the sorted ones of the language.
    """

    confidence: Floats
    correct: NDArray[np.bool_]
    brier: Floats
    width: Bins
    mass: Bins
    owner: NDArray[np.intp]


def points(
    sweep: Path, cells: Sequence[CellRecord], evidence: Evidence, unusable: Mapping[tuple[str, str], str]
) -> tuple[list[CalibrationPoint], list[Problem]]:
    """The points of one task, and the files that cannot be used. None without class scores.

    unusable: (task, language) -> why its cells cannot be compared.
    """
    kept, items, problems = [], {}, []
    for cell in with_scores(sweep, cells):
        if cell.family in tasks.having("nearest") or cell.language not in evidence.names:
            continue
        try:
            items[cell.cell] = _items(sweep, cell, evidence)
        except DataError as error:
            problems.append(Problem(where(cell), str(error)))
        else:
            kept.append(cell)
    if not kept:
        return [], problems
    drawn = _drawn(kept, items, evidence)
    found = {name: _measures(one, np.ones((1, one.owner.max() + 1))) for name, one in items.items()}
    for name, one in items.items():
        found[name]["ece_of_chance"] = np.array([error_of_chance(one.confidence, one.width)])
    return [
        _point(panel, evidence, system, level, found, drawn)
        for panel in panels(kept, unusable)
        if panel.languages
        for system in panel.systems
        for level in panel.levels
    ], problems


def with_scores(sweep: Path, cells: Sequence[CellRecord]) -> list[CellRecord]:
    """The finished cells with class scores, or nearest candidates, beside their predictions."""
    stored = {path.stem for path in (sweep / CLASS_SCORES).glob("*.parquet")}
    return [cell for cell in cells if cell.status == "ok" and cell.cell in stored]


def _items(sweep: Path, cell: CellRecord, evidence: Evidence) -> _Items:
    scores = read(sweep / CLASS_SCORES / f"{cell.cell}.parquet")
    table = read_columns(sweep, cell, ("id", "prediction", "gold")).to_pydict()
    if table["id"] != list(scores.ids):
        raise DataError(f"{CLASS_SCORES}/{cell.cell}.parquet has other examples than the predictions")
    scores.check(table["prediction"])
    predicted, right = scores.places(table["prediction"]), scores.places(table["gold"])
    probabilities = np.exp(scores.table)
    confidence = probabilities[np.arange(len(predicted)), predicted]
    order = match(table["id"], evidence.ids[cell.language], where(cell), f"the other cells of {cell.language}")
    _, item = np.unique(evidence.names[cell.language], return_inverse=True)
    return _Items(
        confidence=confidence,
        correct=predicted == right,
        brier=brier(probabilities, right),
        width=equal_width(confidence),
        mass=equal_mass(confidence),
        owner=item[order][scores.owner],
    )


def _drawn(
    cells: Sequence[CellRecord], items: Mapping[str, _Items], evidence: Evidence
) -> dict[str, dict[str, Floats]]:
    """Cell -> measure -> (RESAMPLES,), with the draws of the other statistics; empty if these have none."""
    if not evidence.resamples:
        return {}
    of_language: dict[str, list[str]] = defaultdict(list)
    for cell in cells:
        of_language[cell.language].append(cell.cell)
    parts: dict[str, list[dict[str, Floats]]] = defaultdict(list)
    sources = {language: [str(name) for name in np.unique(names)] for language, names in evidence.names.items()}
    size = min(RESAMPLES, evidence.resamples)
    for language, _, weights in draws(sources, size, seed=evidence.seed, stream=evidence.stream):
        for name in of_language[language]:
            parts[name].append(_measures(items[name], weights))
    return {name: {m: np.concatenate([part[m] for part in some]) for m in DRAWN} for name, some in parts.items()}


def _measures(items: _Items, weights: Floats) -> dict[str, Floats]:
    """Measure -> (resamples,). weights: (resamples, source items), how often each counts."""
    rows = max(1, _AT_ONCE // len(items.owner))
    parts = [_some(items, weights[start : start + rows, items.owner]) for start in range(0, len(weights), rows)]
    return {name: np.concatenate([part[name] for part in parts]) for name in DRAWN}


def _some(items: _Items, weights: Floats) -> dict[str, Floats]:
    total = weights.sum(axis=1)
    order = ranked(items.confidence, items.correct, weights)
    with np.errstate(invalid="ignore"):
        confidence, accuracy, error = (weights @ one / total for one in (items.confidence, items.correct, items.brier))
    return {
        "confidence": confidence,
        "accuracy": accuracy,
        "overconfidence": confidence - accuracy,
        "ece": calibration_error(items.confidence, items.correct, items.width, weights),
        "ece_equal_mass": calibration_error(items.confidence, items.correct, items.mass, weights),
        "brier": error,
        "selective_accuracy": selective_accuracy(order),
        "aurc": risk_coverage_area(order),
    }


def _point(
    panel: Panel,
    evidence: Evidence,
    system: System,
    level: float,
    found: Mapping[str, Mapping[str, Floats]],
    drawn: Mapping[str, Mapping[str, Floats]],
) -> CalibrationPoint:
    of_run: list[list[str]] = [[] for _ in panel.seeds]
    for language in panel.languages:
        for names, cells in zip(of_run, panel.at(system, language, level), strict=True):
            names += [cell.cell for cell in cells]
    values, by_seed = {}, {}
    for measure in MEASURES:
        single = np.array([np.mean([found[name][measure][0] for name in names]) for names in of_run])
        some = drawn and measure in DRAWN
        mean = (
            np.array([np.mean([drawn[name][measure] for name in names], axis=0) for names in of_run]) if some else None
        )
        if mean is not None and measure.startswith("ece"):
            mean += single[:, None] - np.nanmean(mean, axis=1, keepdims=True)  # chance adds to an ECE, here once more
        values[measure] = runs.estimate(Runs(single, mean), panel, evidence)
        by_seed[measure] = single
    return CalibrationPoint(panel, system, level, values, by_seed, min(RESAMPLES, evidence.resamples))


def named(panel: Panel, system: System, level: float) -> dict[str, Any]:
    """The columns that say what a row of a table is about."""
    return {
        "task": panel.task,
        "model": panel.model,
        "intermediate": system.intermediate,
        "kind": system.kind,
        "arm": system.shown_arm,
        "noise": panel.noise,
        "level": level,
    }


_NAMED = ("task", "model", "intermediate", "kind", "arm", "noise", "level")
COLUMNS = (
    *_NAMED,
    *(name + end for name in DRAWN for end in ("", "_low", "_high")), "ece_of_chance",
    "interval", "languages", "languages_wanted", "languages_in_mean", "seeds", "noise_seeds", "resamples",
)  # fmt: skip
BY_SEED = (*_NAMED, "seed", *MEASURES, "languages")


def rows(some: Iterable[CalibrationPoint]) -> Iterable[dict[str, Any]]:
    """tables/calibration.csv: one row per task, model, system, noise family and level."""
    for point in some:
        panel, values = point.panel, point.values
        ends = {f"{m}_{end}": getattr(values[m], end) for m in DRAWN for end in ("low", "high")}
        accuracy = values["accuracy"]
        yield (
            named(point.panel, point.system, point.level)
            | {measure: values[measure].value for measure in MEASURES}
            | ends
            | {
                "interval": extent(accuracy.low is not None, accuracy.conditional),
                "languages": len(panel.languages),
                "languages_wanted": panel.wanted,
                "languages_in_mean": " ".join(panel.languages),
                "seeds": len(panel.seeds),
                "noise_seeds": len(panel.noise_seeds),
                "resamples": point.resamples,
            }
        )


def rows_by_seed(some: Iterable[CalibrationPoint]) -> Iterable[dict[str, Any]]:
    """tables/calibration_seeds.csv: the same for each training seed."""
    for point in some:
        for number, seed in enumerate(point.panel.seeds):
            measured = {measure: float(point.by_seed[measure][number]) for measure in MEASURES}
            yield (
                named(point.panel, point.system, point.level)
                | {"seed": seed, "languages": len(point.panel.languages)}
                | measured
            )
