"""mode=export: the predictions of a study as official prediction files."""

from __future__ import annotations

from pathlib import Path

from xtreme_noise.commands.checks import has_results, readable, writable
from xtreme_noise.config.compose import Study


def main(study: Study) -> int:
    """See `of`."""
    return of(study.sweep)


def of(sweep: Path) -> int:
    """The export of a folder; returns 1 when cells failed or are ambiguous."""
    has_results(sweep)
    writable(sweep, "export", f"sweep={sweep}: the export", "sweep=/a/copy/of/the/study")
    from xtreme_noise import results
    from xtreme_noise.interchange import export

    readable(sweep)
    completion = results.finish(sweep)
    export.show(sweep)
    return int(bool(completion.failed or completion.ambiguous))
