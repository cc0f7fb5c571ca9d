"""Everything a fit needs: the module, its data, and the choice of the epoch."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from datasets import Dataset, concatenate_datasets
from pytorch_lightning.callbacks import Callback
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from xtreme_noise import metrics, models
from xtreme_noise.config.fields import limits
from xtreme_noise.config.schema import Config
from xtreme_noise.data.sources import subsample
from xtreme_noise.errors import ConfigError, NotFinite
from xtreme_noise.features.base import Limits
from xtreme_noise.models import lora, own_head
from xtreme_noise.models.own_head import OwnHead
from xtreme_noise.modules import TaskModule, module_class
from xtreme_noise.noise.apply import NOISY
from xtreme_noise.stages.averaging import RunningMean, evenly
from xtreme_noise.stages.datamodule import TaskDataModule
from xtreme_noise.stages.multitask_data import MultitaskData
from xtreme_noise.stages.predictor import Predictor, device
from xtreme_noise.stages.stage import Stage
from xtreme_noise.stages.training_set import dev_sets, training_data
from xtreme_noise.store import Store

log = logging.getLogger(__name__)


class BestEpochSelector(Callback):
    """Scores the dev set after every epoch and keeps the trainable weights of the best epoch (the earliest of equals).

    The weights stay in memory and are restored at the end, so that no checkpoint is pickled and frozen embeddings are
    not copied.
    name: of the stage, for the log, where jobs may run in parallel.
    dev_sets: of an intermediate stage, those of its further languages (None: there is none); None: of another stage.
    predictor: of the trained module or, when that is sharded, of a full copy that receives its weights.
    patience: training ends after this many epochs without a better score; None: after the last epoch.
    last_epoch: keep the weights of the last epoch, whatever the scores.
    checkpoints: keep the mean of the weights at so many points, evenly spaced over all updates, instead of an epoch
    (Schmidt et al., Free Lunch: Robust Cross-Lingual Transfer via Model Checkpoint Averaging, ACL 2023).
    """

    def __init__(
        self, name: str, dev: Dataset, metric: str, language: str, predictor: Predictor, patience: int | None = None,
        *, last_epoch: bool = False, checkpoints: int | None = None,
        dev_sets: Mapping[str, Dataset | None] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.dev = dev
        self.dev_sets = dev_sets
        self.last_epoch = last_epoch
        self.checkpoints = checkpoints
        self.metric = metric
        self.language = language
        self.predictor = predictor
        self.patience = patience
        self.history: list[float] = []
        self.kept = RunningMean()  # of one epoch, or of checkpoints
        self.due: list[int] = []  # the updates after which a checkpoint is added to the mean

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "kept": asdict(self.kept)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history, self.kept = state_dict["history"], RunningMean(**state_dict["kept"])
        shapes = {name: weight.shape for name, weight in _trainable(self.predictor.module)}
        if self.kept.taken and {name: weight.shape for name, weight in self.kept.mean.items()} != shapes:
            raise ValueError("its kept weights are not those of this model")

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        del pl_module
        if self.checkpoints is not None:
            self.due = evenly(self.checkpoints, int(trainer.estimated_stepping_batches))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        del pl_module, outputs, batch, batch_idx
        if self.due[self.kept.taken : self.kept.taken + 1] == [trainer.global_step]:
            self.kept.add(_trainable(self.predictor.module))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module = self.predictor.module
        if module is not pl_module:
            whole = trainer.strategy.lightning_module_state_dict()  # collective over all ranks; rank 0 gets it
            if trainer.is_global_zero:
                module.load_state_dict(whole, strict=False)
        score = trainer.strategy.broadcast(self.score() if trainer.is_global_zero else 0.0)
        if not math.isfinite(score):  # nan compares false with every score
            raise NotFinite(f"{self.metric} on dev is {score} after epoch {trainer.current_epoch + 1}")
        pl_module.log(f"dev/{self.metric}", score)
        if self.checkpoints is None and (self.last_epoch or not self.history or score > max(self.history)):
            self.kept = RunningMean()
            self.kept.add(_trainable(module))
        self.history.append(score)
        epoch = len(self.history)
        log.info("%s: epoch %d of %s, dev %s %.4f", self.name, epoch, trainer.max_epochs, self.metric, score)
        pl_module.train()
        if self.patience is not None and len(self.history) - self.history.index(max(self.history)) > self.patience:
            log.info("%s: no better score for %d epochs, training ends", self.name, self.patience)
            trainer.should_stop = True

    def facts(self) -> dict[str, Any]:
        """The scores on dev: of every epoch, and of the weights that are kept, with their epoch counted from 1."""
        if self.checkpoints is not None:
            own: dict[str, Any] = {"chosen_epoch": None, "dev_score": self.score()}
            own |= {"averaged_checkpoints": self.checkpoints}
        else:
            own = {"chosen_epoch": self.chosen + 1, "dev_score": self.history[self.chosen]}
        return {"dev_scores": self.history} | own | self.by_language(own["dev_score"])

    @property
    def chosen(self) -> int:
        """The epoch whose weights are kept, counted from 0."""
        return len(self.history) - 1 if self.last_epoch else self.history.index(max(self.history))

    def by_language(self, score: float) -> dict[str, Any]:
        """What an intermediate stage has learned in each of its languages: the score of the current weights, and of how
        many examples; None for a language without dev data. score: on the dev set that chooses the epoch.
        """
        if self.dev_sets is None:
            return {}
        found: dict[str, Any] = {self.language: {"score": score, "n": len(self.dev)}}
        for language, dev in self.dev_sets.items():
            found[language] = None if dev is None else {"score": self._score(dev, language), "n": len(dev)}
        if lacking := [language for language, one in found.items() if one is None]:
            log.info("%s: no dev data in %s", self.name, ", ".join(lacking))
        return {"dev_by_language": found}

    def score(self) -> float:
        """The score of the current weights on the dev set."""
        return self._score(self.dev, self.language)

    def _score(self, dev: Dataset, language: str) -> float:
        self.predictor.forget()
        columns = dev[:]
        gold = self.predictor.module.gold(columns)
        try:
            predictions = self.predictor.predict(columns)
        except NotFinite as error:
            raise NotFinite(f"on the dev set of {self.name}, {error}") from error
        return metrics.build(self.metric, language).score(predictions, gold).score

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        del trainer, pl_module
        with torch.no_grad():
            for name, weight in _trainable(self.predictor.module):
                weight.copy_(self.kept.mean[name])


def predictor(module: TaskModule, cfg: Config) -> Predictor:
    """A predictor for the dev set, on the device of the fit."""
    return Predictor(
        module,
        device=device(cfg.trainer.accelerator),
        precision=models.running(cfg.model, cfg.trainer.accelerator).train,
        batch_tokens=cfg.trainer.eval_tokens,
    )


def _trainable(module: TaskModule) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]


def open_module(
    path: Path, cfg: Config, stage: Stage | None, family: str, *, fresh_head: bool, metric: str | None = None,
    base: Mapping[str, Any] | None = None, own: OwnHead | None = None,
) -> TaskModule:  # fmt: skip
    """The module of `family` with the model in `path`. metric: scores its predictions; None: the stage's own.

    fresh_head: drop the checkpoint's head and initialise a new one from cfg.seed, as when a stage starts; otherwise
    keep the head, as when a finished stage is evaluated.
    base: identity of the pretrained model, when `path` may be that model. Raises DataError when it has changed.
    own: the checkpoint's own head, which is evaluated in place of a trained one, within the limits of the model.
    """
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    task_module = module_class(family)
    labels = tuple(cfg.task.labels) if own else stage.labels if stage else ()
    recipe = stage.recipe if stage else cfg.task.recipe
    head: dict[str, Any] = {"headed": own_head.REMEDY} if own else {"fresh_head": fresh_head}
    if not own:
        head |= task_module.head(labels)
    model, tokenizer = _loaded(task_module.auto_class, path, cfg, base, **head)
    positions = models.positions(model)
    if own:
        longest, stride = limits(cfg)
        read = Limits(min(longest, tokenizer.model_max_length, positions or longest), stride)
    else:
        read = Limits(min(recipe.max_length, cfg.model.max_length), recipe.stride)
    module = task_module(
        model,
        tokenizer,
        labels=labels,
        limits=read,
        recipe=recipe,
        learning_rate_scale=cfg.model.learning_rate_scale,
        prefix=cfg.model.prefix,
        passage_prefix=cfg.model.passage_prefix,
        layer=cfg.model.retrieval_layer,
        pooling=cfg.model.pooling,
        depth=metrics.build(metric or (stage.metric if stage else cfg.task.metric)).cutoff,
        sweep=cfg.task.layer_sweep,
    )
    module.own = own.sources(labels) if own else None
    if module.own and (never := [label for label, at in zip(labels, module.own, strict=True) if not at]):
        log.warning("%s: no label of the model stands for %s: never predicted", cfg.model.name, ", ".join(never))
    if positions is not None and read.max_length > positions:
        raise ConfigError(
            f"inputs have up to {read.max_length} tokens, but the encoder in {path} has only {positions} positions: "
            f"set model.max_length={positions}"
        )
    if not fresh_head:
        module.restore(path)
    return module


def _loaded(
    auto_class: Any, path: Path, cfg: Config, base: Mapping[str, Any] | None, **options: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model and the tokenizer in `path`; a local pretrained model must still have the identity `base`."""
    stored = Path(cfg.store).absolute() in path.absolute().parents
    if base and not stored and not options.get("headed") and (dropped := own_head.dropped(path)):
        log.info("%s: %s", cfg.model.name, dropped)
    with models.steady(cfg.model, base["model"]) if base and not stored else contextlib.nullcontext() as local:
        model = models.load_model(auto_class, path, cfg.model, **options)
        tokenizer = models.load_tokenizer(path, trust_remote_code=cfg.model.trust_remote_code)
        if local:  # copy: mapped weights would change with the file
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.data = tensor.data.clone()
    return model, tokenizer


