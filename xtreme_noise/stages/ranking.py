"""What ranking tasks need beside what all tasks need: their pool, and how a dual encoder makes vectors."""

from __future__ import annotations

from typing import Any

from xtreme_noise.config.schema import Config, ModelConfig
from xtreme_noise.config.splits import names_language
from xtreme_noise.data.pool import Pool
from xtreme_noise.data.sources import Reference, references, source_kind

FAMILY = "ranking"


def pool(cfg: Config) -> Pool | None:
    """The candidates of a ranking task, in all of its languages whatever is evaluated; None in other families.

    A file without a language in its name is the whole pool. Raises ConfigError when the task has none.
    """
    task = cfg.task
    if task.family != FAMILY:
        return None
    return Pool(
        tuple(_references(cfg, "pool", [task.train_language] if _single(cfg) else task.languages)),
        tuple(_references(cfg, "test", task.languages)) if task.parallel else (),
    )


def pool_part(cfg: Config, language: str) -> Reference:
    """The candidates in one language, or all where they are one file. Raises DataMissing."""
    return _references(cfg, "pool", [cfg.task.train_language if _single(cfg) else language])[0]


def _single(cfg: Config) -> bool:
    """Whether the pool is one file, without a language in its name."""
    split = cfg.task.data[source_kind(cfg.task.data, cfg.source, f"task {cfg.task.name}")].pool
    return split is not None and not names_language(split)


def _references(cfg: Config, part: str, languages: list[str]) -> list[Reference]:
    task = cfg.task
    return references(
        task.data, part, languages, source=cfg.source, family=task.family, labels=task.labels, what=f"task {task.name}"
    )


def encoding(model: ModelConfig, family: str) -> dict[str, Any] | None:
    """How inputs become what the model is trained on, where a study may differ in it: a dual encoder's vectors.

    Tagging had shown words without the space before them to tokenizers that add none. A hub model may have such a one;
    those of the other loaders never had.
    """
    if family == "tagging" and model.loader == "hub":
        return {"tokens": "as in a running text"}
    if family != FAMILY:
        return None
    return {"prefixes": [model.prefix, model.passage_prefix], "pooling": model.pooling}
