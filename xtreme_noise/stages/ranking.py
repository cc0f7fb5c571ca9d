"""What ranking tasks need beyond other tasks: their candidate pool, and the settings of a dual encoder's vectors."""

from __future__ import annotations

from typing import Any

from xtreme_noise.config.schema import Config, ModelConfig
from xtreme_noise.config.splits import names_language
from xtreme_noise.data.candidate_pool import CandidatePool
from xtreme_noise.data.sources import SplitRef, references, source_kind

FAMILY = "ranking"


def pool(cfg: Config) -> CandidatePool | None:
    """The candidates of a ranking task in all its languages, even if only some are evaluated; None in other families.

    A file without a language in its name is the whole pool. Raises ConfigError when the task has no pool.
    """
    task = cfg.task
    if task.family != FAMILY:
        return None
    return CandidatePool(
        tuple(_references(cfg, "pool", [task.train_language] if _single(cfg) else task.languages)),
        tuple(_references(cfg, "test", task.languages)) if task.parallel else (),
    )


def pool_part(cfg: Config, language: str) -> SplitRef:
    """The candidates in one language, or the whole pool when it is one file. Raises DataMissing."""
    return _references(cfg, "pool", [cfg.task.train_language if _single(cfg) else language])[0]


def _single(cfg: Config) -> bool:
    """Whether the pool is one file, without a language in its name."""
    split = cfg.task.data[source_kind(cfg.task.data, cfg.source, f"task {cfg.task.name}")].pool
    return split is not None and not names_language(split)


def _references(cfg: Config, part: str, languages: list[str]) -> list[SplitRef]:
    task = cfg.task
    return references(
        task.data, part, languages, source=cfg.source, family=task.family, labels=task.labels, what=f"task {task.name}"
    )


def encoding(model: ModelConfig, family: str) -> dict[str, Any] | None:
    """How a dual encoder turns inputs into vectors; None for other families."""
    if family != FAMILY:
        return None
    return {"prefixes": [model.prefix, model.passage_prefix], "pooling": model.pooling}
