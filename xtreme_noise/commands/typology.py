"""mode=typology: which properties of languages go with what a study loses, by transfer and under noise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from xtreme_noise import results
from xtreme_noise.analysis.correlates import smallest_correlation
from xtreme_noise.commands.checks import has_results, readable, writable
from xtreme_noise.config.compose import Study
from xtreme_noise.errors import ConfigError
from xtreme_noise.languages.features import features
from xtreme_noise.record import CellRecord
from xtreme_noise.report.cells import read_cells
from xtreme_noise.report.formatting import probability
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import panels
from xtreme_noise.report.predictions import Evidence, read_evidence
from xtreme_noise.report.statistics import pairs
from xtreme_noise.report.study import UNUSABLE
from xtreme_noise.report.typology import LEAST, SOURCE, Outcome, of_task
from xtreme_noise.report.typology_views import LABELS, about, regressions, sheets, title, two
from xtreme_noise.store import write_atomic


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep)


def of(sweep: Path) -> int:
    """Print the correlates of a study's losses and write them to its tables; returns 0. Raises ConfigError if no task
    has enough languages.
    """
    has_results(sweep)
    writable(sweep, "tables", f"sweep={sweep}: the tables of correlates", "sweep=/a/copy/of/the/study")
    readable(sweep)
    results.finish(sweep)
    cells, _ = read_cells(sweep)
    found = _outcomes(sweep, cells)
    written = sheets(found)
    for name, text in written.items():
        write_atomic(sweep / "tables" / name, text)
    _show(found, Names.of(cells))
    for name in written:
        print(sweep / "tables" / name)
    return 0


def _outcomes(sweep: Path, cells: Sequence[CellRecord]) -> list[Outcome]:
    grouped: dict[str, list[CellRecord]] = defaultdict(list)
    for cell in cells:
        grouped[cell.task].append(cell)
    found: list[Outcome] = []
    most = 0
    for task, own in grouped.items():
        by_task, unusable, _ = read_evidence(sweep, own)
        evidence = by_task.get(task, Evidence())
        bad = {(cell.task, cell.language): UNUSABLE for cell in own if cell.cell in unusable}
        every = panels(own, bad)
        most = max([most, *(len(set(panel.languages) & set(features()) - {SOURCE}) for panel in every)])
        found += of_task(every, [pair for panel in every for pair in pairs(panel, evidence)], evidence, LEAST)
        evidence.drop()
    if not found:
        raise ConfigError(
            f"sweep={sweep} has too few languages: at most {most} besides English are complete and have features "
            f"(xtreme_noise/languages/features.csv). Correlates need {LEAST}, which show |r| of "
            f"{two(smallest_correlation(LEAST))} or more; the 49 of task=sib200 show {two(smallest_correlation(49))}"
        )
    return found


def _show(outcomes: Sequence[Outcome], names: Names) -> None:
    console = Console(soft_wrap=True, highlight=False, markup=False)
    for outcome in outcomes:
        console.print(title(outcome, names))
        console.print(about(outcome))
        console.print(_table(outcome))
        console.print(regressions(outcome))
        console.print()


def _table(outcome: Outcome) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("predictor")
    for name in ("r", "95 % interval", "p", "adjusted p"):
        table.add_column(name, justify="right")
    for name, one in outcome.correlations.items():
        bounds = f"{two(one.low, sign=True)} to {two(one.high, sign=True)}"
        table.add_row(LABELS[name], two(one.value, sign=True), bounds, probability(one.p), probability(one.p_adjusted))
    return table
