"""Consistency: rows of its CSV tables, and the tables and heat maps of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtreme_noise.report.calibration import named
from xtreme_noise.report.consistency import LANGUAGES, NOISE, Consistency, ConsistencyContrast, ConsistencyPoint
from xtreme_noise.report.effects import FAMILY
from xtreme_noise.report.formatting import bounds, extent, percent, plural, probability
from xtreme_noise.report.names import Names
from xtreme_noise.report.rankings import MEASURES
from xtreme_noise.report.system import System
from xtreme_noise.report.views import TableCell, TableView
from xtreme_noise.sheets import sheet

SHOWN = {"agreement": "agreement", "rankc_softmax": "RankC", "rankc_norm1": "RankC (norm1)"}
POINTS = (
    "task", "model", "intermediate", "kind", "arm", "noise", "level", "compared", "language", "other_language",
    "measure", "value", "value_low", "value_high", "above_random", *MEASURES, "interval", "parts", "seeds",
    "noise_seeds", "resamples",
)  # fmt: skip
CONTRASTS = (
    "family", "task", "model", "kind", "arm", "reference", "measure", "lost", "reference_lost", "difference",
    "difference_low", "difference_high", "interval", "p", "p_adjusted", "tests_in_family", "by_seed", "noises",
    "levels", "languages", "seeds", "resamples",
)  # fmt: skip


def sheets(found: Consistency) -> dict[str, str]:
    """File name -> CSV text; none without consistency."""
    if not found.points:
        return {}
    return {
        "consistency.csv": sheet(POINTS, map(_point, found.points)),
        "consistency_arms.csv": sheet(CONTRASTS, map(_contrast, found.contrasts)),
    }


def _point(point: ConsistencyPoint) -> dict[str, Any]:
    panel, value = point.panel, point.value
    return {
        **named(panel, point.system, point.level),
        "compared": point.compared,
        "language": point.language,
        "other_language": point.other,
        "measure": point.measure,
        "value": value.value,
        "value_low": value.low,
        "value_high": value.high,
        "above_random": _known(point.above_random),
        **{name: _known(point.values[name]) for name in MEASURES},
        "interval": extent(value.low is not None, value.conditional),
        "parts": point.parts,
        "seeds": len(panel.seeds),
        "noise_seeds": len(panel.noise_seeds),
        "resamples": point.resamples,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _contrast(row: ConsistencyContrast) -> dict[str, Any]:
    arm, reference = row.group.systems
    panels, difference = [pair.panel for pair in row.group.pairs], row.difference
    return {
        "family": row.group.family,
        "task": panels[0].task,
        "model": panels[0].model,
        "kind": row.group.kind,
        "arm": arm.intermediate,
        "reference": reference.intermediate,
        "measure": row.measure,
        "lost": row.value,
        "reference_lost": row.reference_value,
        "difference": difference.value,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "interval": extent(difference.low is not None, difference.conditional),
        "p": difference.p,
        "p_adjusted": row.p_adjusted,
        "tests_in_family": row.tests or None,
        "by_seed": "; ".join(f"{seed}: {value:.6g}" for seed, value in row.by_seed.items()),
        "noises": " ".join(dict.fromkeys(panel.noise for panel in panels)),
        "levels": " ".join(dict.fromkeys(f"{level:g}" for panel in panels for level in panel.levels[1:])),
        "languages": " ".join(sorted({code for panel in panels for code in panel.languages})),
        "seeds": len(panels[0].seeds),
        "resamples": row.group.pairs[0].evidence.resamples,
    }


def tables(points: Sequence[ConsistencyPoint], names: Names) -> list[TableView]:
    """One table for each noise family, a row for each system and level: means. points: of one task and model."""
    found = []
    for noise in dict.fromkeys(point.panel.noise for point in points):
        means = [point for point in points if point.panel.noise == noise and not point.language]
        at = {(point.compared, point.system, point.level): point for point in means}
        panel, name = means[0].panel, SHOWN[means[0].measure]
        parts = {point.compared: point.parts for point in means}
        of = {
            what: text
            for what, text in (
                (LANGUAGES, f"between languages, {plural(parts.get(LANGUAGES, 0), 'pair')}"),
                (NOISE, f"clean with noisy, {plural(parts.get(NOISE, 0), 'language')}"),
            )
            if what in parts
        }
        heads = [
            [("intermediate", 1), ("level", 1), ("accuracy", 1), *((text, 3) for text in of.values())],
            [("", 1), ("", 1), ("", 1), *((column, 1) for _ in of for column in (name, "above random", "COverlap"))],
        ]
        rows = [
            [TableCell(system.intermediate), TableCell(f"{level:g}", "num"), _accuracy(at, system, level)]
            + [cell for what in of for cell in _cells(at.get((what, system, level)))]
            for system in panel.systems
            for level in panel.levels
        ]
        caption = f"{names.panel(panel)}: consistency × 100, {plural(len(panel.seeds), 'training seed')}"
        found.append(TableView(caption, heads, rows))
    return found


def _accuracy(at: Mapping[tuple[str, System, float], ConsistencyPoint], system: System, level: float) -> TableCell:
    """Mean over languages: of the noisy input, of the clean one beside any noisy one, or of both sides of the pairs."""
    own = [point for (what, of, _), point in at.items() if what == NOISE and of == system]
    here = next((point for point in own if point.level == level), None)
    if here is not None:
        value = here.values["other_accuracy"]
    elif own:
        value = own[0].values["accuracy"]
    else:
        pairs = at[LANGUAGES, system, level].values
        value = (pairs["accuracy"] + pairs["other_accuracy"]) / 2
    return TableCell(percent(value), "num")


def _cells(point: ConsistencyPoint | None) -> list[TableCell]:
    if point is None:
        return [TableCell(percent(None), "num")] * 3
    others = [TableCell(percent(_known(one)), "num") for one in (point.above_random, point.values["overlap"])]
    return [TableCell(percent(point.value.value), "num", bounds(point.value)), *others]


def contrast_table(rows: Sequence[ConsistencyContrast]) -> TableView | None:
    """Consistency lost to noise, arm minus reference; None if there are none."""
    if not rows:
        return None
    heads = [
        (name, 1) for name in ("task", "arm", "reference", "lost", "reference lost", "difference", "p", "adjusted p")
    ]
    lines = []
    for row in sorted(rows, key=lambda row: row.group.family != FAMILY):
        arm, reference = row.group.systems
        panel, difference = row.group.pairs[0].panel, row.difference
        lines.append([
            TableCell(panel.task), TableCell(arm.intermediate), TableCell(reference.intermediate),
            TableCell(percent(row.value), "num"), TableCell(percent(row.reference_value), "num"),
            TableCell(percent(difference.value, sign=True), "num", bounds(difference, sign=True)),
            TableCell(probability(difference.p), "num"), TableCell(probability(row.p_adjusted), "num"),
        ])  # fmt: skip
    caption = (
        "Consistency lost to noise × 100, arm minus reference, mean over noise families and levels; p adjusted by Holm"
    )
    return TableView(caption, [heads], lines)


def maps(points: Iterable[ConsistencyPoint]) -> dict[str, list[ConsistencyPoint]]:
    """What a heat map is of, and its points: of each system the clean input, and the highest level of each noise
    family, in which the diagonal is the clean input against the noisy one of a language. points: of one task and model.
    """
    pairs = [point for point in points if point.language]
    systems = {point.system for point in pairs if point.compared == LANGUAGES}
    found: dict[str, dict[tuple[str, str], ConsistencyPoint]] = {}
    for point in pairs:
        if point.system in systems and point.level in (0, point.panel.levels[-1]):
            what = f"{point.panel.noise} {point.level:g}" if point.level else "clean"
            own = found.setdefault(f"{point.system.intermediate}, {what}", {})
            own.setdefault((point.language, point.other), point)  # clean ones are the same for all noise families
    return {what: list(own.values()) for what, own in found.items()}
