"""The interactive charts, as Vega-Lite specifications made with Altair.

All labels are in Latin script, language names in English, to avoid layout problems with right-to-left and CJK text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import altair as alt

from xtreme_noise.report.by_language import PARTIAL, Place
from xtreme_noise.report.calibration import CalibrationPoint
from xtreme_noise.report.effective import Fitted, ticks
from xtreme_noise.report.formatting import CONDITIONAL, STATUS_TEXT, bounds, guess, number, percent
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.statistics import Contrast, Point
from xtreme_noise.report.styles import Style
from xtreme_noise.report.system import System

Rows = list[dict[str, Any]]
Looks = Mapping[System, Style]


@dataclass(frozen=True)
class Chart:
    """A chart: its specification, a heading, and its content in words for screen readers."""

    title: str
    alt: str
    spec: dict[str, Any]


def curve_charts(points: Sequence[Point], looks: Looks) -> list[Chart]:
    """Score by level with interval bands, one chart per noise family, with the same y axis. points: of one task and
    model.
    """
    values = [v for p in points for v in (p.score.low, p.score.high, p.score.value) if v is not None]
    if not values:
        return []
    low, high = max(0.0, 100 * min(values) - 3), min(100.0, 100 * max(values) + 3)
    charts = []
    for noise in dict.fromkeys(p.panel.noise for p in points):
        own = [p for p in points if p.panel.noise == noise]
        if len({p.level for p in own}) < 2:
            continue
        rows = [_curve_row(p) for p in own]
        levels = sorted({p.level for p in own})
        base = alt.Chart(alt.NamedData(name="rows")).encode(
            x=alt.X(
                "level:Q",
                title=f"{noise} noise: target error rate",
                axis=alt.Axis(grid=False, values=levels, labelExpr="format(datum.value, '.4~g')"),
            ),
            color=_coloured((p.system for p in own), looks),
        )
        y = alt.Y("score:Q", title=f"{own[0].panel.metric} × 100", scale=alt.Scale(domain=[low, high], nice=False))
        band = base.mark_area(opacity=0.16).encode(
            y=alt.Y("low:Q", scale=alt.Scale(domain=[low, high], nice=False)), y2="high:Q"
        )
        lines = base.mark_line(strokeWidth=2).encode(
            y=y,
            detail="system:N",
            strokeDash=alt.StrokeDash("kind:N", legend=None) if len({r["kind"] for r in rows}) > 2 else alt.Undefined,
        )
        dots = base.mark_point(filled=True, size=64, opacity=1).encode(
            y=y,
            shape=_marked((p.system for p in own), looks),
            tooltip=["system:N", "level:Q", "score:Q", "interval:N", "drop rate:N", "languages:N"],
        )
        text = "; ".join(f"{r['system']} {r['score']} at {r['level']:g}" for r in rows)
        charts.append(
            _chart(noise, f"Score against level of {noise} noise. {text}.", band + lines + dots, rows, height=240)
        )
    return charts


CALIBRATION = (("ece", "ECE"), ("selective_accuracy", "selective accuracy"))  # drawn against the level


def calibration_charts(points: Sequence[CalibrationPoint], looks: Looks) -> list[Chart]:
    """ECE, and selective accuracy, by level with interval bands: two charts for each noise family. points: of one task
    and model.
    """
    charts = []
    for noise in dict.fromkeys(p.panel.noise for p in points):
        own = [p for p in points if p.panel.noise == noise]
        levels = sorted({p.level for p in own})
        if len(levels) < 2:
            continue
        for measure, name in CALIBRATION:
            rows = [_calibration_row(p, measure) for p in own]
            base = alt.Chart(alt.NamedData(name="rows")).encode(
                x=alt.X(
                    "level:Q",
                    title=f"{noise} noise: target error rate",
                    axis=alt.Axis(grid=False, values=levels, labelExpr="format(datum.value, '.4~g')"),
                ),
                color=_coloured((p.system for p in own), looks),
            )
            scale = alt.Scale(zero=measure == "ece")
            y = alt.Y("value:Q", title=f"{name} × 100", scale=scale)
            band = base.mark_area(opacity=0.16).encode(
                y=alt.Y("low:Q", title=f"{name} × 100", scale=scale), y2="high:Q"
            )
            lines = base.mark_line(strokeWidth=2).encode(y=y, detail="system:N")
            dots = base.mark_point(filled=True, size=64, opacity=1).encode(
                y=y,
                shape=_marked((p.system for p in own), looks),
                tooltip=["system:N", "level:Q", "value:Q", "interval:N", "accuracy:Q", "confidence:Q"],
            )
            text = "; ".join(f"{r['system']} {r['value']} at {r['level']:g}" for r in rows)
            described = f"{name} against level of {noise} noise. {text}."
            charts.append(_chart(f"{name}, {noise}", described, band + lines + dots, rows, height=240))
    return charts


def _calibration_row(point: CalibrationPoint, measure: str) -> dict[str, Any]:
    estimate = point.values[measure]
    return {
        "system": point.system.intermediate,
        "level": point.level,
        "value": _hundred(estimate.value),
        "low": _hundred(estimate.low if estimate.low is not None else estimate.value),
        "high": _hundred(estimate.high if estimate.high is not None else estimate.value),
        "interval": bounds(estimate),
        "accuracy": _hundred(point.values["accuracy"].value),
        "confidence": _hundred(point.values["confidence"].value),
    }


def _curve_row(point: Point) -> dict[str, Any]:
    score, rate = point.score, point.drop_rate
    return {
        "system": point.system.intermediate,
        "kind": point.system.kind,
        "level": point.level,
        "score": _hundred(score.value),
        "low": _hundred(score.low if score.low is not None else score.value),
        "high": _hundred(score.high if score.high is not None else score.value),
        "interval": f"{percent(score.low)} to {percent(score.high)}",
        "drop rate": f"{percent(rate.value)} %",
        "languages": f"{len(point.panel.languages)} of {point.panel.wanted}",
    }


def difference_chart(contrasts: Sequence[Contrast], names: Names, looks: Looks) -> Chart | None:
    """Forest plot of the differences of log-odds lost, one row per task, noise family and level."""
    rows = [
        {
            "row": names.contrast(c),
            "order": i,
            "system": c.arm.intermediate,
            "difference": _hundredths(c.difference.value),
            "low": _hundredths(c.difference.low),
            "high": _hundredths(c.difference.high),
            "interval": bounds(c.difference, c.measure, sign=True)
            + (f", {CONDITIONAL}" if c.difference.conditional else ""),
        }
        for i, c in enumerate(contrasts)
    ]
    if not rows:
        return None
    estimates = [c.difference for c in contrasts]
    ends = [v for e in estimates for v in (e.value, e.low, e.high) if v is not None]
    reach = 1.08 * max(map(abs, ends), default=0.0) or 1.0
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        y=alt.Y("row:N", title=None, sort=alt.SortField("order"), axis=alt.Axis(labelLimit=320))
    )
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    title = "log-odds lost, arm − English"
    bars = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8)), x2="high:Q"
    )
    arms = [c.arm for c in contrasts]
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(
        x=alt.X("difference:Q", scale=scale),
        color=_coloured(arms, looks),
        shape=_marked(arms, looks),
        tooltip=["row:N", "difference:Q", "interval:N"],
    )
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color="#000000", strokeDash=[4, 3])
    text = "; ".join(f"{r['row']} {r['difference']} ({r['interval']})" for r in rows)
    layers = zero.encode(x=alt.X("zero:Q", scale=scale)) + bars + dots
    few = any(c.difference.conditional for c in contrasts)
    name = "Difference in log-odds lost" + (f", intervals {CONDITIONAL}" if few else "")
    return _chart(name, f"{name}. {text}.", layers, rows, height=24 * len(rows))


def effective_chart(line: Fitted, names: Names, looks: Looks) -> Chart:
    """Noisy against clean score of every training run, with the line of the baselines; both axes are in log-odds and
    labelled with scores.
    """
    rows: Rows = [
        {
            "clean": round(float(x), 4),
            "noisy": round(float(y), 4),
            "system": one.system.intermediate,
            "model": one.model,
            "seed": seed,
        }
        for one in line.standings
        for seed, x, y in zip(line.panel.seeds, one.x, one.y, strict=True)
    ]
    clean = [float(x) for one in line.standings for x in one.x]
    drawn = [{"clean": end, "noisy": line.intercept + line.slope * end} for end in (min(clean), max(clean))]
    x = _log_odds("clean", [end["clean"] for end in [*rows, *drawn]])
    y = _log_odds("noisy", [end["noisy"] for end in [*rows, *drawn]])
    systems = [one.system for one in line.standings]
    dots = (
        alt.Chart(alt.NamedData(name="rows"))
        .mark_point(filled=True, size=60, opacity=0.9)
        .encode(
            x=x,
            y=y,
            color=_coloured(systems, looks),
            shape=_marked(systems, looks),
            tooltip=["model:N", "system:N", "seed:N"],
        )
    )
    through = alt.Chart(alt.Data(values=drawn)).mark_line(color="#595959", strokeDash=[4, 3]).encode(x=x, y=y)
    name = f"{line.panel.task} · {line.panel.noise} {line.level:g}"
    text = "; ".join(
        f"{names.task(one.system.intermediate, one.model)} {number(one.residual.value, PRIMARY, sign=True)}"
        for one in line.arms
    )
    arms = f" Above (+) or below (−) it: {text}." if text else ""
    said = f"{name}: noisy against clean score, with the line of {len(line.baselines)} baselines.{arms}"
    return _chart(name, said, through + dots, rows, height=260)


def _log_odds(name: str, values: Sequence[float]) -> Any:
    """An axis in log-odds, labelled with scores."""
    low, high = min(values) - 0.1, max(values) + 0.1
    channel = alt.X if name == "clean" else alt.Y
    axis = alt.Axis(values=list(ticks(low, high)), labelExpr="format(100 / (1 + exp(-datum.value)), '.0f')")
    scale = alt.Scale(domain=[low, high], nice=False)
    return channel(f"{name}:Q", title=f"{name} score × 100", axis=axis, scale=scale)


def heat_charts(places: Sequence[Place]) -> dict[str, list[Chart]]:
    """Drop rate by language and level: per noise family one chart per system.

    places: of one task and model.
    """
    charts: dict[str, list[Chart]] = {}
    noisy = [p for p in places if p.level > 0]
    for noise in dict.fromkeys(p.noise for p in noisy):
        for system in dict.fromkeys(p.system for p in noisy):
            own = [p for p in noisy if p.noise == noise and p.system == system]
            if not any(p.drop_rate is not None for p in own):
                continue
            rows = [_heat_row(p) | {"order": i} for i, p in enumerate(own)]
            text = "; ".join(f"{r['language']} {r['level']}: {r['shown']}" for r in rows)
            height = 22 * len({r["language"] for r in rows})
            spec = _heat_specification() | {"height": height, "datasets": {"rows": rows}}
            alt_text = f"Drop rate in percent, {noise} noise, {system.intermediate}. {text}."
            charts.setdefault(noise, []).append(Chart(system.intermediate, alt_text, spec))
    return charts


@cache  # the same for every heat map, and there may be hundreds
def _heat_specification() -> dict[str, Any]:
    base = alt.Chart(alt.NamedData(name="rows")).encode(
        x=alt.X("level:N", title="level", axis=alt.Axis(labelAngle=0, orient="top")),
        y=alt.Y("language:N", title=None, sort=alt.SortField("order")),
        tooltip=["language:N", "level:N", "drop rate:N", "score:N"],
    )
    known = base.transform_filter("datum.rate !== null").mark_rect(stroke="#ffffff")
    scale = alt.Scale(scheme="blues", domain=[0, 1], clamp=True)
    cells = known.encode(color=alt.Color("rate:Q", scale=scale, legend=None))
    # Not a colour of the scale: a place without a number must not look like one without a drop.
    blanks = base.transform_filter("datum.rate === null").mark_rect(stroke="#ffffff", color="#e4e4e4")
    labels = base.mark_text(fontSize=11).encode(
        text="shown:N",
        color=alt.condition("datum.rate > 0.55", alt.value("#ffffff"), alt.value("#1a1a1a")),
    )
    return _chart("", "", blanks + cells + labels, [], height=100).spec


def _heat_row(place: Place) -> dict[str, Any]:
    shown = percent(place.drop_rate) if place.drop_rate is not None else STATUS_TEXT[place.status]
    return {
        "language": place.language_name,
        "level": f"{place.level:g}",
        "rate": None if place.drop_rate is None else round(place.drop_rate, 4),
        "shown": shown + ("" if place.drop_rate is None else _marks(place)),
        "drop rate": f"{shown} %" if place.drop_rate is not None else shown,
        "score": percent(place.score) + guess(place.at_chance),
    }


def _marks(place: Place) -> str:
    return ("*" if place.status == PARTIAL else "") + guess(place.at_chance or place.clean_at_chance)


HARM = (("achieved", "achieved error rate"), ("word_change_rate", "word-change rate"))


def harm_charts(places: Sequence[Place], looks: Looks) -> list[Chart]:
    """Drop rate against the measured effect of the noise: the achieved error rate and the word-change rate."""
    charts = []
    noisy = [p for p in places if p.level > 0 and p.drop_rate is not None]
    for column, name in HARM:
        own = [p for p in noisy if getattr(p, column) is not None]
        if not own:
            continue
        rows = [
            {
                "x": round(100 * float(getattr(p, column)), 2),
                "drop rate": _hundred(p.drop_rate),
                "system": p.system.intermediate,
                "noise": p.noise,
                "language": p.language_name,
                "level": p.level,
            }
            for p in own
        ]
        chart = (
            alt.Chart(alt.NamedData(name="rows"))
            .mark_point(size=46, strokeWidth=1.6, opacity=0.8)
            .encode(
                x=alt.X("x:Q", title=f"{name}, %"),
                y=alt.Y("drop rate:Q", title="drop rate, %"),
                color=_coloured((p.system for p in own), looks),
                shape=_marked((p.system for p in own), looks),
                tooltip=[
                    "language:N",
                    "system:N",
                    "noise:N",
                    "level:Q",
                    alt.Tooltip("x:Q", title=name),
                    "drop rate:Q",
                ],
            )
        )
        text = f"Drop rate of {len(rows)} cells against the {name}; the numbers are in tables/scores.csv."
        charts.append(_chart(f"Against the {name}", text, chart, rows, height=240))
    return charts


def _coloured(systems: Iterable[System], looks: Looks) -> alt.Color:
    return alt.Color("system:N", scale=_scale(systems, {s: style.colour for s, style in looks.items()}), legend=None)


def _marked(systems: Iterable[System], looks: Looks) -> alt.Shape:
    return alt.Shape("system:N", scale=_scale(systems, {s: style.marker for s, style in looks.items()}), legend=None)


def _scale(systems: Iterable[System], values: Mapping[System, str]) -> alt.Scale:
    here = list(dict.fromkeys(systems))
    return alt.Scale(domain=[system.intermediate for system in here], range=[values[system] for system in here])


def _chart(title: str, text: str, chart: Any, rows: Rows, height: int) -> Chart:
    """A chart that fits the width of its container, so that it is complete on a phone.

    The rows are added after Altair has validated the specification, because validating every number is slow.
    """
    spec = (
        chart.properties(
            width="container", height=height, autosize=alt.AutoSizeParams(type="fit-x", contains="padding")
        )
        .configure(font="system-ui, sans-serif", background="transparent")
        .configure_axis(labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
        .configure_view(strokeWidth=0)
        .to_dict()
    )
    spec["datasets"] = spec.get("datasets", {}) | {"rows": rows}
    return Chart(title, text, spec)


def _hundred(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def _hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
