"""Gains from intermediate training: rows of their CSV table, and the tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtreme_noise.report.cells import ordered
from xtreme_noise.report.formatting import NONE, bounds, extent, number
from xtreme_noise.report.gains import CLEAN, Gain
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.views import TableCell, TableView, unbroken

CAPTIONS = {
    CLEAN: "Clean score minus that without intermediate training",
    PRIMARY: "Log-odds lost minus those without intermediate training (below 0: noise costs less)",
}
COLUMNS = (
    "task", "model", "intermediate", "kind", "arm", "what", "value", "reference_value", "difference", "difference_low",
    "difference_high", "interval", "p", "p_adjusted", "tests_in_family", "languages", "languages_in_mean", "seeds",
    "resamples", "below_gate",
)  # fmt: skip


def rows(found: Iterable[Gain]) -> Iterable[Mapping[str, Any]]:
    """tables/gains.csv."""
    for gain in found:
        difference = gain.difference
        yield {name: getattr(gain, name) for name in COLUMNS if hasattr(gain, name)} | {
            "difference": difference.value,
            "difference_low": difference.low,
            "difference_high": difference.high,
            "interval": extent(difference.low is not None, difference.conditional),
            "p": difference.p,
            "tests_in_family": gain.tests or None,
            "languages": len(gain.languages),
            "languages_in_mean": " ".join(gain.languages),
            "seeds": difference.seeds,
            "below_gate": "; ".join(gain.below_gate),
        }


def tables(found: Sequence[Gain], names: Names) -> list[TableView]:
    """A row for each intermediate task and arm, a column for each target: clean, then under noise; [] without gains."""
    views, low = [], {gain.intermediate: "; ".join(gain.below_gate) for gain in found if gain.below_gate}
    for what, caption in CAPTIONS.items():
        at = {((gain.task, gain.model), gain.intermediate): gain for gain in found if gain.what == what}
        targets = list(dict.fromkeys(target for target, _ in at))
        heads = [("intermediate", 1), *((names.task(*target), 1) for target in targets)]
        body = [
            [TableCell(arm, note=low.get(arm, "")), *(_item(at.get((target, arm))) for target in targets)]
            for arm in ordered(arm for _, arm in at)
        ]
        if body:
            views.append(TableView(caption, [heads], body))
    return views


def _item(gain: Gain | None) -> TableCell:
    if gain is None:
        return TableCell(NONE, "num gap")
    measure = PRIMARY if gain.what == PRIMARY else "score"
    interval = bounds(gain.difference, measure, sign=True)
    text = f"{number(gain.difference.value, measure, sign=True)} {interval}".rstrip()
    return TableCell(unbroken(text), "num")
