"""From a study folder to the files of its report, and to its summary in the terminal."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from xtreme_noise.record import ABSENT
from xtreme_noise.report import files
from xtreme_noise.report.cells import read_cells
from xtreme_noise.report.headline import headline, totals
from xtreme_noise.report.predictions import read_evidence
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.report.terminal import table

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Built:
    """A written report, and the number of failures that it lists."""

    page: Path
    problems: int
    study: StudyResults
    headline: list[str]  # its sentences, then a line for each number

    @property
    def table(self) -> Table:
        """For the terminal."""
        return table(self.study)

    @property
    def not_run(self) -> int:
        """Cells that have no record."""
        return totals(self.study)[ABSENT]

    @property
    def wanted(self) -> int:
        """All cells."""
        return sum(totals(self.study).values())


def build(sweep: Path, *, sensitivity: bool = False) -> Built:
    """Write the report, unless it is up to date. sensitivity: with the analyses of report.sensitivity."""
    digest = files.inputs_digest(sweep)
    target = sweep / files.REPORT
    known = files.last(sweep)
    if known is not None and known.sensitivity == sensitivity and files.is_current(sweep, digest):
        log.info("the report is up to date: %s", target)
        return Built(target, known.problems, _glance(sweep, known), known.headline)
    from xtreme_noise.report.figures import figures
    from xtreme_noise.report.page import page
    from xtreme_noise.report.paper import papers
    from xtreme_noise.report.scripts import vega_library

    study = read_study(sweep, sensitivity=sensitivity)
    outputs = {f"tables/{name}": text.encode() for name, text in tables(study).items()}
    outputs |= {f"tables/{name}": text.encode() for name, text in papers(study).items()}
    outputs |= {f"figures/{name}": content for name, content in figures(study).items()}
    outputs[files.REPORT] = page(study, vega_library(), digest, sorted(outputs)).encode()
    answer = headline(study)
    lines = [answer.paragraph, *answer.lines]
    files.write_outputs(
        sweep, outputs, digest, len(study.problems), sorted(study.unusable), sensitivity=sensitivity, headline=lines
    )
    return Built(target, len(study.problems), study, lines)


def glance(sweep: Path) -> StudyResults:
    """The study without intervals. Opens its predictions only if no current report says which are unusable."""
    known = files.last(sweep)
    return _glance(sweep, known if files.is_current(sweep, files.inputs_digest(sweep)) else None)


def _glance(sweep: Path, known: files.Record | None) -> StudyResults:
    if known is not None:
        return read_study(sweep, resample=False, unusable=set(known.unusable))
    _, unusable, _ = read_evidence(sweep, read_cells(sweep)[0], resample=False)
    return read_study(sweep, resample=False, unusable=unusable)
