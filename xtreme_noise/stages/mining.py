"""What mining tasks need beside what all tasks need: the other side of each language's corpora, and where the threshold
of its pairs is found.

It is found on corpora of their own (XTREME: on BUCC's sample set, for the test set) or, where a task names none, on the
test set itself: each half of its sentences is judged by the threshold that is best on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.data.sources import Reference, references, source_kind

FAMILY = "mining"
HALVES = "other half"


@dataclass(frozen=True)
class Corpora:
    """Two sides of one language pair; which sentences are translations of each other stands in the queries."""

    queries: Reference
    candidates: Reference

    def identity(self) -> list[dict[str, Any]]:
        """Raises DataMissing when a side is not there."""
        return [self.queries.identity(), self.candidates.identity()]


@dataclass(frozen=True)
class Mining:
    """One language: what is mined, and where its threshold is found (None: on the halves of what is mined)."""

    test: Corpora
    tuning: Corpora | None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """All that can change which pairs are mined, but the model. Raises DataMissing."""
        return {
            "candidates": self.test.candidates.identity(),
            "threshold": self.tuning.identity() if self.tuning else HALVES,
        }

    def references(self) -> list[Reference]:
        """Everything that is read beside the test set's own sentences."""
        return [self.test.candidates, *((self.tuning.queries, self.tuning.candidates) if self.tuning else ())]

    def threshold(self) -> str:
        """For the signature: where the threshold is from."""
        if self.tuning is None:
            return HALVES
        return f"{self.tuning.queries.name()}@{self.tuning.queries.revision()[:12]}"


def mining(cfg: Config, language: str) -> Mining | None:
    """What mining in a language needs; None in other families. Raises DataMissing when a side is not served."""
    if cfg.task.family != FAMILY:
        return None
    data = cfg.task.data[source_kind(cfg.task.data, cfg.source, f"task {cfg.task.name}")]
    tuning = data.threshold and DataConfig(test=data.threshold.test, pool=data.threshold.pool)
    return Mining(_corpora(cfg, data, language), _corpora(cfg, tuning, language) if tuning else None)


def _corpora(cfg: Config, data: DataConfig, language: str) -> Corpora:
    task = cfg.task
    found = [
        references(
            {source_kind(task.data, cfg.source, task.name): data}, part, [language], source=cfg.source,
            family=task.family, labels=task.labels, what=f"task {task.name}",
        )[0]
        for part in ("test", "pool")
    ]  # fmt: skip
    return Corpora(*found)


def vectors(cfg: Config) -> dict[str, Any]:
    """How a sentence becomes a vector, but for the weights."""
    model = cfg.model
    return {
        "prefix": model.prefix,
        "layer": model.retrieval_layer,
        "pooling": model.pooling,
        "max_length": min(cfg.task.recipe.max_length, model.max_length),
    }
