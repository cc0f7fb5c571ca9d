"""The report of a sweep folder: one HTML file that opens offline, the same tables as CSV, figures as PNG and
SVG.

Heavy libraries (altair, matplotlib, vl-convert) are imported only while a report is really written: a report
whose inputs did not change is left as it is, in milliseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from xtreme_noise.report.build import Built


def conclude(sweep: Path) -> Built:
    """`write`, and what came of it: the page, the table for the terminal, and how many failures the page lists."""
    from xtreme_noise.report.build import build

    return build(Path(sweep))


def write(sweep: Path) -> Path:
    """Write report.html, tables/*.csv and figures/*.{png,svg} into the sweep folder; the path of report.html.

    Nothing is done when cells.parquet, predictions/, the job configurations and this code are what they were
    and the files are all there. Raises DataError when `sweep` has no readable cells.parquet.
    """
    return conclude(sweep).page


def terminal_table(sweep: Path) -> Table:
    """A compact table for the terminal: per task, noise and arm the clean score, the score at the highest
    level, the drop rate and the number of cells. Predictions that give another score than a cell says, or none, are in
    no mean. Raises DataError when `sweep` has no readable cells.parquet.
    """
    from xtreme_noise.report.build import glance
    from xtreme_noise.report.terminal import table

    return table(glance(Path(sweep)))
