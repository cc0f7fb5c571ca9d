"""The jobs of a study on a cluster: what hydra-submitit-launcher hands to submitit is submitted here.

The launcher alone would submit one array whose jobs wait for each other's stages, and give up at the first lost job.
Here stages that several jobs share come first (stages/units.py), ids are shown and kept in the study's folder
(submitted.py), nothing is submitted twice, and the wait goes on until every job has ended.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from xtreme_noise import interrupt, streams, submitted
from xtreme_noise.config import grid
from xtreme_noise.config.compose import Study
from xtreme_noise.config.planned import FAILURE, JOB, UNFINISHED
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import ConfigError, UserError
from xtreme_noise.stages.units import Link, Unit, dependents, units
from xtreme_noise.store import Store, digest
from xtreme_noise.submitted import Submitted
from xtreme_noise.writing import file_lock, make_folder, write_atomic

log = logging.getLogger(__name__)
SLURM = "submitit_slurm"
_DROP = "kill-on-invalid-dep"  # without it, a job would wait for ever for a stage that has failed


def finished(folder: Path) -> bool:
    """Whether the last run of a job ended with success."""
    return (folder / JOB).exists() and not (folder / UNFINISHED).exists() and not (folder / FAILURE).exists()


@dataclass
class Submission:
    """The jobs of a command on a cluster.

    wait: whether the command waits for them. left_out: the numbers of the jobs that are not submitted. lost: why a job
    has ended without a result, by its number.
    """

    study: Study
    wait: bool = True
    left_out: set[int] = field(default_factory=set)
    lost: dict[int, str] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)  # of what is submitted or in the queue, by unit

    def array(self, real: Callable[..., list[Any]], executor: Any, call: Any, columns: Sequence[Any]) -> list[Any]:
        """In place of submitit's map_array: what the launcher waits for, one for each of its jobs."""
        rows = {row[2]: row for row in zip(*columns, strict=True)}  # by the number of the job: see the launcher
        if self.study.launcher != SLURM:
            jobs = dict(zip(rows, real(executor, call, *columns), strict=True))
        else:
            jobs = self._submit(real, executor._executor, call, rows)
        return [_Waited(self, number, jobs.get(number) if self.wait else None) for number in rows]

    def _submit(self, real: Callable[..., list[Any]], executor: Any, call: Any, rows: dict[int, Any]) -> dict[int, Any]:
        """Submit the units of these jobs; the jobs of the cluster, by number, those in the queue before included.

        Raises UserError when the cluster refuses one. Another command that submits the same study waits for this one.
        """
        from submitit.core.utils import FailedJobError

        make_folder(self.study.sweep)
        with file_lock(self.study.sweep / ".submitting.lock"):
            try:
                return self._submit_new(real, executor, call, rows)
            except FailedJobError as error:
                raise UserError(f"the cluster refused a job: {' '.join(str(error).split())}") from error

    def _submit_new(
        self, real: Callable[..., list[Any]], executor: Any, call: Any, rows: dict[int, Any]
    ) -> dict[int, Any]:
        queue = submitted.queued(self.study.sweep)
        self.ids |= {unit: job.id for unit, (job, _) in queue.items()}
        jobs: dict[int, Any] = {}
        for number in rows:
            if (unit := f"jobs/{self.study.folders[number].name}") in self.ids:
                jobs[number] = executor.job_class(folder=executor.folder, job_id=self.ids[unit])
        numbers = [number for number in rows if number not in jobs and number not in self.left_out]
        found = plan(self.study, numbers, self.ids)
        for group in groups(found):
            first = group[0]
            after = self.ids.get(first.after) if first.after else None
            _prepare(executor, first, after)
            if first.stage is not None:
                needing = [self.study.folders[number] for number in dependents(first, found)]
                made = [executor.submit(TrainStage(self.study.jobs[first.job], needing, first.stage))]
            else:
                made = real(executor, call, *zip(*(rows[unit.job] for unit in group), strict=True))
                jobs |= zip((unit.job for unit in group), made, strict=True)
            self._note(group, [job.job_id for job in made], after)
        return jobs

    def _note(self, group: Sequence[Unit], ids: Sequence[str], after: str | None) -> None:
        new = [Submitted(id, unit.name, unit.title, after) for id, unit in zip(ids, group, strict=True)]
        submitted.add(self.study.sweep, new)
        self.ids |= {job.unit: job.id for job in new}
        for job in new:
            print(f"submitted {job.id}: {job.name}{f' (after {after})' if after else ''}", file=sys.stderr)

    def goes_on(self) -> str:
        """What an interrupted command says about jobs that go on."""
        ids = " ".join(dict.fromkeys(id.split("_")[0] for id in self.ids.values()))
        where = f"sweep={self.study.sweep}"
        return (
            f"jobs of the cluster go on ({ids}): the same command waits for them again, mode=status {where} shows "
            f"them, and mode=cancel {where} ends them"
        )


