"""mode=score: the scores of official prediction files, without a model."""

from __future__ import annotations

from xtreme_noise.commands.checks import single
from xtreme_noise.config.compose import Study


def main(study: Study) -> int:
    """Returns 0; raises DataError when a file or a test set is wrong or missing."""
    single(study, "mode=score reads the predictions of one task", "the scores")
    from xtreme_noise.interchange import score

    score.show(study.jobs[0], study.sweep)
    return 0
