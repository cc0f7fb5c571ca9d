"""The primary effects of the page by every method, beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.report.effects import FAMILY, Effect
from xtreme_noise.report.formatting import NONE, bounds, number, probability
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.sensitivity import SENSITIVITY, covers
from xtreme_noise.report.views import TableCell, TableView, unbroken


def table(effects: Sequence[Effect], names: Names) -> TableView | None:
    """Every primary comparison by each method, on the tested scale; None if there are no sensitivity analyses."""
    others = [effect for effect in effects if effect.family == SENSITIVITY]
    rows = []
    for first in (effect for effect in effects if effect.family == FAMILY and effect.scale == PRIMARY):
        same = [other for other in others if other.comparison[1:] == first.comparison[1:]]
        for effect in (first, *same):
            task = f"{names.task(effect.task, effect.model)} · {effect.kind}"
            note = effect.note or covers(effect) or ""
            rows.append(
                [
                    TableCell(task, note=f"{effect.arm} minus {effect.reference}"),
                    TableCell(effect.method, note=note),
                    *(TableCell(number(value, PRIMARY), "num") for value in (effect.reference_value, effect.value)),
                    TableCell(number(effect.difference.value, PRIMARY, sign=True), "num strong"),
                    TableCell(unbroken(bounds(effect.difference, PRIMARY, sign=True)) or NONE, "num"),
                    TableCell(probability(effect.difference.p), "num"),
                ]
            )
    heads = ("task · kind", "method", "reference", "arm", "difference", "95 % interval", "p")
    caption = "Log-odds lost by other methods (p not adjusted)"
    return TableView(caption, [[(head, 1) for head in heads]], rows) if others else None
