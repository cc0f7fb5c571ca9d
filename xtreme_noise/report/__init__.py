"""The report of a study: one HTML file that opens offline, the same tables as CSV, and figures as PNG and SVG.

Slow libraries (matplotlib, vl-convert) are imported only when a report is written; a report whose inputs did
not change is kept, which takes milliseconds.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from xtreme_noise.report.build import Built


def conclude(sweep: Path, *, sensitivity: bool = False) -> Built:
    """`write`, with its outcome: the page, the table for the terminal, and the number of failures."""
    from xtreme_noise.report.build import build

    return build(Path(sweep), sensitivity=sensitivity)


def write(sweep: Path, *, sensitivity: bool = False) -> Path:
    """Write report.html, tables/*.csv and figures/*.{png,svg} into the study folder; returns the path of report.html.

    Does nothing when cells.parquet, predictions/, the job configurations and this code have not changed and all files
    exist. sensitivity: with the analyses of report.sensitivity. Raises DataError when `sweep` has no readable
    cells.parquet.
    """
    return conclude(sweep, sensitivity=sensitivity).page


def terminal_table(sweep: Path) -> Table:
    """A compact table for the terminal: for each task, noise and arm, the clean score, the score at the highest level,
    the drop rate and the number of cells. Means exclude cells whose predictions are missing or do not give the recorded
    score. Raises DataError when `sweep` has no readable cells.parquet.
    """
    from xtreme_noise.report.build import glance
    from xtreme_noise.report.terminal import table

    return table(glance(Path(sweep)))
