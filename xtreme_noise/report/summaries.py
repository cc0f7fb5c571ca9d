"""Robustness over several noise families or models: worst case, corruption error, effective robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.report.corruption_error import CorruptionError, corruption_errors
from xtreme_noise.report.effective import Fitted, fitted
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import Evidence
from xtreme_noise.report.statistics import Comparison
from xtreme_noise.report.worst_case import WorstCase, worst_cases


@dataclass(frozen=True)
class Summaries:
    worst: Sequence[WorstCase]
    errors: Sequence[CorruptionError]
    lines: Sequence[Fitted]


def of_task(panels: Sequence[Panel], pairs: Sequence[Comparison], evidence: Evidence) -> Summaries:
    """The summaries of one task. pairs: all comparisons of two of its systems."""
    return Summaries(worst_cases(panels, evidence), corruption_errors(pairs), fitted(panels, evidence))


def joined(parts: Sequence[Summaries]) -> Summaries:
    """The summaries of several tasks."""
    return Summaries(
        [row for part in parts for row in part.worst],
        [row for part in parts for row in part.errors],
        [row for part in parts for row in part.lines],
    )
