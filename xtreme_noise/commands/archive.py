"""mode=archive: a study as one small file, without texts, that mode=report reads."""

from __future__ import annotations

from pathlib import Path

from xtreme_noise.commands import ARCHIVE
from xtreme_noise.commands.checks import has_results, writable
from xtreme_noise.config.compose import Study
from xtreme_noise.errors import ConfigError
from xtreme_noise.results import JOB


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep)


def of(sweep: Path) -> int:
    """The archive of a folder; returns 1 when cells failed, or a job has no record."""
    has_results(sweep)
    if not any((sweep / "jobs").glob(f"*/{JOB}")):
        raise ConfigError(f"{sweep} has no job records (jobs/*/{JOB}) to archive")
    writable(sweep, ".", f"sweep={sweep}: the archive", "sweep=/a/copy/of/the/study")
    from xtreme_noise import results
    from xtreme_noise.results import archive

    completion = results.finish(sweep)
    target = sweep / f"{sweep.name}{ARCHIVE}"
    cells = archive.write(sweep, target)
    print(f"{target}: the scores of {cells:,} cells, {target.stat().st_size / 1e6:.2f} MB")
    return int(bool(completion.failed or completion.ambiguous))
