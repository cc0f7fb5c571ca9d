"""What a job needs: the stages to train, in order, and the cells to evaluate. Nothing is trained or loaded here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from xtreme_noise import __version__, metrics, models, noise, tasks
from xtreme_noise.config import grid
from xtreme_noise.config.fields import noise_field, spoken
from xtreme_noise.config.schema import Config, TrainerConfig
from xtreme_noise.data.pool import Pool
from xtreme_noise.data.sources import Reference
from xtreme_noise.noise import Perturber
from xtreme_noise.record import CLEAN
from xtreme_noise.stages.line import few_shot, line, test_reference
from xtreme_noise.stages.mining import Mining, mining, vectors
from xtreme_noise.stages.ranking import encoding, pool
from xtreme_noise.stages.stage import NOISE_SOFTWARE, SOFTWARE, Share, Stage, cut_to, software
from xtreme_noise.store import digest

# Raise this when the same configuration gives other predictions: finished cells of the old version are not reused then.
PREDICTION_VERSION = 1


def base_identity(cfg: Config) -> dict[str, Any]:
    """The pretrained model and the settings of its use that can change a number."""
    model = cfg.model
    attention = {"attention": model.attention} if model.attention else {}
    return attention | {
        "model": models.identity(model, cfg.source.offline),
        "freeze_embeddings": model.freeze_embeddings,
        "max_length": model.max_length,
        "learning_rate_scale": model.learning_rate_scale,
        "precision": models.precision(model, cfg.trainer.accelerator),
        "deterministic": cfg.trainer.deterministic,
    }


@dataclass(frozen=True)
class Cell:
    """One (language, noise, level, noise seed) of a job. Level 0 is the clean cell, shared by all noise families."""

    language: str
    noise: str
    level: float
    noise_seed: int
    perturber: Perturber | None = field(default=None, compare=False)

    @property
    def place(self) -> grid.Place:
        return grid.Place(self.language, self.noise, self.level, self.noise_seed)


def cells(cfg: Config) -> list[Cell]:
    """The cells of a job, in the order of its grid."""
    families = {name: noise.build(name, **(parameters or {})) for name, parameters in cfg.noise.families.items()}
    return [Cell(*place, families.get(place.noise)) for place in grid.places(cfg)]


def training_identity(cfg: Config) -> dict[str, Any]:
    """How stages are trained, as far as it can change a weight and is not the default: their keys stay."""
    usual = TrainerConfig()
    names = ["accumulate_grad_batches", "gradient_checkpointing", "devices"]
    if cfg.trainer.devices > 1:
        names.append("strategy")
    found = {name: getattr(cfg.trainer, name) for name in names if getattr(cfg.trainer, name) != getattr(usual, name)}
    if cfg.trainer.accumulate_grad_batches > 1:
        found["last_update"] = "mean of its own batches"  # it had been divided by accumulate_grad_batches
    lora = {"lora": asdict(cfg.model.lora)} if cfg.model.lora.rank else {}
    rate = cfg.model.attention_dropout
    return lora | ({} if rate is None else {"attention_dropout": rate}) | ({"trainer": found} if found else {})


class Plan:
    """A job's stages, each on top of the one before (none: the pretrained model is evaluated as it is), and cells.

    Raises ConfigError, DataMissing (training data are never optional) or ModelUnavailable.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.base = base_identity(cfg)
        self.stages = line(cfg, self.base | training_identity(cfg))
        self._few_shot: dict[str, Stage | None] = {}
        self._mining: dict[str, Mining | None] = {}
        self.cells = cells(cfg)
        self.metric = metrics.build(cfg.task.metric)
        self.noise_field = noise_field(cfg)
        self.software = software(SOFTWARE)
        self.noise_software = software(NOISE_SOFTWARE)

    @cached_property
    def pool(self) -> Pool | None:
        """What every query of a ranking task is asked against."""
        return pool(self.cfg)

    def mining(self, language: str) -> Mining | None:
        """The other side of a mining task's corpora, and where its threshold is found. Raises DataMissing."""
        if language not in self._mining:
            self._mining[language] = mining(self.cfg, language)
        return self._mining[language]

    def test(self, language: str) -> Reference:
        """The test set of a language, when all that its cells need is there. Raises DataMissing when it is not."""
        found = test_reference(self.cfg, language)
        found.revision()
        if self.pool is not None:
            _ = self.pool.identity  # no language can do without a part of the pool
        if (mined := self.mining(language)) is not None:
            _ = mined.identity
            if mined.test.queries == found:
                found = mined.test.queries  # one object: its content is the same in every key
                found.revision()
        self.stages_for(language)
        return found

    def stages_for(self, language: str) -> list[Stage]:
        """The stages up to the model that is evaluated in a language: with few-shot training each has its own.

        Raises DataMissing when there is nothing to take the shots from.
        """
        if self.cfg.shots.k is None:
            return self.stages
        if language not in self._few_shot:
            self._few_shot[language] = few_shot(self.cfg, self.stages[-1], language)
        own = self._few_shot[language]
        return self.stages if own is None else [*self.stages, own]

    def shots(self) -> list[Stage]:
        """The few-shot stages that were asked for so far."""
        return [stage for stage in self._few_shot.values() if stage]

    @property
    def model_digest(self) -> str:
        """What is evaluated, before any shots: the last stage, or the pretrained model as it is used."""
        return digest(self.stages[-1].key()) if self.stages else self._pretrained

    def digest_for(self, language: str) -> str:
        """What the cells of a language are evaluated on."""
        stages = self.stages_for(language)
        return digest(stages[-1].key()) if stages else self._pretrained

    @property
    def _pretrained(self) -> str:
        return digest(cut_to(self.base, self.cfg.task.recipe))

    def prediction_key(self, cell: Cell, test: Reference) -> dict[str, Any]:
        """Everything that can change a cell's predictions."""
        task, model = self.cfg.task, self.cfg.model
        key: dict[str, Any] = {
            "prediction": PREDICTION_VERSION,
            "model": self.digest_for(cell.language),
            "task": {
                "name": task.name,
                "version": task.version,
                "family": task.family,
                "labels": task.labels,
            },
            "limits": [min(task.recipe.max_length, model.max_length), task.recipe.stride],
            "test": test.identity(),
            "size": task.size.test,
            "software": self.software,
            "noise": None,
        }
        if task.family == "retrieval":
            key["retrieval"] = {"prefix": model.prefix, "layer": model.retrieval_layer}
            if model.pooling != "mean":
                key["retrieval"]["pooling"] = model.pooling
            if task.layer_sweep:
                key["retrieval"]["sweep"] = task.layer_sweep
        if self.pool is not None:
            made = {"depth": self.metric.cutoff, "pool": self.pool.identity}
            key["ranking"] = made | (encoding(model, task.family) or {})
        if (mined := self.mining(cell.language)) is not None:
            key["mining"] = mined.identity | {"vectors": vectors(self.cfg)}
        if cell.perturber is not None:
            key["noise"] = {
                "signature": cell.perturber.signature,
                "level": cell.level,
                "seed": cell.noise_seed,
                "field": self.noise_field,
                "software": self.noise_software,
            }
            if self.cfg.noise.calibrate_by != "grapheme":
                key["noise"]["level_of"] = self.cfg.noise.calibrate_by
            if others := self._others(cell.language):
                key["noise"]["languages"] = others
        return key

    def _others(self, language: str) -> dict[str, str]:
        """The columns that get noise in another language than that of the cell."""
        return {column: code for column, code in spoken(self.cfg, language).items() if code != language}

    def cell_key(self, cell: Cell, test: Reference) -> dict[str, Any]:
        """Everything that can change a cell's record: its predictions, the clean ones, the metric, and what is one
        source item.
        """
        together = tasks.family(self.cfg.task.family).together
        return {
            "predictions": self.prediction_key(cell, test),
            "metric": [self.metric.name, self.metric.version],
        } | ({"together": together} if together else {})

    def _field(self, cell: Cell) -> str:
        others = self._others(cell.language)
        named = ",".join(f"{column} in {code}" for column, code in others.items())
        return self.noise_field + (f"({named})" if others else "")

    def _metric(self, cell: Cell) -> str:
        """With what the scores of its language depend on beside the test set."""
        mined = self.mining(cell.language)
        return f"{self.metric.name}/v{self.metric.version}" + (f"(threshold: {mined.threshold()})" if mined else "")

    def signature(self, cell: Cell, test: Reference, n: int) -> str:
        """One line beside every number; any field that can change the number is in it (the digests hold the rest)."""
        cfg, task, by = self.cfg, self.cfg.task, self.cfg.noise.calibrate_by
        fields = {
            "task": f"{cfg.reported_task()}/v{task.version}",
            "data": f"{test.name()}@{test.revision()[:12]}",
            "split": "test",
            "lang": cell.language,
            "n": n,
            "model": f"{cfg.model.name}@{digest(self.base)[:8]}",
            "inter": cfg.intermediate.title(),
            "stage": self.digest_for(cell.language) if self.stages else "pretrained",
            "noise": cell.perturber.signature if cell.perturber else CLEAN,
            "field": self._field(cell) if cell.perturber else "-",
            "level": f"{cell.level:g}" + ("" if by == "grapheme" else f" by {by}"),
            "nseed": cell.noise_seed,
            "seed": cfg.seed,
            "metric": self._metric(cell),
            "cell": digest(self.cell_key(cell, test)),
            "xn": __version__,
        }
        return "|".join(f"{name}:{value}" for name, value in fields.items())


__all__ = ["Cell", "Plan", "Share", "Stage", "cells", "test_reference"]
