"""Heat maps: languages by arms and levels, and language by language."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.languages import language
from xtreme_noise.report.by_language import PARTIAL, Place
from xtreme_noise.report.consistency import ConsistencyPoint
from xtreme_noise.report.formatting import (
    STATUS_TEXT,
    bounds,
    guess,
    percent,
)
from xtreme_noise.report.specs import (
    Chart,
    Rows,
    Spec,
    chart_of,
    mark,
    nominal,
    quantity,
)

LABELLED = 20  # languages of a heat map language x language with numbers in it


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
                chart_of(system.intermediate, alt, {"layer": _heat_layers()}, rows, height)
            )
    return charts


def _heat_layers() -> list[Spec]:
    base = {
        "x": nominal("level", title="level", axis={"labelAngle": 0, "orient": "top"}),
        "y": nominal("language", title=None, sort={"field": "order"}),
        "tooltip": [nominal(name) for name in ("language", "level", "drop rate", "score")],
    }
    scale = {"scheme": "blues", "domain": [0, 1], "clamp": True}
    known = base | {"color": quantity("rate", scale=scale, legend=None)}
    shade = {"condition": {"test": "datum.rate > 0.74", "value": "#ffffff"}, "value": "#000000"}
    return [
        # Not a colour of the scale: a place without a number must not look like one without a drop.
        mark("rect", base, stroke="#ffffff", color="#e4e4e4") | {"transform": [{"filter": "datum.rate === null"}]},
        mark("rect", known, stroke="#ffffff") | {"transform": [{"filter": "datum.rate !== null"}]},
        mark("text", base | {"text": nominal("shown"), "color": shade}, fontSize=11),
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
        "x": nominal("other", title=None, sort={"field": "across"}, axis={"labelAngle": -60, "orient": "top"}),
        "y": nominal("language", title=None, sort={"field": "order"}),
        "tooltip": [nominal(name) for name in ("language", "other", "shown", "consistency", "COverlap")],
    }
    scale = {"scheme": "blues", "domain": [0, 1], "clamp": True}
    shade = {"condition": {"test": "datum.rate > 0.74", "value": "#ffffff"}, "value": "#000000"}
    layers = [mark("rect", base | {"color": quantity("rate", scale=scale, legend=None)}, stroke="#ffffff")]
    if len(codes) <= LABELLED:
        layers.append(mark("text", base | {"text": nominal("shown"), "color": shade}, fontSize=10))
    text = "; ".join(f"{r['language']} {r['other']}: {r['shown']}" for r in rows if r["order"] <= r["across"])
    alt = f"Consistency above random rankings, percent, {what}. {text}."
    return chart_of(what, alt, {"layer": layers}, rows, 60 + 20 * len(codes))
