"""The charts of the page, and its data block."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from xtreme_noise.report.specs import Chart


@dataclass(frozen=True)
class Placed:
    """A chart of the page; `number`: its position in the page's data block."""

    title: str
    alt: str
    number: int


@dataclass
class Charts:
    """The page's data block. specs: each distinct specification once, without its rows; charts: for each chart the
    position of its specification, and its rows as columns, because names repeated in every row are most of a page of
    many cells.
    """

    specs: dict[str, int] = field(default_factory=dict)  # as JSON -> position
    charts: list[dict[str, Any]] = field(default_factory=list)

    def place(self, chart: Chart) -> Placed:
        spec = json.dumps({name: value for name, value in chart.spec.items() if name != "datasets"})
        rows = chart.spec["datasets"]["rows"]
        columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
        self.charts.append({"spec": self.specs.setdefault(spec, len(self.specs)), "columns": columns})
        return Placed(chart.title, chart.alt, len(self.charts) - 1)

    @property
    def block(self) -> dict[str, Any]:
        return {"specs": [json.loads(spec) for spec in self.specs], "charts": self.charts}
