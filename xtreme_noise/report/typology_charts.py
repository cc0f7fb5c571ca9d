"""Charts of what losses go with over languages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.report.formatting import (
    probability,
)
from xtreme_noise.report.specs import (
    ROW_AXIS,
    Chart,
    Looks,
    Rows,
    chart_of,
    coloured,
    log_odds,
    mark,
    marked,
    nominal,
    quantity,
)
from xtreme_noise.report.typology import TRANSFER, Outcome
from xtreme_noise.report.typology_views import LABELS, UNITS, two


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
    x = log_odds("clean", [row["clean"] for row in rows])
    y = quantity("loss", title=UNITS[outcomes[0].kind])
    systems = [one.system for one in outcomes]
    colour = {"color": coloured(systems, looks)}
    tips = {"tooltip": [nominal("language"), nominal("system"), quantity("loss")]}
    dots = {"x": x, "y": y, "shape": marked(systems, looks)} | colour | tips
    through = mark("line", {"x": x, "y": y} | colour, strokeDash=[4, 3]) | {"data": {"values": drawn}}
    name = f"{outcomes[0].kind.capitalize()} against clean score, by language"
    layers = [through, mark("point", dots, filled=True, size=46, opacity=0.8)]
    return chart_of(name, f"{name}. {'; '.join(slopes)}.", {"layer": layers}, rows, height=260)


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
    base = {"y": nominal("row", title=None, sort={"field": "order"}, axis=ROW_AXIS)}
    title = "rank correlation" + (", partial" if outcomes[0].given else "")
    dots = {"x": quantity("r", scale=scale), "color": coloured(systems, looks), "shape": marked(systems, looks)}
    seen = [{"at": sign * one.smallest} for one in outcomes for sign in (-1, 1)]
    layers = [
        mark("rule", {"x": quantity("at", scale=scale)}, color="#595959", strokeDash=[2, 4])
        | {"data": {"values": [dict(place) for place in {tuple(row.items()) for row in seen}]}},
        mark("rule", {"x": quantity("zero", scale=scale)}, color="#000000", strokeDash=[4, 3])
        | {"data": {"values": [{"zero": 0}]}},
        mark("rule", base | {"x": quantity("low", title=title, scale=scale), "x2": {"field": "high"}}, strokeWidth=2),
        mark("point", base | dots | {"tooltip": [nominal("row"), quantity("r"), nominal("p", title="adjusted p")]},
               filled=True, size=60, opacity=1),
    ]  # fmt: skip
    text = "; ".join(f"{r['row']} {r['r']:+.2f} (adjusted p {r['p']})".replace("\n", " ") for r in rows)
    name = f"{outcomes[0].kind.capitalize()}: correlations; dotted: the smallest that could have been seen"
    return chart_of(name, f"{name}. {text}.", {"layer": layers}, rows, height=(24 if several else 20) * len(rows))


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
    x = quantity("predicted", title="predicted without its family", scale={"zero": False})
    y = quantity("measured", title="measured", scale={"zero": False})
    systems = [one.system for one in outcomes]
    dots = {"x": x, "y": y, "color": coloured(systems, looks), "shape": marked(systems, looks)}
    tips = {"tooltip": [nominal("language"), nominal("system"), quantity("predicted"), quantity("measured")]}
    drawn = [{"predicted": end, "measured": end} for end in ends]
    diagonal = mark("line", {"x": x, "y": y}, color="#595959", strokeDash=[4, 3]) | {"data": {"values": drawn}}
    name = f"{outcomes[0].kind.capitalize()}: measured against predicted by ridge regression"
    text = "; ".join(f"{one.name}: held-out R² {two(one.ridge.held_out)}" for one in outcomes if one.ridge is not None)
    layers = [diagonal, mark("point", dots | tips, filled=True, size=46, opacity=0.8)]
    return chart_of(name, f"{name}. {text}.", {"layer": layers}, rows, height=260)


def _language(code: str) -> str:
    return LANGUAGES[code].name
