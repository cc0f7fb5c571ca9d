"""limit=20: any command made small. Sizes are clamped when a job is composed: keys, samples and the plan follow.

Candidates of ranking and mining tasks stay whole: the right answers must be among them.
"""

from __future__ import annotations

from xtreme_noise.config.schema import Config, IntermediateConfig
from xtreme_noise.config.splits import SizeConfig

WARNING = "its scores mean nothing"


def apply(cfg: Config) -> None:
    """Clamp the sizes of a job to cfg.limit: training, dev and test sets, and shots. Null changes nothing."""
    if cfg.limit is None:
        return
    _clamp(cfg.task.size, cfg.limit, cfg.limit)
    if cfg.task.first is not None:
        _clamp(cfg.task.first.size, cfg.limit, cfg.limit)
    if cfg.shots.k is not None:
        cfg.shots.k = min(cfg.shots.k, cfg.limit)
    for task in cfg.intermediate.trained_on():
        _clamp(task.size, cfg.limit, max(cfg.limit, _languages(task)))


def _languages(task: IntermediateConfig) -> int:
    """The most languages of any arm: all arms have the same size, with at least one example a language."""
    return max((len(arm.languages) for arm in task.arms.values()), default=0)


def _clamp(size: SizeConfig, limit: int, train: int) -> None:
    size.train = _least(size.train, train)
    size.dev = _least(size.dev, limit)
    size.test = _least(size.test, limit)


def _least(size: int | None, limit: int) -> int:
    return limit if size is None else min(size, limit)


def note(limit: int) -> str:
    """The warning of every place that shows such a job."""
    return f"a trial with at most {limit} examples of each data set (limit={limit}): {WARNING}"
