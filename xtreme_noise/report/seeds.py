"""tables/seeds.csv: every mean over languages in each training seed; intervals over seeds are computed from these."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from xtreme_noise.report import runs
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.runs import SCALES, Runs
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.system import System

COLUMNS = (
    "task", "model", "intermediate", "kind", "arm", "noise", "level", "seed", "metric", "score", *SCALES, "languages",
)  # fmt: skip


def rows(study: StudyResults) -> Iterable[dict[str, Any]]:
    """One row per task, model, system, noise family, level and seed, over the languages of its curve."""
    for panel in study.panels:
        if panel.languages:
            evidence = study.evidence.get(panel.task, Evidence())
            for system in panel.systems:
                yield from _rows(panel, evidence, system)


def _rows(panel: Panel, evidence: Evidence, system: System) -> Iterable[dict[str, Any]]:
    alone = Evidence(chances=evidence.chances)  # values alone: no replicates
    curve = runs.curve(panel, alone, system)
    for level in panel.levels:
        taken = {scale: curve.lost(scale, level) for scale in SCALES if 0.0 in panel.levels}
        for number, seed in enumerate(panel.seeds):
            yield {
                "task": panel.task,
                "model": panel.model,
                "intermediate": system.intermediate,
                "kind": system.kind,
                "arm": system.shown_arm,
                "noise": panel.noise,
                "level": level,
                "seed": seed,
                "metric": panel.metric,
                "score": float(curve.scores[level].values[number]),
                "languages": len(panel.languages),
            } | {scale: _value(found, number) for scale, found in taken.items()}


def _value(found: Runs | None, number: int) -> float | None:
    return None if found is None or math.isnan(found.values[number]) else float(found.values[number])
