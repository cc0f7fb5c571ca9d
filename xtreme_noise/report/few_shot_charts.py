"""Charts of few-shot training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.report.few_shot import ShotPoint
from xtreme_noise.report.names import Names
from xtreme_noise.report.specs import (
    Chart,
    Rows,
    chart_of,
    mark,
    nominal,
    quantity,
)

SAMPLINGS = {"random": "#0072B2", "shortest": "#D55E00", "longest": "#009E73"}


def few_shot_charts(points: Sequence[ShotPoint], names: Names) -> list[Chart]:
    """Clean and noisy score, and log-odds lost, against the number of examples: two charts for each system, noise
    family and level. points: of one task and model.
    """
    found = []
    for line in dict.fromkeys((point.system, point.panel.noise, point.level) for point in points):
        own = [point for point in points if (point.system, point.panel.noise, point.level) == line]
        before, after = ([p for p in own if bool(p.shots.k) is trained] for trained in (False, True))
        each = [(sampling, p) for sampling in dict.fromkeys(p.shots.sampling for p in after) for p in before]
        each = sorted(each + [(p.shots.sampling, p) for p in after], key=lambda one: (one[0], one[1].shots.k))
        name = f"{line[0].intermediate}, {names.noise(line[1])} noise {line[2]:g}"
        scores = [
            _shot_row(sampling, p, kind, one, 100)
            for sampling, p in each
            for kind, one in (("clean", p.clean), ("noisy", p.noisy))
        ]
        lost = [_shot_row(sampling, p, "lost", p.lost, 1) for sampling, p in each]
        found += [
            _shot_chart(f"{name}: {own[0].panel.metric} by examples", f"{own[0].panel.metric} × 100", scores),
            _shot_chart(f"{name}: log-odds lost by examples", "log-odds lost", lost),
        ]
    return found


def _shot_row(sampling: str, point: ShotPoint, kind: str, one: Estimate, scale: int) -> dict[str, Any]:
    low, high = (one.value if end is None else end for end in (one.low, one.high))
    ends = {name: None if end is None else round(scale * end, 3) for name, end in (("low", low), ("high", high))}
    value = None if one.value is None else round(scale * one.value, 3)
    return {"sampling": sampling, "shots": point.shots.k, "text": kind, "value": value, **ends}


def _shot_chart(name: str, title: str, rows: Rows) -> Chart:
    """Numbers of examples are equally far apart, from 0 on."""
    x = {"field": "shots", "type": "ordinal", "title": "examples of each language", "axis": {"labelAngle": 0}}
    there = [sampling for sampling in SAMPLINGS if any(row["sampling"] == sampling for row in rows)]
    scale, below = {"domain": there, "range": [SAMPLINGS[one] for one in there]}, {"orient": "bottom"}
    dashes = {"strokeDash": nominal("text", legend=below)} if len({row["text"] for row in rows}) > 1 else {}
    base = {"x": x, "color": nominal("sampling", scale=scale, legend=below)}
    y = {"title": title, "scale": {"zero": False}}
    tips = [nominal("sampling"), nominal("text"), *map(quantity, ("shots", "value", "low", "high"))]
    at = base | {"y": quantity("value", **y)}
    band = base | {"y": quantity("low", **y), "y2": {"field": "high"}, "detail": nominal("text")}
    layers = [
        mark("area", band, opacity=0.12),
        mark("line", at | dashes, strokeWidth=2),
        mark("point", at | {"detail": nominal("text"), "tooltip": tips}, filled=True, size=50, opacity=1),
    ]
    said = "; ".join(f"{row['sampling']} {row['shots']} {row['text']} {row['value']}" for row in rows)
    return chart_of(name, f"{name}. {said}.", {"layer": layers}, rows, height=260)
