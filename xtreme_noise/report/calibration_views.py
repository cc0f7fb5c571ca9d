"""The tables of the page with calibration and selective accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.analysis.selective import COVERAGE
from xtreme_noise.report.calibration import CalibrationPoint
from xtreme_noise.report.formatting import bounds, percent, plural
from xtreme_noise.report.names import Names
from xtreme_noise.report.views import TableCell, TableView

SHOWN = {
    "confidence": "confidence", "accuracy": "accuracy", "overconfidence": "overconfidence",
    "ece": "ECE", "ece_of_chance": "ECE by chance", "ece_equal_mass": "ECE, equal mass", "brier": "Brier",
    "selective_accuracy": f"selective accuracy at {COVERAGE:g}", "aurc": "AURC",
}  # fmt: skip


def tables(points: Sequence[CalibrationPoint], names: Names) -> list[TableView]:
    """One table for each noise family, a row for each system and level. points: of one task and model."""
    found = []
    for noise in dict.fromkeys(point.panel.noise for point in points):
        own = [point for point in points if point.panel.noise == noise]
        panel = own[0].panel
        scope = f"mean over {len(panel.languages)} of {plural(panel.wanted, 'language')}"
        seeds = plural(len(panel.seeds), "training seed")
        heads = [("intermediate", 1), ("level", 1), *((name, 1) for name in SHOWN.values())]
        rows = [
            [TableCell(point.system.intermediate), TableCell(f"{point.level:g}", "num"), *map(_cell, _values(point))]
            for point in own
        ]
        caption = f"{names.panel(panel)}: calibration × 100, {scope}, {seeds}"
        found.append(TableView(caption, [heads], rows))
    return found


def _values(point: CalibrationPoint) -> list[tuple[str, CalibrationPoint]]:
    return [(measure, point) for measure in SHOWN]


def _cell(shown: tuple[str, CalibrationPoint]) -> TableCell:
    measure, point = shown
    estimate, sign = point.values[measure], measure == "overconfidence"
    return TableCell(percent(estimate.value, sign=sign), "num", bounds(estimate, sign=sign))
