"""The interactive charts, as Vega-Lite specifications (https://vega.github.io/vega-lite/docs).

They are plain mappings: Altair takes seconds to import and to validate them. A test validates them with it.

All labels are in Latin script, language names in English, to avoid layout problems with right-to-left and CJK text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.languages import LANGUAGES, language
from xtreme_noise.report.by_language import PARTIAL, Place
from xtreme_noise.report.calibration import CalibrationPoint
from xtreme_noise.report.consistency import ConsistencyPoint
from xtreme_noise.report.effective import Fitted, ticks
from xtreme_noise.report.few_shot import ShotPoint
from xtreme_noise.report.formatting import (
    CONDITIONAL,
    STATUS_TEXT,
    bounds,
    guess,
    number,
    percent,
    plural,
    probability,
)
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.statistics import Contrast, Point
from xtreme_noise.report.styles import Style
from xtreme_noise.report.system import System
from xtreme_noise.report.typology import TRANSFER, Outcome
from xtreme_noise.report.typology_views import LABELS, UNITS, two

Rows = list[dict[str, Any]]
Spec = dict[str, Any]
Looks = Mapping[System, Style]
# Labels of one or two lines that leave at least half of a narrow screen to the plot.
ROW_AXIS = {
    "labelExpr": r"split(datum.label, '\n')",
    "labelLimit": {"expr": "max(120, min(320, containerSize()[0] / 2))"},
}
LABELLED = 20  # languages of a heat map language x language with numbers in it
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


@dataclass(frozen=True)
class Chart:
    """A chart: its specification, a heading, and its content in words for screen readers."""

    title: str
    alt: str
    spec: Spec


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
        charts.append(_chart(title, f"{title}. {text}.", {"layer": layers}, rows, height=240))
    return charts


def _curve_layers(points: Sequence[Point], noise: str, looks: Looks, domain: list[float]) -> list[Spec]:
    """Bands, lines and dots of one noise family. noise: its name in the report; domain: the ends of the y axis."""
    systems, levels = [p.system for p in points], {p.level for p in points}
    y = {"title": f"{points[0].panel.metric} × 100", "scale": {"domain": domain, "nice": False}}
    dashes = {"strokeDash": _text("kind", legend=None)} if len({system.kind for system in systems}) > 2 else {}
    tips = [_text("system"), _number("level"), _number("score")]
    tips += [_text(name) for name in ("interval", "drop rate", "languages")]
    return _by_level("score", y, _level(noise, levels), systems, looks, tips, dashes)


def _by_level(
    value: str, y: Spec, x: Spec, systems: Sequence[System], looks: Looks, tips: Sequence[Spec], dashes: Spec
) -> list[Spec]:
    """Bands, lines and dots against the level. value: the column; y, x: title and scale of the axes; tips: of a dot;
    dashes: what else distinguishes lines.
    """
    base, at = {"x": x, "color": _coloured(systems, looks)}, {"y": _number(value, **y)}
    return [
        _layer("area", base | {"y": _number("low", **y), "y2": {"field": "high"}}, opacity=0.16),
        _layer("line", base | at | {"detail": _text("system")} | dashes, strokeWidth=2),
        _layer("point", base | at | {"shape": _marked(systems, looks), "tooltip": list(tips)},
               filled=True, size=64, opacity=1),
    ]  # fmt: skip


def _level(noise: str, levels: Iterable[float]) -> Spec:
    """The x axis of a chart against the level."""
    axis = {"grid": False, "values": sorted(levels), "labelExpr": "format(datum.value, '.4~g')"}
    return _number("level", title=f"{noise} noise: target error rate", axis=axis)


CALIBRATION = (("ece", "ECE"), ("selective_accuracy", "selective accuracy"))  # drawn against the level


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
            charts.append(_chart(title, f"{title}. {text}.", {"layer": layers}, rows, height=240))
    return charts


def _calibration_layers(
    points: Sequence[CalibrationPoint], title: str, noise: str, looks: Looks, *, zero: bool
) -> list[Spec]:
    """Bands, lines and dots of one measure. zero: whether the y axis has to contain 0."""
    systems, levels = [p.system for p in points], {p.level for p in points}
    tips = [_text("system"), *map(_number, ("level", "value")), _text("interval")]
    tips += [_number(name) for name in ("accuracy", "confidence")]
    y = {"title": title, "scale": {"zero": zero}}
    return _by_level("value", y, _level(noise, levels), systems, looks, tips, {})


def _band(estimate: Estimate) -> dict[str, float | None]:
    """The ends of the interval; without one, the band has no width."""
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    return {"low": _hundred(low), "high": _hundred(high)}


def _calibration_row(point: CalibrationPoint, measure: str) -> dict[str, Any]:
    estimate = point.values[measure]
    return {
        "system": point.system.intermediate,
        "level": point.level,
        "value": _hundred(estimate.value),
        **_band(estimate),
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
    arms, scale = [c.arm for c in contrasts], {"domain": [-reach, reach], "nice": False}
    base = {"y": _text("row", title=None, sort={"field": "order"}, axis=ROW_AXIS)}
    low = _number("low", title="log-odds lost, arm − English", scale=scale, axis={"tickCount": 8})
    dots = {"x": _number("difference", scale=scale), "color": _coloured(arms, looks), "shape": _marked(arms, looks)}
    tips = [_text("row"), _number("difference"), _text("interval")]
    layers = [
        _layer("rule", {"x": _number("zero", scale=scale)}, color="#000000", strokeDash=[4, 3])
        | {"data": {"values": [{"zero": 0}]}},
        _layer("rule", base | {"x": low, "x2": {"field": "high"}}, strokeWidth=2),
        _layer("point", base | dots | {"tooltip": tips}, filled=True, size=60, opacity=1),
    ]
    text = "; ".join(
        f"{names.contrast(c)} {r['difference']} ({r['interval']})" for c, r in zip(contrasts, rows, strict=True)
    )
    few = any(c.difference.conditional for c in contrasts)
    name = "Difference in log-odds lost" + (f", intervals {CONDITIONAL}" if few else "")
    lines = 1 + max(str(r["row"]).count("\n") for r in rows)
    return _chart(name, f"{name}. {text}.", {"layer": layers}, rows, height=(8 + 16 * lines) * len(rows))


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
    dots = {"x": x, "y": y, "color": _coloured(systems, looks), "shape": _marked(systems, looks)}
    tips = {"tooltip": [_text(column) for column in ("model", "system", "seed")]}
    through = _layer("line", {"x": x, "y": y}, color="#595959", strokeDash=[4, 3]) | {"data": {"values": drawn}}
    layers = [through, _layer("point", dots | tips, filled=True, size=60, opacity=0.9)]
    name = f"{line.panel.task} · {names.noise(line.panel.noise)} {line.level:g}"
    text = "; ".join(
        f"{names.task(one.system.intermediate, one.model)} {number(one.residual.value, PRIMARY, sign=True)}"
        for one in line.arms
    )
    arms = f" Above (+) or below (−) it: {text}." if text else ""
    said = f"{name}: noisy against clean score, with the line of {len(line.baselines)} baselines.{arms}"
    return _chart(name, said, {"layer": layers}, rows, height=260)


def _log_odds(name: str, values: Sequence[float]) -> Spec:
    """An axis in log-odds, labelled with scores."""
    low, high = min(values) - 0.1, max(values) + 0.1
    axis = {"values": list(ticks(low, high)), "labelExpr": "format(100 / (1 + exp(-datum.value)), '.0f')"}
    return _number(name, title=f"{name} score × 100", axis=axis, scale={"domain": [low, high], "nice": False})


def typology_charts(outcomes: Sequence[Outcome], looks: Looks) -> list[Chart]:
    """Loss against clean score with the fitted lines, a forest plot of the correlations, and measured losses against
    those that ridge regression predicts. outcomes: of one kind, task and model.
    """
    found = [_loss_chart(outcomes, looks)] if all(one.line is not None for one in outcomes) else []
    found.append(_correlation_chart(outcomes, looks))
    return found + ([_prediction_chart(outcomes, looks)] if all(one.ridge is not None for one in outcomes) else [])


def _loss_chart(outcomes: Sequence[Outcome], looks: Looks) -> Chart:
    rows: Rows = [
        {"clean": round(float(x), 4), "loss": round(float(y), 3), "system": one.system.intermediate, "language": name}
        for one in outcomes
        for x, y, name in zip(one.clean, one.values, map(_language, one.languages), strict=True)
    ]
    drawn, slopes = [], []
    for one in outcomes:
        slope, start, corrected = one.line or (0.0, 0.0, None)
        ends = (float(one.clean.min()), float(one.clean.max()))
        drawn += [{"clean": x, "loss": start + slope * x, "system": one.system.intermediate} for x in ends]
        without = "not defined" if corrected is None else two(corrected, sign=True)
        slopes.append(f"{one.name}: slope {two(slope, sign=True)}, without shared error {without}")
    x = _log_odds("clean", [row["clean"] for row in rows])
    y = _number("loss", title=UNITS[outcomes[0].kind])
    systems = [one.system for one in outcomes]
    colour = {"color": _coloured(systems, looks)}
    tips = {"tooltip": [_text("language"), _text("system"), _number("loss")]}
    dots = {"x": x, "y": y, "shape": _marked(systems, looks)} | colour | tips
    through = _layer("line", {"x": x, "y": y} | colour, strokeDash=[4, 3]) | {"data": {"values": drawn}}
    name = f"{outcomes[0].kind.capitalize()} against clean score, by language"
    layers = [through, _layer("point", dots, filled=True, size=46, opacity=0.8)]
    return _chart(name, f"{name}. {'; '.join(slopes)}.", {"layer": layers}, rows, height=260)


def _correlation_chart(outcomes: Sequence[Outcome], looks: Looks) -> Chart:
    several = len(outcomes) > 1
    rows: Rows = []
    for predictor in dict.fromkeys(name for one in outcomes for name in one.correlations):
        for one in outcomes:
            found = one.correlations.get(predictor)
            if found is not None and not math.isnan(found.value):
                rows.append(
                    {
                        "row": LABELS[predictor] + (f"\n{one.name}" if several else ""),
                        "order": len(rows),
                        "system": one.system.intermediate,
                        "r": round(found.value, 3),
                        "low": round(found.low, 3),
                        "high": round(found.high, 3),
                        "p": probability(found.p_adjusted),
                    }
                )
    systems, scale = [one.system for one in outcomes], {"domain": [-1, 1], "nice": False}
    base = {"y": _text("row", title=None, sort={"field": "order"}, axis=ROW_AXIS)}
    title = "rank correlation" + (", partial" if outcomes[0].given else "")
    dots = {"x": _number("r", scale=scale), "color": _coloured(systems, looks), "shape": _marked(systems, looks)}
    seen = [{"at": sign * one.smallest} for one in outcomes for sign in (-1, 1)]
    layers = [
        _layer("rule", {"x": _number("at", scale=scale)}, color="#595959", strokeDash=[2, 4])
        | {"data": {"values": [dict(place) for place in {tuple(row.items()) for row in seen}]}},
        _layer("rule", {"x": _number("zero", scale=scale)}, color="#000000", strokeDash=[4, 3])
        | {"data": {"values": [{"zero": 0}]}},
        _layer("rule", base | {"x": _number("low", title=title, scale=scale), "x2": {"field": "high"}}, strokeWidth=2),
        _layer("point", base | dots | {"tooltip": [_text("row"), _number("r"), _text("p", title="adjusted p")]},
               filled=True, size=60, opacity=1),
    ]  # fmt: skip
    text = "; ".join(f"{r['row']} {r['r']:+.2f} (adjusted p {r['p']})".replace("\n", " ") for r in rows)
    name = f"{outcomes[0].kind.capitalize()}: correlations; dotted: the smallest that could have been seen"
    return _chart(name, f"{name}. {text}.", {"layer": layers}, rows, height=(24 if several else 20) * len(rows))


def _prediction_chart(outcomes: Sequence[Outcome], looks: Looks) -> Chart:
    scaled = 100 if outcomes[0].kind == TRANSFER else 1
    rows: Rows = [
        {
            "predicted": round(scaled * float(guessed), 3),
            "measured": round(scaled * float(value), 3),
            "system": one.system.intermediate,
            "language": name,
        }
        for one in outcomes
        if one.ridge is not None
        for guessed, value, name in zip(one.ridge.predicted, one.values, map(_language, one.languages), strict=True)
    ]
    ends = [end(row[name] for row in rows for name in ("predicted", "measured")) for end in (min, max)]
    x = _number("predicted", title="predicted without its family", scale={"zero": False})
    y = _number("measured", title="measured", scale={"zero": False})
    systems = [one.system for one in outcomes]
    dots = {"x": x, "y": y, "color": _coloured(systems, looks), "shape": _marked(systems, looks)}
    tips = {"tooltip": [_text("language"), _text("system"), _number("predicted"), _number("measured")]}
    drawn = [{"predicted": end, "measured": end} for end in ends]
    diagonal = _layer("line", {"x": x, "y": y}, color="#595959", strokeDash=[4, 3]) | {"data": {"values": drawn}}
    name = f"{outcomes[0].kind.capitalize()}: measured against predicted by ridge regression"
    text = "; ".join(f"{one.name}: held-out R² {two(one.ridge.held_out)}" for one in outcomes if one.ridge is not None)
    layers = [diagonal, _layer("point", dots | tips, filled=True, size=46, opacity=0.8)]
    return _chart(name, f"{name}. {text}.", {"layer": layers}, rows, height=260)


def _language(code: str) -> str:
    return LANGUAGES[code].name


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
    dashes = {"strokeDash": _text("text", legend=below)} if len({row["text"] for row in rows}) > 1 else {}
    base = {"x": x, "color": _text("sampling", scale=scale, legend=below)}
    y = {"title": title, "scale": {"zero": False}}
    tips = [_text("sampling"), _text("text"), *map(_number, ("shots", "value", "low", "high"))]
    at = base | {"y": _number("value", **y)}
    band = base | {"y": _number("low", **y), "y2": {"field": "high"}, "detail": _text("text")}
    layers = [
        _layer("area", band, opacity=0.12),
        _layer("line", at | dashes, strokeWidth=2),
        _layer("point", at | {"detail": _text("text"), "tooltip": tips}, filled=True, size=50, opacity=1),
    ]
    said = "; ".join(f"{row['sampling']} {row['shots']} {row['text']} {row['value']}" for row in rows)
    return _chart(name, f"{name}. {said}.", {"layer": layers}, rows, height=260)


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
            alt = f"Drop rate in percent, {noise} noise, {system.intermediate}. {text}."
            charts.setdefault(noise, []).append(
                _chart(system.intermediate, alt, {"layer": _heat_layers()}, rows, height)
            )
    return charts


def _heat_layers() -> list[Spec]:
    base = {
        "x": _text("level", title="level", axis={"labelAngle": 0, "orient": "top"}),
        "y": _text("language", title=None, sort={"field": "order"}),
        "tooltip": [_text(name) for name in ("language", "level", "drop rate", "score")],
    }
    scale = {"scheme": "blues", "domain": [0, 1], "clamp": True}
    known = base | {"color": _number("rate", scale=scale, legend=None)}
    shade = {"condition": {"test": "datum.rate > 0.74", "value": "#ffffff"}, "value": "#000000"}
    return [
        # Not a colour of the scale: a place without a number must not look like one without a drop.
        _layer("rect", base, stroke="#ffffff", color="#e4e4e4") | {"transform": [{"filter": "datum.rate === null"}]},
        _layer("rect", known, stroke="#ffffff") | {"transform": [{"filter": "datum.rate !== null"}]},
        _layer("text", base | {"text": _text("shown"), "color": shade}, fontSize=11),
    ]


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


def consistency_charts(maps: Mapping[str, Sequence[ConsistencyPoint]]) -> list[Chart]:
    """Heat maps language x language of consistency above random rankings. maps: what a map is of, with its pairs of
    languages, each once.
    """
    return [_consistency_chart(what, points) for what, points in maps.items()]


def _consistency_chart(what: str, points: Sequence[ConsistencyPoint]) -> Chart:
    codes = sorted(
        {code for p in points for code in (p.language, p.other)}, key=lambda c: (c != "en", language(c).name)
    )
    order = {code: place for place, code in enumerate(codes)}
    rows: Rows = [
        {
            "language": language(one).name,
            "other": language(two).name,
            "order": order[one],
            "across": order[two],
            "rate": round(p.above_random, 4),
            "shown": f"{100 * p.above_random:.0f}".replace("-", "−"),
            "consistency": f"{percent(p.value.value)} {bounds(p.value)}",
            "COverlap": percent(p.values["overlap"]),
        }
        for p in points
        for one, two in dict.fromkeys([(p.language, p.other), (p.other, p.language)])
        if not math.isnan(p.above_random)
    ]
    base = {
        "x": _text("other", title=None, sort={"field": "across"}, axis={"labelAngle": -60, "orient": "top"}),
        "y": _text("language", title=None, sort={"field": "order"}),
        "tooltip": [_text(name) for name in ("language", "other", "shown", "consistency", "COverlap")],
    }
    scale = {"scheme": "blues", "domain": [0, 1], "clamp": True}
    shade = {"condition": {"test": "datum.rate > 0.74", "value": "#ffffff"}, "value": "#000000"}
    layers = [_layer("rect", base | {"color": _number("rate", scale=scale, legend=None)}, stroke="#ffffff")]
    if len(codes) <= LABELLED:
        layers.append(_layer("text", base | {"text": _text("shown"), "color": shade}, fontSize=10))
    text = "; ".join(f"{r['language']} {r['other']}: {r['shown']}" for r in rows if r["order"] <= r["across"])
    alt = f"Consistency above random rankings, percent, {what}. {text}."
    return _chart(what, alt, {"layer": layers}, rows, 60 + 20 * len(codes))


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
        systems = [p.system for p in own]
        encoding = {
            "x": _number("x", title=f"{name}, %"),
            "y": _number("drop rate", title="drop rate, %"),
            "color": _coloured(systems, looks),
            "shape": _marked(systems, looks),
            "tooltip": [
                *(_text(column) for column in ("language", "system", "noise")),
                _number("level"),
                _number("x", title=name),
                _number("drop rate"),
            ],
        }
        chart = _layer("point", encoding, size=46, strokeWidth=1.6, opacity=0.8)
        text = f"Drop rate of {len(rows)} cells against the {name}; the numbers are in tables/scores.csv."
        charts.append(_chart(f"Against the {name}", text, chart, rows, height=240))
    return charts


def _layer(mark: str, encoding: Spec, **style: Any) -> Spec:
    return {"mark": {"type": mark, **style}, "encoding": encoding}


def _number(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", **more}


def _text(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "nominal", **more}


def _coloured(systems: Iterable[System], looks: Looks) -> Spec:
    return _text("system", scale=_scale(systems, {s: style.colour for s, style in looks.items()}), legend=None)


def _marked(systems: Iterable[System], looks: Looks) -> Spec:
    return _text("system", scale=_scale(systems, {s: style.marker for s, style in looks.items()}), legend=None)


def _scale(systems: Iterable[System], values: Mapping[System, str]) -> Spec:
    here = list(dict.fromkeys(systems))
    return {"domain": [system.intermediate for system in here], "range": [values[system] for system in here]}


def _chart(title: str, text: str, chart: Spec, rows: Rows, height: int) -> Chart:
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


def _hundred(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 2)


def _hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
