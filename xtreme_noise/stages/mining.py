"""What bitext mining needs beyond other tasks: the other side of each language's corpora, and a tuned threshold.

The threshold is tuned on separate corpora (XTREME: on BUCC's sample set, for the test set) or, when a task names none,
on the test set itself: each half of its sentences is scored with the threshold that is best on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.data.sources import SplitRef, references, source_kind

FAMILY = "mining"
HALVES = "other half"


@dataclass(frozen=True)
class Corpora:
    """Two sides of one language pair; the queries contain the ids of their translations."""

    queries: SplitRef
    candidates: SplitRef

    def identity(self) -> list[dict[str, Any]]:
        """Raises DataMissing when a side is missing."""
        return [self.queries.identity(), self.candidates.identity()]


@dataclass(frozen=True)
class Mining:
    """One language: the corpora to mine, and those to tune the threshold on (None: the halves of the test set)."""

    test: Corpora
    tuning: Corpora | None

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything but the model that can change which pairs are mined. Raises DataMissing."""
        return {
            "candidates": self.test.candidates.identity(),
            "threshold": self.tuning.identity() if self.tuning else HALVES,
        }

    def references(self) -> list[SplitRef]:
        """Everything that is read in addition to the test set's own sentences."""
        return [self.test.candidates, *((self.tuning.queries, self.tuning.candidates) if self.tuning else ())]

    def threshold(self) -> str:
        """Where the threshold comes from, for the signature."""
        if self.tuning is None:
            return HALVES
        return f"{self.tuning.queries.name()}@{self.tuning.queries.revision()[:12]}"


def mining(cfg: Config, language: str) -> Mining | None:
    """What bitext mining in a language needs; None for other families. Raises DataMissing when a side is missing."""
    if cfg.task.family != FAMILY:
        return None
    data = cfg.task.data[source_kind(cfg.task.data, cfg.source, f"task {cfg.task.name}")]
    tuning = data.threshold and DataConfig(test=data.threshold.test, pool=data.threshold.pool)
    return Mining(_corpora(cfg, data, language), _corpora(cfg, tuning, language) if tuning else None)


def _corpora(cfg: Config, data: DataConfig, language: str) -> Corpora:
    task = cfg.task
    sides = [
        references(
            {source_kind(task.data, cfg.source, task.name): data}, part, [language], source=cfg.source,
            family=task.family, labels=task.labels, what=f"task {task.name}",
        )[0]
        for part in ("test", "pool")
    ]  # fmt: skip
    return Corpora(*sides)


def vectors(cfg: Config) -> dict[str, Any]:
    """The settings by which a sentence becomes a vector, without the weights."""
    model = cfg.model
    return {
        "prefix": model.prefix,
        "layer": model.retrieval_layer,
        "pooling": model.pooling,
        "max_length": min(cfg.task.recipe.max_length, model.max_length),
    }
