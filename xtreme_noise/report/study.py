"""All results in the report, computed once from a study folder."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xtreme_noise.record import CellRecord
from xtreme_noise.report.by_language import Count, Place, counts, places
from xtreme_noise.report.cells import Problem, ordered, read_cells, where
from xtreme_noise.report.chance import read_chances
from xtreme_noise.report.effects import Effect, against_itself, effects
from xtreme_noise.report.jobs import Job, read_jobs
from xtreme_noise.report.panels import Panel, panels
from xtreme_noise.report.predictions import Evidence, read_evidence
from xtreme_noise.report.samples import sample_groups
from xtreme_noise.report.seen_unseen import Apart, apart
from xtreme_noise.report.statistics import Contrast, Point, contrasts, pairs, points

UNUSABLE = "predictions unusable"


@dataclass(frozen=True)
class StudyResults:
    """The results of a study. `problems`: failures and inconsistencies, failed cells included; the report lists them
    first, and they make the exit code 1.

    unusable: digests of cells whose predictions do not match their records: they count as failed, without a score.
    """

    sweep: Path
    cells: Sequence[CellRecord]
    problems: Sequence[Problem]
    panels: Sequence[Panel]
    evidence: dict[str, Evidence]
    points: Sequence[Point]
    contrasts: Sequence[Contrast]
    effects: Sequence[Effect]
    by_seen: Apart
    places: Sequence[Place]
    counts: Sequence[Count]
    jobs: Sequence[Job]
    unusable: Collection[str]

    @property
    def tasks(self) -> list[str]:
        return ordered(cell.task for cell in self.cells)

    @property
    def models(self) -> list[str]:
        return ordered(cell.model for cell in self.cells)


def read_study(sweep: Path, *, resample: bool = True, unusable: Collection[str] = ()) -> StudyResults:
    """Read a study folder and compute the results. Without `resample`, predictions are not opened, and no number has an
    interval.

    unusable: the unusable cells, if predictions are not opened. Raises DataError when the folder has no readable
    cells.parquet; every other error becomes a problem in the result.
    """
    cells, problems = read_cells(sweep)
    jobs, job_problems = read_jobs(sweep)
    failed = [Problem(where(c), c.error or "no message") for c in cells if c.status == "error"]
    evidence: dict[str, Evidence] = {}
    broken: list[Problem] = []
    chances, unknown = read_chances(sweep, cells)
    if resample:
        evidence, unusable, broken = read_evidence(sweep, cells)
    left_out = {(c.task, c.language): UNUSABLE for c in cells if c.status == "ok" and c.cell in unusable}
    cells = [_without_score(c) if c.status == "ok" and c.cell in unusable else c for c in cells]
    if resample:
        broken += [problem for place, problem in unknown.items() if place not in left_out]
    broken += sample_groups(cells)[1]
    for task, by_language in chances.items():
        evidence.setdefault(task, Evidence()).chances = by_language
    compared = panels(cells, left_out)
    known = [(panel, evidence.get(panel.task, Evidence())) for panel in compared]
    two = [pair for panel, own in known for pair in pairs(panel, own)]
    by_seen = apart(two, {job.trained_in for job in jobs if job.trained_in})
    return StudyResults(
        sweep=sweep,
        cells=cells,
        problems=[*job_problems, *failed, *problems, *broken],
        panels=compared,
        evidence=evidence,
        points=[point for panel, own in known for point in points(panel, own)],
        contrasts=contrasts(two),
        effects=[*effects(two), *against_itself(known), *by_seen.differences],
        by_seen=by_seen,
        places=places(cells, evidence),
        counts=counts(cells),
        jobs=jobs,
        unusable=unusable,
    )


def _without_score(cell: CellRecord) -> CellRecord:
    return replace(cell, status="error", score=None, error=UNUSABLE)
