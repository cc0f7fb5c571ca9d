"""Parts of Vega-Lite specifications (https://vega.github.io/vega-lite/docs), of which the interactive charts consist.

They are plain mappings: Altair takes seconds to import and to validate them. A test validates them with it.

All labels are in Latin script, language names in English, to avoid layout problems with right-to-left and CJK text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xtreme_noise.report.effective import ticks
from xtreme_noise.report.styles import Style
from xtreme_noise.report.system import System

Rows = list[dict[str, Any]]
Spec = dict[str, Any]
Looks = Mapping[System, Style]
# Labels of one or two lines that leave at least half of a narrow screen to the plot.
ROW_AXIS = {
    "labelExpr": r"split(datum.label, '\n')",
    "labelLimit": {"expr": "max(120, min(320, containerSize()[0] / 2))"},
}
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


@dataclass(frozen=True)
class Chart:
    """A chart: its specification, a heading, and its content in words for screen readers."""

    title: str
    alt: str
    spec: Spec


def chart_of(title: str, text: str, chart: Spec, rows: Rows, height: int) -> Chart:
    """A chart that fits the width of its container, so that it is complete on a phone."""
    spec = {
        "$schema": SCHEMA,
        "config": {
            "font": "system-ui, sans-serif",
            "background": "transparent",
            "axis": {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
            "view": {"strokeWidth": 0},
        },
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"name": "rows"},
        "datasets": {"rows": rows},
    }
    return Chart(title, text, spec | chart)


def mark(kind: str, encoding: Spec, **style: Any) -> Spec:
    return {"mark": {"type": kind, **style}, "encoding": encoding}


def quantity(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", **more}


def nominal(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "nominal", **more}


def coloured(systems: Iterable[System], looks: Looks) -> Spec:
    return nominal("system", scale=_scale(systems, {s: style.colour for s, style in looks.items()}), legend=None)


def marked(systems: Iterable[System], looks: Looks) -> Spec:
    return nominal("system", scale=_scale(systems, {s: style.marker for s, style in looks.items()}), legend=None)


def _scale(systems: Iterable[System], values: Mapping[System, str]) -> Spec:
    here = list(dict.fromkeys(systems))
    return {"domain": [system.intermediate for system in here], "range": [values[system] for system in here]}


def hundred(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def log_odds(name: str, values: Sequence[float]) -> Spec:
    """An axis in log-odds, labelled with scores."""
    low, high = min(values) - 0.1, max(values) + 0.1
    axis = {"values": list(ticks(low, high)), "labelExpr": "format(100 / (1 + exp(-datum.value)), '.0f')"}
    return quantity(name, title=f"{name} score × 100", axis=axis, scale={"domain": [low, high], "nice": False})
