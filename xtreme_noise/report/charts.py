"""Charts of scores, drop rates, differences between arms, calibration, and effective robustness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.report.by_language import Place
from xtreme_noise.report.calibration import CalibrationPoint
from xtreme_noise.report.effective import Fitted
from xtreme_noise.report.formatting import (
    CONDITIONAL,
    bounds,
    number,
    percent,
    plural,
)
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.specs import (
    ROW_AXIS,
    Chart,
    Looks,
    Rows,
    Spec,
    chart_of,
    coloured,
    hundred,
    hundredths,
    log_odds,
    mark,
    marked,
    nominal,
    quantity,
)
from xtreme_noise.report.statistics import Contrast, Point
from xtreme_noise.report.system import System

CALIBRATION = (("ece", "ECE"), ("selective_accuracy", "selective accuracy"))  # drawn against the level
HARM = (("achieved", "achieved error rate"), ("word_change_rate", "word-change rate"))


def curve_charts(points: Sequence[Point], looks: Looks, names: Names) -> list[Chart]:
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
        layers = _curve_layers(own, names.noise(noise), looks, [low, high])
        text = "; ".join(f"{r['system']} {r['score']} at {r['level']:g}" for r in rows)
        panel = own[0].panel
        of = f"{len(panel.languages)} of {plural(panel.wanted, 'language')}"
        title = f"{names.noise(noise)} noise: {panel.metric} by level, mean over {of}"
        charts.append(chart_of(title, f"{title}. {text}.", {"layer": layers}, rows, height=240))
    return charts


def _curve_layers(points: Sequence[Point], noise: str, looks: Looks, domain: list[float]) -> list[Spec]:
    """Bands, lines and dots of one noise family. noise: its name in the report; domain: the ends of the y axis."""
    systems, levels = [p.system for p in points], {p.level for p in points}
    y = {"title": f"{points[0].panel.metric} × 100", "scale": {"domain": domain, "nice": False}}
    dashes = {"strokeDash": nominal("kind", legend=None)} if len({system.kind for system in systems}) > 2 else {}
    tips = [nominal("system"), quantity("level"), quantity("score")]
    tips += [nominal(name) for name in ("interval", "drop rate", "languages")]
    return _by_level("score", y, _level(noise, levels), systems, looks, tips, dashes)


def _by_level(
    value: str, y: Spec, x: Spec, systems: Sequence[System], looks: Looks, tips: Sequence[Spec], dashes: Spec
) -> list[Spec]:
    """Bands, lines and dots against the level. value: the column; y, x: title and scale of the axes; tips: of a dot;
    dashes: what else distinguishes lines.
    """
    base, at = {"x": x, "color": coloured(systems, looks)}, {"y": quantity(value, **y)}
    return [
        mark("area", base | {"y": quantity("low", **y), "y2": {"field": "high"}}, opacity=0.16),
        mark("line", base | at | {"detail": nominal("system")} | dashes, strokeWidth=2),
        mark("point", base | at | {"shape": marked(systems, looks), "tooltip": list(tips)},
               filled=True, size=64, opacity=1),
    ]  # fmt: skip


def _level(noise: str, levels: Iterable[float]) -> Spec:
    """The x axis of a chart against the level."""
    axis = {"grid": False, "values": sorted(levels), "labelExpr": "format(datum.value, '.4~g')"}
    return quantity("level", title=f"{noise} noise: target error rate", axis=axis)


def calibration_charts(points: Sequence[CalibrationPoint], looks: Looks, names: Names) -> list[Chart]:
    """ECE, and selective accuracy, by level with interval bands: two charts for each noise family. points: of one task
    and model.
    """
    charts = []
    for noise in dict.fromkeys(p.panel.noise for p in points):
        own = [p for p in points if p.panel.noise == noise]
        if len({p.level for p in own}) < 2:
            continue
        for measure, name in CALIBRATION:
            rows = [_calibration_row(p, measure) for p in own]
            text = "; ".join(f"{r['system']} {r['value']} at {r['level']:g}" for r in rows)
            title = f"{names.noise(noise)} noise: {name} by level"
            layers = _calibration_layers(own, f"{name} × 100", names.noise(noise), looks, zero=measure == "ece")
            charts.append(chart_of(title, f"{title}. {text}.", {"layer": layers}, rows, height=240))
    return charts


def _calibration_layers(
    points: Sequence[CalibrationPoint], title: str, noise: str, looks: Looks, *, zero: bool
) -> list[Spec]:
    """Bands, lines and dots of one measure. zero: whether the y axis has to contain 0."""
    systems, levels = [p.system for p in points], {p.level for p in points}
    tips = [nominal("system"), *map(quantity, ("level", "value")), nominal("interval")]
    tips += [quantity(name) for name in ("accuracy", "confidence")]
    y = {"title": title, "scale": {"zero": zero}}
    return _by_level("value", y, _level(noise, levels), systems, looks, tips, {})


def _band(estimate: Estimate) -> dict[str, float | None]:
    """The ends of the interval; without one, the band has no width."""
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    return {"low": hundred(low), "high": hundred(high)}


def _calibration_row(point: CalibrationPoint, measure: str) -> dict[str, Any]:
    estimate = point.values[measure]
    return {
        "system": point.system.intermediate,
        "level": point.level,
        "value": hundred(estimate.value),
        **_band(estimate),
        "interval": bounds(estimate),
        "accuracy": hundred(point.values["accuracy"].value),
        "confidence": hundred(point.values["confidence"].value),
    }


def _curve_row(point: Point) -> dict[str, Any]:
    score, rate = point.score, point.drop_rate
    return {
        "system": point.system.intermediate,
        "kind": point.system.kind,
        "level": point.level,
        "score": hundred(score.value),
        **_band(score),
        "interval": f"{percent(score.low)} to {percent(score.high)}",
        "drop rate": f"{percent(rate.value)} %",
        "languages": f"{len(point.panel.languages)} of {point.panel.wanted}",
    }


def difference_chart(contrasts: Sequence[Contrast], names: Names, looks: Looks) -> Chart | None:
    """Forest plot of the differences of log-odds lost, one row per task, noise family and level."""
    rows = [
        {
            "row": names.contrast(c, "\n"),
            "order": i,
            "system": c.arm.intermediate,
            "difference": hundredths(c.difference.value),
            "low": hundredths(c.difference.low),
            "high": hundredths(c.difference.high),
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
    arms, scale = [c.arm for c in contrasts], {"domain": [-reach, reach], "nice": False}
    base = {"y": nominal("row", title=None, sort={"field": "order"}, axis=ROW_AXIS)}
    low = quantity("low", title="log-odds lost, arm − English", scale=scale, axis={"tickCount": 8})
    dots = {"x": quantity("difference", scale=scale), "color": coloured(arms, looks), "shape": marked(arms, looks)}
    tips = [nominal("row"), quantity("difference"), nominal("interval")]
    layers = [
        mark("rule", {"x": quantity("zero", scale=scale)}, color="#000000", strokeDash=[4, 3])
        | {"data": {"values": [{"zero": 0}]}},
        mark("rule", base | {"x": low, "x2": {"field": "high"}}, strokeWidth=2),
        mark("point", base | dots | {"tooltip": tips}, filled=True, size=60, opacity=1),
    ]
    text = "; ".join(
        f"{names.contrast(c)} {r['difference']} ({r['interval']})" for c, r in zip(contrasts, rows, strict=True)
    )
    few = any(c.difference.conditional for c in contrasts)
    name = "Difference in log-odds lost" + (f", intervals {CONDITIONAL}" if few else "")
    lines = 1 + max(str(r["row"]).count("\n") for r in rows)
    return chart_of(name, f"{name}. {text}.", {"layer": layers}, rows, height=(8 + 16 * lines) * len(rows))


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
    x = log_odds("clean", [end["clean"] for end in [*rows, *drawn]])
    y = log_odds("noisy", [end["noisy"] for end in [*rows, *drawn]])
    systems = [one.system for one in line.standings]
    dots = {"x": x, "y": y, "color": coloured(systems, looks), "shape": marked(systems, looks)}
    tips = {"tooltip": [nominal(column) for column in ("model", "system", "seed")]}
    through = mark("line", {"x": x, "y": y}, color="#595959", strokeDash=[4, 3]) | {"data": {"values": drawn}}
    layers = [through, mark("point", dots | tips, filled=True, size=60, opacity=0.9)]
    name = f"{line.panel.task} · {names.noise(line.panel.noise)} {line.level:g}"
    text = "; ".join(
        f"{names.task(one.system.intermediate, one.model)} {number(one.residual.value, PRIMARY, sign=True)}"
        for one in line.arms
    )
    arms = f" Above (+) or below (−) it: {text}." if text else ""
    said = f"{name}: noisy against clean score, with the line of {len(line.baselines)} baselines.{arms}"
    return chart_of(name, said, {"layer": layers}, rows, height=260)


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
                "drop rate": hundred(p.drop_rate),
                "system": p.system.intermediate,
                "noise": p.noise,
                "language": p.language_name,
                "level": p.level,
            }
            for p in own
        ]
        systems = [p.system for p in own]
        encoding = {
            "x": quantity("x", title=f"{name}, %"),
            "y": quantity("drop rate", title="drop rate, %"),
            "color": coloured(systems, looks),
            "shape": marked(systems, looks),
            "tooltip": [
                *(nominal(column) for column in ("language", "system", "noise")),
                quantity("level"),
                quantity("x", title=name),
                quantity("drop rate"),
            ],
        }
        chart = mark("point", encoding, size=46, strokeWidth=1.6, opacity=0.8)
        text = f"Drop rate of {len(rows)} cells against the {name}; the numbers are in tables/scores.csv."
        charts.append(chart_of(f"Against the {name}", text, chart, rows, height=240))
    return charts
