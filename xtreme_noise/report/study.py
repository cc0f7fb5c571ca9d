"""All results in the report, computed once from a study folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from xtreme_noise.analysis.chance import Chance
from xtreme_noise.record import CellRecord
from xtreme_noise.report.by_language import Count, Place, counts, places
from xtreme_noise.report.calibration import CalibrationPoint
from xtreme_noise.report.calibration import points as calibration_points
from xtreme_noise.report.cells import Problem, ordered, read_cells, where
from xtreme_noise.report.chance import read_chances
from xtreme_noise.report.consistency import Consistency
from xtreme_noise.report.consistency import joined as joined_consistency
from xtreme_noise.report.consistency import of_task as consistency_of_task
from xtreme_noise.report.effects import FAMILY, Effect, Found, adjusted, against_itself, effects
from xtreme_noise.report.few_shot import Measured, ShotPoint, common_languages
from xtreme_noise.report.few_shot import of_task as after_shots
from xtreme_noise.report.few_shot import points as shot_points
from xtreme_noise.report.gains import Gain, gains
from xtreme_noise.report.gate import marked
from xtreme_noise.report.jobs import Job, read_jobs, read_stages
from xtreme_noise.report.leaderboard import Leaderboard
from xtreme_noise.report.leaderboard import of_task as leaderboard_of_task
from xtreme_noise.report.panels import Panel, panels
from xtreme_noise.report.predictions import Evidence, read_evidence
from xtreme_noise.report.samples import sample_groups
from xtreme_noise.report.seen_unseen import Apart, Part, apart, split
from xtreme_noise.report.sensitivity import by_other_methods
from xtreme_noise.report.statistics import Contrast, Point, contrasts, pairs, points, with_holm
from xtreme_noise.report.summaries import Summaries, joined, of_task
from xtreme_noise.report.typology import Outcome
from xtreme_noise.report.typology import of_task as outcomes
from xtreme_noise.results.items import JobItems

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
    summaries: Summaries
    places: Sequence[Place]
    counts: Sequence[Count]
    jobs: Sequence[Job]
    unusable: Collection[str]
    calibration: Sequence[CalibrationPoint] = ()
    consistency: Consistency = field(default_factory=Consistency)
    typology: Sequence[Outcome] = ()
    few_shot: Sequence[ShotPoint] = ()
    leaderboards: Sequence[Leaderboard] = ()

    @cached_property
    def gains(self) -> list[Gain]:
        """Each intermediate task against none, on each target."""
        return gains(self.contrasts, self.effects)

    @property
    def tasks(self) -> list[str]:
        return ordered(cell.task for cell in self.cells)

    @property
    def models(self) -> list[str]:
        return ordered(cell.model for cell in self.cells)


def read_study(
    sweep: Path, *, resample: bool = True, unusable: Collection[str] = (), sensitivity: bool = False
) -> StudyResults:
    """Read a study folder and compute the results. Without `resample`, predictions are not opened, and no number has an
    interval.

    unusable: the unusable cells, if predictions are not opened. sensitivity: whether to add the sensitivity analyses,
    which need resamples. Raises DataError when the folder has no readable cells.parquet; every other error becomes a
    problem in the result.
    """
    cells, problems = read_cells(sweep)
    jobs, job_problems = read_jobs(sweep)
    failed = [Problem(where(c), c.error or "no message") for c in cells if c.status == "error"]
    chances, unknown = read_chances(sweep, cells)
    grouped = _by_task(cells)
    opened, common = JobItems(sweep) if resample else unusable, common_languages(cells)
    parts = [_task(sweep, own, chances.get(task, {}), opened, common, sensitivity) for task, own in grouped.items()]
    cells = [cell for part in parts for cell in part.cells]
    broken = [problem for part in parts for problem in part.problems]
    if resample:
        unusable = {cell for part in parts for cell in part.unusable}
        left_out = {(cell.task, cell.language) for cell in cells if cell.cell in unusable}
        broken += [problem for place, problem in unknown.items() if place not in left_out]
    broken += sample_groups(cells)[1]
    by_seen = apart([part.by_seen for part in parts])
    return StudyResults(
        sweep=sweep,
        cells=cells,
        problems=[*job_problems, *failed, *problems, *broken],
        panels=[panel for part in parts for panel in part.panels],
        evidence={task: part.evidence for task, part in zip(grouped, parts, strict=True)},
        points=[point for part in parts for point in part.points],
        contrasts=with_holm([contrast for part in parts for contrast in part.contrasts]),
        effects=marked([*_effects(parts), *by_seen.differences], cells, read_stages(sweep)),
        by_seen=by_seen,
        summaries=joined([part.summaries for part in parts]),
        places=[place for part in parts for place in part.places],
        counts=counts(cells),
        jobs=jobs,
        unusable=unusable,
        calibration=[point for part in parts for point in part.calibration],
        consistency=joined_consistency(part.consistency for part in parts),
        typology=[outcome for part in parts for outcome in part.typology],
        few_shot=shot_points([one for part in parts for one in part.shots]),
        leaderboards=[part.leaderboard for part in parts if part.leaderboard],
    )


def _by_task(cells: Iterable[CellRecord]) -> dict[str, list[CellRecord]]:
    grouped: dict[str, list[CellRecord]] = defaultdict(list)
    for cell in cells:
        grouped[cell.task].append(cell)
    return grouped


def _effects(parts: Sequence[_Part]) -> list[Effect]:
    """The effects of all tasks, the primary family and its sensitivity analyses first."""
    compared = adjusted([one for part in parts for one in part.effects])
    primary = [effect for effect in compared if effect.family == FAMILY]
    other = [effect for part in parts for effect in part.by_other_methods]
    itself = [effect for part in parts for effect in part.itself]
    return [*primary, *other, *compared[len(primary) :], *itself]


@dataclass(frozen=True)
class _Part:
    """The results of one task, before p values are adjusted over all tasks."""

    cells: Sequence[CellRecord]
    unusable: Collection[str]
    problems: Sequence[Problem]
    evidence: Evidence
    panels: Sequence[Panel]
    points: Sequence[Point]
    contrasts: Sequence[Contrast]
    effects: Sequence[Found]
    by_other_methods: Sequence[Effect]
    itself: Sequence[Effect]
    by_seen: Part
    summaries: Summaries
    places: Sequence[Place]
    calibration: Sequence[CalibrationPoint]
    consistency: Consistency
    typology: Sequence[Outcome]
    shots: Sequence[Measured]
    leaderboard: Leaderboard | None


def _task(
    sweep: Path,
    cells: Sequence[CellRecord],
    chances: Mapping[str, Chance],
    opened: JobItems | Collection[str],
    common: Mapping[str, Sequence[str]],
    sensitivity: bool,
) -> _Part:
    """Only one task at a time has its replicates in memory. opened: the copies of predictions or, if none is read, the
    unusable cells. common: languages of few-shot curves.
    """
    evidence = Evidence()
    broken: list[Problem] = []
    if not isinstance(opened, JobItems):
        unusable = opened
    else:
        by_task, unusable, broken = read_evidence(sweep, cells, copies=opened)
        evidence = by_task.get(cells[0].task, evidence)
    evidence.chances = chances
    left_out = {(c.task, c.language): UNUSABLE for c in cells if c.status == "ok" and c.cell in unusable}
    cells = [_without_score(c) if c.status == "ok" and c.cell in unusable else c for c in cells]
    compared = [(panel, evidence) for panel in panels(cells, left_out)]
    calibration, unreadable = calibration_points(sweep, cells, evidence, left_out)
    consistency, unranked = consistency_of_task(sweep, cells, evidence, left_out)
    two = [pair for panel, _ in compared for pair in pairs(panel, evidence)]
    found = effects(two)
    part = _Part(
        cells=cells,
        unusable=unusable,
        problems=[*broken, *unreadable, *unranked],
        evidence=evidence,
        panels=[panel for panel, _ in compared],
        points=[point for panel, _ in compared for point in points(panel, evidence)],
        contrasts=contrasts(two),
        effects=found,
        by_other_methods=by_other_methods(two, [effect for effect, _ in found]) if sensitivity else [],
        itself=against_itself(compared),
        by_seen=split(two),
        summaries=of_task([panel for panel, _ in compared], two, evidence),
        places=places(cells, {cells[0].task: evidence}),
        calibration=calibration,
        consistency=consistency,
        typology=outcomes([panel for panel, _ in compared], two, evidence),
        shots=after_shots([panel for panel, _ in compared], evidence, common),
        leaderboard=leaderboard_of_task([panel for panel, _ in compared], evidence),
    )
    evidence.drop()
    return part


def _without_score(cell: CellRecord) -> CellRecord:
    return replace(cell, status="error", score=None, error=UNUSABLE)