class _Waited:
    """A job in the eyes of the launcher: `results` waits for it, and never raises because the job was lost."""

    def __init__(self, submission: Submission, number: int, job: Any) -> None:
        self.submission, self.number, self.job = submission, number, job

    def results(self) -> list[Any]:
        from hydra.core.utils import JobReturn, JobStatus

        nothing = JobReturn(status=JobStatus.COMPLETED)
        if self.job is None:
            return [nothing]
        from submitit.core.utils import FailedJobError, UncompletedJobError

        try:
            return list(self.job.results())
        except (FailedJobError, UncompletedJobError):
            state = self.job.get_info(mode="force").get("State") or "it left no result"
            log.debug("job %s: %s", self.job.job_id, state, exc_info=True)
            self.submission.lost[self.number] = f"{self.job.job_id}: {state}"
            return [nothing]


@contextmanager
def submitting(submission: Submission) -> Iterator[None]:
    """In this context, what the launcher submits goes through `submission`."""
    from submitit.core.core import Executor

    real = Executor.map_array

    def map_array(executor: Any, call: Any, *columns: Any) -> list[Any]:
        return submission.array(real, executor, call, columns)

    Executor.map_array = map_array  # type: ignore[assignment,method-assign]
    try:
        yield
    except KeyboardInterrupt:
        if submission.ids:
            print(f"xtreme-noise: {submission.goes_on()}", file=sys.stderr)
        raise
    finally:
        Executor.map_array = real  # type: ignore[method-assign]


def plan(study: Study, numbers: Sequence[int], queue: dict[str, str]) -> list[Unit]:
    """The units of these jobs, without stages that are in the queue already. Raises ConfigError."""
    jobs = [(study.folders[number].name, grid.title(study.jobs[number])) for number in numbers]
    found = units([chain(study.jobs[number]) for number in numbers], jobs, queue)
    return [replace(unit, job=numbers[unit.job]) for unit in found if unit.stage is None or unit.name not in queue]


def chain(cfg: Config) -> list[Link]:
    """The stages of a job; none if it cannot be planned: it records why when it runs. Raises ConfigError."""
    from xtreme_noise.stages.plan import Plan

    store = Store(cfg.store)
    try:
        return [
            Link(digest(stage.key()), f"{stage.name}-{cfg.model.name}-s{cfg.seed}", store.there("stages", stage.key()))
            for stage in Plan(cfg).stages
        ]
    except ConfigError:
        raise
    except UserError:
        return []


def groups(found: Sequence[Unit]) -> list[list[Unit]]:
    """The units of each submission: a stage, or an array of jobs that differ in the seed and wait for the same."""
    together: dict[tuple[str, str | None], list[Unit]] = {}
    for unit in found:
        name = unit.name if unit.stage else unit.title.rpartition("-s")[0]
        together.setdefault((name, unit.after), []).append(unit)
    return list(together.values())


def _prepare(executor: Any, unit: Unit, after: str | None) -> None:
    """Set the name of the next submission, and what it waits for."""
    executor.parameters["job_name"] = unit.title if unit.stage else unit.title.rpartition("-s")[0]
    given = dict(executor.parameters.get("additional_parameters") or {})
    executor.parameters["additional_parameters"] = given
    executor.parameters.pop("dependency", None)  # of the submission before
    given.pop(_DROP, None)
    if after is not None:
        executor.parameters["dependency"] = f"afterok:{after}"
        given[_DROP] = "yes"


@dataclass
class TrainStage:
    """Trains a stage that several jobs share, in a process of the cluster.

    folders: of these jobs; the tracker of the first one, with the configuration cfg, gets what training logs.
    """

    cfg: Config
    folders: list[Path]
    stage: str

    def __call__(self) -> str:
        """Raises whatever training raises: then the jobs that need the stage do not run."""
        logging.basicConfig(level=logging.INFO, format="[%(asctime)s][%(name)s][%(levelname)s] - %(message)s")
        try:
            with interrupt.handled():
                streams.tolerant()
                self._train()
        except interrupt.Stopped as stopped:
            raise stopped.reason from None
        except Exception as error:
            why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            for folder in self.folders:
                write_atomic(folder / FAILURE, f"a stage that it needs failed: {' '.join(why.split())}\n")
            raise
        return "done"

    def _train(self) -> None:
        from xtreme_noise import trackers
        from xtreme_noise.stages.model_cache import train
        from xtreme_noise.stages.plan import Plan

        tracker = trackers.Tracker(self.cfg.tracker, self.folders[0], grid.title(self.cfg), asdict(self.cfg))
        try:
            train(Plan(self.cfg), Store(self.cfg.store), tracker, until=self.stage)
        finally:
            tracker.close()

    def checkpoint(self) -> Any:
        """For submitit, which requeues the job with this."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)
