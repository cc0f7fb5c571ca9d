"""The table of few-shot training on the page."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.report.few_shot import ShotPoint
from xtreme_noise.report.formatting import NONE, bounds, number, percent, plural
from xtreme_noise.report.names import Names
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.views import TableCell, TableView, unbroken


def table(points: Sequence[ShotPoint], names: Names) -> TableView:
    """points: of one task and model."""
    heads = ("intermediate", "noise", "sampling", "shots", "clean", "noisy", "log-odds lost", "less than zero-shot")
    rows = []
    for point in points:
        noise = f"{names.noise(point.panel.noise)} {point.level:g}"
        texts = (point.system.intermediate, noise, point.shots.sampling or NONE)
        row = [*map(TableCell, texts), TableCell(str(point.shots.k), "num")]
        row += [TableCell(percent(one.value), "num", unbroken(bounds(one))) for one in (point.clean, point.noisy)]
        lost, gain = (unbroken(bounds(one, PRIMARY, sign=one is point.gain)) for one in (point.lost, point.gain))
        row.append(TableCell(number(point.lost.value, PRIMARY), "num", lost))
        row.append(TableCell(number(point.gain.value, PRIMARY, sign=True), "num strong", gain))
        rows.append(row)
    first = points[0]
    over = plural(len(first.panel.languages), "language")
    name = names.task(first.shots.task, first.panel.model)
    caption = f"{name}: few-shot training, mean over {over} without {first.panel.source}"
    return TableView(caption, [[(head, 1) for head in heads]], rows)