@dataclass(frozen=True)
class TrainingRun:
    """What a fit trains, and on what. facts: statistics of the training data, available after training.

    renewed: whether every epoch has other examples, with noise or masks of its own.
    """

    module: TaskModule
    data: TaskDataModule | MultitaskData
    select: BestEpochSelector
    examples: int
    renewed: bool
    achieved: dict[int, float]  # epoch -> the noise of its training examples
    facts: Callable[[], dict[str, Any]]
    adapters: Sequence[Any] = ()  # LoRA adapters to merge into the weights after training

    def models(self) -> list[Any]:
        """The module's transformers models, one per task."""
        model = self.module.model
        return list(model.values()) if isinstance(model, torch.nn.ModuleDict) else [model]


def single_task_run(stage: Stage, parent: Path, store: Store, cfg: Config, epochs: int | None = None) -> TrainingRun:
    """The training run of one task. epochs: of the multitask fit that it is part of; None: its recipe's."""
    fresh = not (stage.keeps_head or module_class(stage.family).pretrained_head)
    module = open_module(parent, cfg, stage, stage.family, fresh_head=fresh, base=stage.base)
    parts, left_out = training_data(stage, store, cfg.seed, module.count)
    train = concatenate_datasets([part.data for part in parts])
    noise, achieved = stage.noise, dict[int, float]()

    def noisy(epoch: int) -> Dataset:
        assert noise is not None
        data, achieved[epoch] = noise.epoch(parts, epoch, epochs or stage.recipe.epochs)
        return train.add_column(NOISY + "text", data["text"][:]) if module.pairs_noise else data

    if left_out:
        log.warning("%s: dropped %d training examples that occur in the test set", stage.name, left_out)
    data = _data(stage, cfg, module, train, noisy if noise else None)
    # A sharded module cannot predict by itself: the dev set is scored on a second one that is whole.
    scored = (
        open_module(parent, cfg, stage, stage.family, fresh_head=fresh, base=stage.base)
        if cfg.trainer.sharded
        else module
    )
    adapters = _add_adapters(cfg, module, scored)
    select = selector(stage, store, cfg, scored)
    log.info("%s: %d examples, %d tokens", stage.name, len(train), data.tokens())

    def facts() -> dict[str, Any]:
        return {
            "examples": len(train),
            "left_out_as_in_test": left_out,
            "windows": len(data.features),  # model inputs: more than examples when long ones are split
            "tokens": data.trained_tokens(len(select.history)),  # with noise: those of the last epoch, times epochs
            "languages": {part.language: len(part.data) for part in parts},
            "noise": noise.perturber.signature if noise else None,
            "noise_achieved": [achieved[epoch] for epoch in sorted(achieved)],
        }

    return TrainingRun(
        module=module,
        data=data,
        select=select,
        examples=len(train),
        renewed=noise is not None or module.renews,
        achieved=achieved,
        facts=facts,
        adapters=adapters,
    )


