"""The plan of a job: the stages to train, in order, and the cells to evaluate. Nothing is trained or loaded here."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from xtreme_noise import __version__, metrics, models, tasks
from xtreme_noise.config import grid
from xtreme_noise.config.fields import limits, noise_field, own_head, spoken, system
from xtreme_noise.config.schema import Config
from xtreme_noise.data.candidate_pool import CandidatePool
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import ConfigError
from xtreme_noise.models import own_head as own_heads
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.registry import plain
from xtreme_noise.record import CLEAN
from xtreme_noise.stages.build_stages import build_stages, few_shot, test_reference
from xtreme_noise.stages.cloze import scoring
from xtreme_noise.stages.mining import Mining, mining, vectors
from xtreme_noise.stages.ranking import encoding, pool
from xtreme_noise.stages.stage import NOISE_SOFTWARE, SOFTWARE, LanguageSample, Stage, cut_to, software
from xtreme_noise.store import digest

# Raise this when the same configuration gives other predictions, so that cells of the old version are not reused.
PREDICTION_VERSION = 1
CLASS_SCORES_VERSION = 1  # the same for the scores of all classes and the nearest candidates


def base_identity(cfg: Config) -> dict[str, Any]:
    """The pretrained model and the settings of its use that can change a number."""
    model = cfg.model
    return {
        "model": models.identity(model, cfg.source.offline),
        "attention": model.attention,
        "freeze_embeddings": model.freeze_embeddings,
        "max_length": model.max_length,
        "learning_rate_scale": model.learning_rate_scale,
        "precision": asdict(models.running(model, cfg.trainer.accelerator)),
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
    families = {name: plain(name, parameters or {}) for name, parameters in cfg.noise.families.items()}
    return [Cell(*place, families.get(place.noise)) for place in grid.places(cfg)]


def training_identity(cfg: Config) -> dict[str, Any]:
    """The training settings that can change a weight."""
    trainer, model = cfg.trainer, cfg.model
    return {
        "lora": asdict(model.lora) if model.lora.rank else None,
        "attention_dropout": model.attention_dropout,
        "trainer": {
            "accumulate_grad_batches": trainer.accumulate_grad_batches,
            "gradient_checkpointing": trainer.gradient_checkpointing,
            "devices": trainer.devices,
            "strategy": trainer.strategy if trainer.devices > 1 else None,
        },
    }


class Plan:
    """A job's cells, and its stages, each on top of the one before (none: the pretrained model is evaluated as it is).

    Raises ConfigError, DataMissing (training data are never optional) or ModelUnavailable.
    """

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.base = base_identity(cfg)
        self.head = own_heads.read(cfg.model, cfg.task, cfg.source.offline) if own_head(cfg) else None
        if self.head and cfg.task.class_scores and len(set(self.head.labels)) < len(self.head.labels):
            raise ConfigError(
                f"task.class_scores: {own_heads.KEY} maps several labels of {cfg.model.name} to one, which has then no "
                "score of its own: leave out task.class_scores"
            )
        self.stages = build_stages(cfg, self.base | training_identity(cfg))
        self._digests: dict[str, str] = {}
        self._packs: dict[str, str] = {}
        self._few_shot: dict[str, Stage | None] = {}
        self._mining: dict[str, Mining | None] = {}
        self.cells = cells(cfg)
        self.metric = metrics.build(cfg.task.metric)
        self.noise_field = noise_field(cfg)
        self.software = software(SOFTWARE)
        self.noise_software = software(NOISE_SOFTWARE)

    @cached_property
    def pool(self) -> CandidatePool | None:
        """The candidates of a ranking task, the same for every query; None for other families."""
        return pool(self.cfg)

    def mining(self, language: str) -> Mining | None:
        """The corpora of a mining task, and those that tune its threshold. Raises DataMissing."""
        if language not in self._mining:
            self._mining[language] = mining(self.cfg, language)
        return self._mining[language]

    def test(self, language: str) -> SplitRef:
        """The test set of a language. Raises DataMissing when it, or other data that its cells need, is missing."""
        test = test_reference(self.cfg, language)
        test.revision()
        if self.pool is not None:
            _ = self.pool.identity  # every language needs the whole pool
        if (mined := self.mining(language)) is not None:
            _ = mined.identity
            if mined.test.queries == test:
                test = mined.test.queries  # one object: its content is the same in every key
                test.revision()
        self.stages_for(language)
        return test

    def stages_for(self, language: str) -> list[Stage]:
        """The stages of the model that is evaluated in a language; few-shot training adds one for each language.

        Raises DataMissing when the language has no data for the shots.
        """
        if self.cfg.shots.k is None:
            return self.stages
        if language not in self._few_shot:
            self._few_shot[language] = few_shot(self.cfg, self.stages[-1], language)
        own = self._few_shot[language]
        return self.stages if own is None else [*self.stages, own]

    def shots(self) -> list[Stage]:
        """The few-shot stages planned so far."""
        return [stage for stage in self._few_shot.values() if stage]

    @property
    def model_digest(self) -> str:
        """Digest of the model before few-shot training: of the last stage, or of the pretrained model."""
        return digest(self.stages[-1].key()) if self.stages else self._pretrained

    def digest_for(self, language: str) -> str:
        """Digest of the model that the cells of a language are evaluated on; every cell asks for it."""
        if language not in self._digests:
            stages = self.stages_for(language)
            self._digests[language] = digest(stages[-1].key()) if stages else self._pretrained
        return self._digests[language]

    @property
    def _pretrained(self) -> str:
        if self.head is None:
            return digest(cut_to(self.base, self.cfg.task.recipe))
        return digest(self.base | {"head": asdict(self.head), "labels": self.cfg.task.labels})

    def prediction_key(self, cell: Cell, test: SplitRef) -> dict[str, Any]:
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
            "limits": list(limits(self.cfg)),
            "test": test.identity(),
            "size": task.size.test,
            "software": self.software,
            "noise": None,
        }
        if task.family == "retrieval":
            key["retrieval"] = {
                "prefix": model.prefix,
                "layer": model.retrieval_layer,
                "pooling": model.pooling,
                "sweep": task.layer_sweep,
            }
        if self.pool is not None:
            against = {"depth": self.metric.cutoff, "pool": self.pool.identity}
            key["ranking"] = against | (encoding(model, task.family) or {})
        if (scored := scoring(model, task.family)) is not None:
            key["cloze"] = scored
        if (mined := self.mining(cell.language)) is not None:
            key["mining"] = mined.identity | {"vectors": vectors(self.cfg)}
        if cell.perturber is not None:
            key["noise"] = {
                "signature": cell.perturber.signature,
                "level": cell.level,
                "seed": cell.noise_seed,
                "field": self.noise_field,
                "level_of": self.cfg.noise.calibrate_by,
                "languages": self._others(cell.language),
                "software": self.noise_software,
            }
        return key

    def pack(self, language: str, test: SplitRef) -> str:
        """The pack of the store that has the cells of a language: a digest of its clean predictions."""
        if language not in self._packs:
            self._packs[language] = digest(self.prediction_key(Cell(language, CLEAN, 0.0, 0), test))
        return self._packs[language]

    @property
    def class_scores(self) -> bool:
        """Whether the scores of all classes, or the nearest candidates, are stored beside the predictions."""
        family = tasks.family(self.cfg.task.family)
        return self.cfg.task.class_scores and (family.class_scores or family.nearest)

    def class_scores_key(self, cell: Cell, test: SplitRef) -> dict[str, Any]:
        """They are stored apart: predictions are the same with and without them."""
        return {"class_scores": CLASS_SCORES_VERSION, "predictions": self.prediction_key(cell, test)}

    def _others(self, language: str) -> dict[str, str]:
        """Columns that get noise in a language other than the cell's, with that language."""
        return {column: code for column, code in spoken(self.cfg, language).items() if code != language}

    def cell_key(self, cell: Cell, test: SplitRef) -> dict[str, Any]:
        """Everything that can change a cell's record: its predictions, the clean ones, the metric, the source items."""
        return {
            "predictions": self.prediction_key(cell, test),
            "metric": [self.metric.name, self.metric.version],
            "together": tasks.family(self.cfg.task.family).together,
        }

    def _field(self, cell: Cell) -> str:
        others = self._others(cell.language)
        named = ",".join(f"{column} in {code}" for column, code in others.items())
        return self.noise_field + (f"({named})" if others else "")

    def _metric(self, cell: Cell) -> str:
        """The metric with its version and, for mining, the source of the threshold; in cloze tasks, what scores."""
        mined, scored = self.mining(cell.language), scoring(self.cfg.model, self.cfg.task.family)
        of = f"(threshold: {mined.threshold()})" if mined else f"(by {scored['by']})" if scored else ""
        return f"{self.metric.name}/v{self.metric.version}{of}"

    def _stage(self, language: str) -> str:
        """What trained the model of a language."""
        if self.head is not None:
            return f"own head ({self.digest_for(language)}), not trained here"
        return self.digest_for(language) if self.stages else "pretrained"

    def signature(self, cell: Cell, test: SplitRef, n: int, key: str) -> str:
        """The line next to every number that lists everything it depends on, in words or in a digest. key: the digest
        of the cell's key.
        """
        cfg, task, by = self.cfg, self.cfg.task, self.cfg.noise.calibrate_by
        fields = {
            "task": f"{cfg.reported_task()}/v{task.version}",
            "data": f"{test.name()}@{test.revision()[:12]}",
            "split": "test",
            "lang": cell.language,
            "n": n,
            "model": f"{cfg.model.name}@{digest(self.base)[:8]}",
            "prec": "/".join([self.base["precision"]["train"], self.base["precision"]["infer"]]),
            "inter": system(cfg),
            "stage": self._stage(cell.language),
            "noise": cell.perturber.signature if cell.perturber else CLEAN,
            "field": self._field(cell) if cell.perturber else "-",
            "level": f"{cell.level:g}" + ("" if by == "grapheme" else f" by {by}"),
            "nseed": cell.noise_seed,
            "seed": cfg.seed,
            "metric": self._metric(cell),
            "cell": key,
            "xn": __version__,
        }
        return "|".join(f"{name}:{value}" for name, value in fields.items())


__all__ = ["Cell", "LanguageSample", "Plan", "Stage", "cells", "test_reference"]
