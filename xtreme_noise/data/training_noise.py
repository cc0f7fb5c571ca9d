"""Noise in training: different in every epoch, the same in every run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from xtreme_noise.config.schema import TrainNoiseConfig
from xtreme_noise.errors import NotApplicable
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.apply import Perturbed, perturb
from xtreme_noise.noise.registry import plain

if TYPE_CHECKING:
    from datasets import Dataset


class LanguageExamples(NamedTuple):
    """Training examples of one language."""

    language: str
    data: Dataset


@dataclass(frozen=True)
class TrainingNoise:
    """The noise in the training examples of one stage.

    share: of the examples that get noise in an epoch, in (0, 1]; every epoch draws others.
    level: of the last epoch; schedule "linear" grows to it in equal steps, "constant" keeps it in all epochs.
    """

    perturber: Perturber
    level: float
    schedule: str
    share: float
    seed: int
    field: str
    task: str
    family: str  # of the task

    def level_at(self, epoch: int, epochs: int) -> float:
        """The level of an epoch, counted from 0."""
        return self.level * (epoch + 1) / epochs if self.schedule == "linear" else self.level

    def key(self, software: dict[str, str]) -> dict[str, Any]:
        """Everything here that can change the weights."""
        # Noise may put characters without a token at the edge of an answer; early versions trained "no answer" then.
        answers = {"answers": "without what has no token"} if self.family == "qa" and self.field != "question" else {}
        return answers | {
            "signature": self.perturber.signature,
            "level": self.level,
            "schedule": self.schedule,
            "share": self.share,
            "seed": self.seed,
            "field": self.field,
            "software": software,
        }

    def epoch(self, parts: Sequence[LanguageExamples], epoch: int, epochs: int) -> tuple[Dataset, float]:
        """The examples of one epoch in their original order, and the mean achieved level of those that got noise.

        Raises NotApplicable when the noise family can act on no example of a language.
        """
        from datasets import Dataset, concatenate_datasets

        noisy, achieved = [], []
        for language, data in parts:
            chosen = [row for row, name in enumerate(data["id"]) if self._takes(epoch, f"{language}|{name}")]
            if not chosen:
                noisy.append(data)
                continue
            try:
                result = self._perturbed(data.select(chosen), language, epoch, epochs)
            except NotApplicable:
                self._perturbed(data, language, epoch, epochs)  # raises again if it can act on no example at all
                noisy.append(data)
                continue
            achieved.append(result.achieved)
            columns, changed = data[:], result.dataset[:]
            for name, values in columns.items():
                for row, value in zip(chosen, changed[name], strict=True):
                    values[row] = value
            noisy.append(Dataset.from_dict(columns, data.features))
        return concatenate_datasets(noisy) if len(noisy) > 1 else noisy[0], fmean(achieved) if achieved else 0.0

    def _perturbed(self, data: Dataset, language: str, epoch: int, epochs: int) -> Perturbed:
        return perturb(
            data,
            family=self.family,
            field=self.field,
            perturber=self.perturber,
            level=self.level_at(epoch, epochs),
            seed=self.seed,
            language=language,
            dataset_name=self.task,
            split=f"train|epoch {epoch}",
        )

    def _takes(self, epoch: int, name: str) -> bool:
        key = f"{self.seed}|{self.task}|{epoch}|{name}".encode()
        return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little") < self.share * 2**64


def training_noise(cfg: TrainNoiseConfig, role: str, task: str, family: str, field: str) -> TrainingNoise | None:
    """The noise of a stage, or None."""
    if not cfg.families or role not in cfg.stages:
        return None
    ((name, parameters),) = cfg.families.items()
    return TrainingNoise(
        perturber=plain(name, parameters or {}),
        level=cfg.level,
        schedule=cfg.schedule,
        share=cfg.share,
        seed=cfg.seed,
        field=field,
        task=task,
        family=family,
    )