def _data(
    stage: Stage, cfg: Config, module: TaskModule, train: Dataset, noisy: Callable[[int], Dataset] | None
) -> TaskDataModule:
    data = TaskDataModule(
        module,
        train=train,
        noisy_train=noisy,
        batch_size=stage.recipe.batch_size,
        most=stage.updates,
        seed=stage.order_seed,
        workers=cfg.trainer.workers,
    )
    data.setup("fit")
    return data


def _add_adapters(cfg: Config, *modules: TaskModule) -> list[Any]:
    """LoRA's adapters, added once to each module; none without model.lora.rank."""
    adapted = dict.fromkeys(modules) if cfg.model.lora.rank else ()
    adapters = [lora.add(module.model, cfg.model.lora) for module in adapted]
    for module in adapted:
        module.note_matrices()
    return adapters


def selector(stage: Stage, store: Store, cfg: Config, module: TaskModule) -> BestEpochSelector:
    """Scores the dev set of a stage with the module."""
    return BestEpochSelector(
        name=stage.name,
        dev=subsample(stage.dev.load(store), stage.dev_size, "dev"),
        metric=stage.metric,
        language=stage.dev.language,
        predictor=predictor(module, cfg),
        patience=stage.recipe.patience,
        last_epoch=stage.last,
        checkpoints=stage.recipe.averaged_checkpoints,
        dev_sets=dev_sets(stage, store) if stage.role == "intermediate" else None,
    )
