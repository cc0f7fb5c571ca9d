"""mode=submit: submit the jobs of a study to a Slurm cluster, and leave."""

from __future__ import annotations

from dataclasses import replace

from xtreme_noise import launch, submitted
from xtreme_noise.commands.checks import engine, plannable, writable
from xtreme_noise.config import planned
from xtreme_noise.config.compose import Study
from xtreme_noise.errors import ConfigError
from xtreme_noise.submitting import SLURM, Submission, finished


def main(study: Study) -> int:
    """Returns 0. Raises ConfigError for another launcher, and UserError without Slurm."""
    if study.launcher != SLURM:
        raise ConfigError(f"mode=submit is for a Slurm cluster: add hydra/launcher={SLURM}, and -m")
    engine(study)
    plannable(study)
    study = _to_run(study)
    writable(study.sweep, "jobs", f"sweep={study.sweep}: results", "sweep=/some/folder")
    queue = submitted.queued(study.sweep)
    waits = [number for number, folder in enumerate(study.folders) if f"jobs/{folder.name}" in queue]
    done = [number for number, folder in enumerate(study.folders) if finished(folder) and number not in waits]
    new = [number for number in range(len(study.jobs)) if number not in {*waits, *done}]
    for number in new:
        (study.folders[number] / planned.FAILURE).unlink(missing_ok=True)
    planned.write([study.jobs[number] for number in new], [study.folders[number] for number in new])
    if new:
        launch.submit(study, Submission(study, wait=False, left_out={*waits, *done}))
    print(f"{len(new)} jobs submitted, {len(waits)} in the queue, {len(done)} finished")
    print(f"mode=status sweep={study.sweep} shows them, mode=cancel ends them, mode=report reports them")
    return 0


def _to_run(study: Study) -> Study:
    """The study as mode=run has it: the mode is in the configurations of the jobs."""
    words = [text for text in study.overrides if text.partition("=")[0].lstrip("+") != "mode"]
    return replace(study, jobs=[replace(job, mode="run") for job in study.jobs], overrides=[*words, "mode=run"])
