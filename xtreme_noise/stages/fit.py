"""One trained stage: an encoder with a head, fine-tuned, the epoch chosen on English dev, saved for from_pretrained."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import math
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from datasets import Dataset, concatenate_datasets
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from xtreme_noise import interrupt, metrics, models
from xtreme_noise.config.schema import Config
from xtreme_noise.data.datamodule import TaskDataModule
from xtreme_noise.data.sources import subsample
from xtreme_noise.data.together import TogetherData
from xtreme_noise.errors import ConfigError, NotFinite, UserError
from xtreme_noise.finite import not_finite
from xtreme_noise.models import lora
from xtreme_noise.models.quiet import quiet
from xtreme_noise.modules import MODULES, TaskModule
from xtreme_noise.modules.base import Limits
from xtreme_noise.noise.apply import NOISY
from xtreme_noise.stages import ranks
from xtreme_noise.stages.checkpoint import Resume, SafeCheckpointIO, Unfit, last, set_aside
from xtreme_noise.stages.predictor import Predictor, device
from xtreme_noise.stages.progress import ProgressLines
from xtreme_noise.stages.stage import Stage
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store, for_want_of_room, write_atomic
from xtreme_noise.trackers import Tracker

log = logging.getLogger(__name__)
TRAINING = "training.json"
HOLDS = (TRAINING, "config.json")


def bars(cfg: Config) -> bool:
    """Whether to draw progress bars: for people only. A log file gets the lines of the log."""
    return cfg.trainer.progress and sys.stderr.isatty()


class SelectOnDev(Callback):
    """Scores the dev set after every epoch and keeps the trainable weights of the best one (the earliest of equals).

    Kept in memory and put back at the end, so that no checkpoint is pickled and a frozen embedding is not copied.
    name: of the stage, for the log: jobs run beside each other.
    predictor: of the module that is trained, or, where that one is in shards, of a whole copy, which gets its weights.
    patience: epochs without a better score after which training ends; None: it never does before its last.
    last_epoch: keep the weights of the last epoch, whatever the scores say.
    """

    def __init__(
        self, name: str, dev: Dataset, metric: str, language: str, predictor: Predictor, patience: int | None = None,
        *, last_epoch: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        self.dev = dev
        self.last_epoch = last_epoch
        self.metric = metric
        self.language = language
        self.predictor = predictor
        self.patience = patience
        self.history: list[float] = []
        self.best: dict[str, torch.Tensor] = {}

    def state_dict(self) -> dict[str, Any]:
        return {"history": self.history, "best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history, self.best = state_dict["history"], state_dict["best"]
        shapes = {name: weight.shape for name, weight in _trainable(self.predictor.module)}
        if self.best and {name: weight.shape for name, weight in self.best.items()} != shapes:
            raise ValueError("its best weights are not those of this model")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        module = self.predictor.module
        if module is not pl_module:
            whole = trainer.strategy.lightning_module_state_dict()  # all ranks take part, rank 0 gets it
            if trainer.is_global_zero:
                module.load_state_dict(whole, strict=False)
        score = trainer.strategy.broadcast(self.score() if trainer.is_global_zero else 0.0)
        if not math.isfinite(score):  # it would be neither better nor worse than any other
            raise NotFinite(f"{self.metric} on dev is {score} after epoch {trainer.current_epoch + 1}")
        pl_module.log(f"dev/{self.metric}", score)
        if self.last_epoch or not self.history or score > max(self.history):
            self.best = {n: w.detach().to("cpu", copy=True) for n, w in _trainable(module)}
        self.history.append(score)
        epoch = len(self.history)
        log.info("%s: epoch %d of %s, dev %s %.4f", self.name, epoch, trainer.max_epochs, self.metric, score)
        pl_module.train()
        if self.patience is not None and len(self.history) - self.history.index(max(self.history)) > self.patience:
            log.info("%s: no better for %d epochs, training ends", self.name, self.patience)
            trainer.should_stop = True

    def chosen(self) -> int:
        """The epoch whose weights are kept, from 1."""
        return len(self.history) if self.last_epoch else self.history.index(max(self.history)) + 1

    def score(self) -> float:
        """Of the module as it is, on the dev set."""
        self.predictor.forget()
        columns = self.dev[:]
        gold = self.predictor.module.gold(columns)
        try:
            predictions = self.predictor.predict(columns)
        except NotFinite as error:
            raise NotFinite(f"on dev of {self.name} {error}") from error
        return metrics.build(self.metric, self.language).score(predictions, gold).score

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        del trainer, pl_module
        with torch.no_grad():
            for name, weight in _trainable(self.predictor.module):
                weight.copy_(self.best[name])


def _strategy(cfg: Config, module: TaskModule) -> Any:
    """Lightning's strategy for the devices of a fit: one, or one process for each."""
    if cfg.trainer.devices == 1:
        return "auto"
    if cfg.trainer.strategy != "fsdp":
        return "ddp"
    from pytorch_lightning.strategies import FSDPStrategy

    if not torch.cuda.is_available():
        raise ConfigError("trainer.strategy=fsdp needs CUDA devices; trainer.strategy=ddp runs on any")
    layers = {type(part) for part in module.model.modules() if type(part).__name__ in module.model._no_split_modules}
    return FSDPStrategy(auto_wrap_policy=layers, state_dict_type="full")


def _plugins(cfg: Config, states: SafeCheckpointIO) -> list[Any]:
    """Shards are written by their strategy alone: an interrupted fit starts again."""
    several = [LightningEnvironment()] if cfg.trainer.devices > 1 else []  # ranks.run made it, not a cluster
    return several if cfg.trainer.strategy == "fsdp" else [states, *several]


def _trainable(module: TaskModule) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]


def open_module(
    path: Path, cfg: Config, stage: Stage | None, family: str, *, fresh_head: bool, metric: str | None = None,
    base: Mapping[str, Any] | None = None,
) -> TaskModule:  # fmt: skip
    """The module of `family` round the model in `path`. metric: what scores its predictions; None: the stage's own.

    fresh_head: the head of the checkpoint is dropped and a new one starts from cfg.seed (a stage begins); otherwise
    the head is carried on (a finished stage is evaluated).
    base: identity of the pretrained model, where it may be what is in `path`. Raises DataError when it has changed.
    """
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    kind = MODULES[family]
    labels = stage.labels if stage else ()
    recipe = stage.recipe if stage else cfg.task.recipe
    module = kind(
        *_loaded(kind.auto_class, path, cfg, base, fresh_head=fresh_head, **kind.head(labels)),
        labels=labels,
        limits=Limits(min(recipe.max_length, cfg.model.max_length), recipe.stride),
        recipe=recipe,
        learning_rate_scale=cfg.model.learning_rate_scale,
        prefix=cfg.model.prefix,
        passage_prefix=cfg.model.passage_prefix,
        layer=cfg.model.retrieval_layer,
        pooling=cfg.model.pooling,
        depth=metrics.build(metric or (stage.metric if stage else cfg.task.metric)).cutoff,
        sweep=cfg.task.layer_sweep,
    )
    limit = models.positions(module.model)
    if limit is not None and module.limits.max_length > limit:
        raise ConfigError(
            f"inputs of up to {module.limits.max_length} tokens, but the encoder in {path} has positions for {limit}: "
            f"model.max_length={limit}"
        )
    if not fresh_head:
        module.restore(path)
    return module


def _loaded(
    auto_class: Any, path: Path, cfg: Config, base: Mapping[str, Any] | None, **options: Any
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model and the tokenizer in `path`, as `base` says where that is a local directory."""
    stored = Path(cfg.store).absolute() in path.absolute().parents
    with models.steady(cfg.model, base["model"]) if base and not stored else contextlib.nullcontext() as local:
        model = models.load_model(auto_class, path, cfg.model, **options)
        tokenizer = models.load_tokenizer(path, trust_remote_code=cfg.model.trust_remote_code)
        if local:  # or weights would change with the bytes of the file that they are mapped to
            for tensor in (*model.parameters(), *model.buffers()):
                tensor.data = tensor.data.clone()
    return model, tokenizer


@dataclass(frozen=True)
class Work:
    """What a fit trains, and on what. facts: of the training data; asked for when it is trained."""

    module: TaskModule
    data: TaskDataModule | TogetherData
    select: SelectOnDev
    examples: int
    noisy: bool
    achieved: dict[int, float]  # epoch -> the noise of its training examples
    facts: Callable[[], dict[str, Any]]
    adapters: Sequence[Any] = ()  # of LoRA, to be merged into the weights

    def models(self) -> list[Any]:
        """The transformers models of the module, one a task."""
        model = self.module.model
        return list(model.values()) if isinstance(model, torch.nn.ModuleDict) else [model]


def one(stage: Stage, parent: Path, store: Store, cfg: Config, epochs: int | None = None) -> Work:
    """A stage of one task. epochs: of the whole fit, where it is one of several tasks; None: its own."""
    fresh = not (stage.keeps_head or MODULES[stage.family].pretrained_head)
    module = open_module(parent, cfg, stage, stage.family, fresh_head=fresh, base=stage.base)
    parts, left_out = training_data(stage, store, cfg.seed, module.count)
    train = concatenate_datasets([part.data for part in parts])
    noise, achieved = stage.noise, dict[int, float]()

    def noisy(epoch: int) -> Dataset:
        assert noise is not None
        data, achieved[epoch] = noise.epoch(parts, epoch, epochs or stage.recipe.epochs)
        return train.add_column(NOISY + "text", data["text"][:]) if module.pairs_noise else data

    if left_out:
        log.warning("%s: %d training examples occur in the test set and are left out", stage.name, left_out)
    data = TaskDataModule(
        module,
        train=train,
        noisy_train=noisy if noise else None,
        batch_size=stage.recipe.batch_size,
        most=stage.updates,
        seed=cfg.seed,
        workers=cfg.trainer.workers,
    )
    data.setup("fit")
    dev = subsample(stage.dev.load(store), stage.dev_size, "dev")
    whole = module
    if _sharded(cfg):
        whole = open_module(parent, cfg, stage, stage.family, fresh_head=fresh, base=stage.base)
    adapted = dict.fromkeys((module, whole)) if cfg.model.lora.rank else ()
    adapters = [lora.add(some.model, cfg.model.lora) for some in adapted]
    for some in adapted:
        some.note_matrices()
    select = SelectOnDev(
        stage.name, dev, stage.metric, stage.dev.language, predictor(whole, cfg), stage.recipe.patience,
        last_epoch=stage.last,
    )  # fmt: skip
    log.info("%s: %d examples, %d tokens", stage.name, len(train), data.tokens())

    def facts() -> dict[str, Any]:
        return {
            "examples": len(train),
            "left_out_as_in_test": left_out,
            "windows": len(data.features),  # model inputs; more than examples where long ones are cut
            "tokens": data.trained_tokens(len(select.history)),  # with noise: of the last epoch, times epochs
            "languages": {part.language: len(part.data) for part in parts},
            "noise": noise.perturber.signature if noise else None,
            "noise_achieved": [achieved[epoch] for epoch in sorted(achieved)],
        }

    return Work(module, data, select, len(train), noise is not None, achieved, facts, adapters)


def _fit(trainer: pl.Trainer, module: TaskModule, data: Any, state: Path | None, resume: Resume) -> None:
    """Raises Unfit when what goes wrong goes wrong before the state of before has been trained on."""
    with interrupt.terminated_at_steps(), warnings.catch_warnings():  # the data module leaves out batches of before
        warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended before")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")  # Lightning's own use of torch
        try:
            trainer.fit(module, datamodule=data, ckpt_path=state)
        except Exception as error:
            otherwise = (UserError, OSError, MemoryError, torch.OutOfMemoryError)
            if state is None or resume.begun or isinstance(error, otherwise):
                raise
            raise Unfit(" ".join(f"{type(error).__name__}: {error}".split())) from error


def _save(module: TaskModule, directory: Path, unfinished: Path) -> None:
    """Write the stage. On a full disk the state of its fit, which is done, makes room for it where that is enough."""
    try:
        with quiet():
            module.save(directory)
        return
    except Exception as error:
        state = sum(path.stat().st_size for path in unfinished.glob("*"))
        needed = sum(tensor.nbytes for tensor in module.state_dict().values())
        if not for_want_of_room(error, directory) or shutil.disk_usage(directory).free + state < needed:
            raise
    shutil.rmtree(unfinished)
    for path in directory.iterdir():
        path.unlink() if path.is_file() else shutil.rmtree(path)
    with quiet():
        module.save(directory)


def predictor(module: TaskModule, cfg: Config) -> Predictor:
    """For the dev set, on the device of the fit."""
    return Predictor(
        module,
        device=device(cfg.trainer.accelerator),
        precision=models.precision(cfg.model, cfg.trainer.accelerator),
        batch_tokens=cfg.trainer.eval_tokens,
    )


def _sharded(cfg: Config) -> bool:
    return cfg.trainer.devices > 1 and cfg.trainer.strategy == "fsdp"


def fit(stage: Stage, parent: Path, store: Store, cfg: Config, tracker: Tracker | Literal[False]) -> Path:
    """The finished stage's directory; trained now unless it is in the store. `parent`: what it starts from.

    An interrupted fit is gone on with from its last checkpoint. Several devices train in processes of their own.
    Raises NotFinite, and leaves nothing, when loss, dev score or weights become nan or inf.
    """

    def trained(directory: Path, state: Path | None) -> None:
        if cfg.trainer.devices == 1:
            _training(stage, parent, store, cfg, tracker, state)(directory)
        else:
            # Trackers belong to this process: of what several train, the log and training.json tell.
            ranks.run(cfg.trainer.devices, _in_rank, stage, parent, store, cfg, state, directory)

    def make(directory: Path) -> None:
        state = last(store.unfinished("stages", stage.key()), store)
        if state is not None:
            try:
                return trained(directory, state)
            except Exception as error:
                if Unfit.__name__ not in f"{type(error).__name__} {error}":  # that of a rank arrives as text
                    raise
                why = str(error).strip().splitlines()[-1].split(f"{Unfit.__name__}: ")[-1]
            set_aside(state, store, why)
        return trained(directory, None)

    try:
        path = store.build("stages", stage.key(), make, HOLDS)
    except NotFinite as error:
        shutil.rmtree(store.unfinished("stages", stage.key()), ignore_errors=True)  # what it left leads there again
        raise NotFinite(f"{stage.name} cannot be trained: {error}") from error
    gc.collect()  # trainer and module refer to each other: without this, two models stay in memory
    return path


def _in_rank(stage: Stage, parent: Path, store: Store, cfg: Config, state: Path | None, directory: Path) -> None:
    _training(stage, parent, store, cfg, False, state)(directory)


def _training(
    stage: Stage, parent: Path, store: Store, cfg: Config, tracker: Tracker | Literal[False], state: Path | None
) -> Callable[[Path], None]:
    """What fills the directory of a stage; on every device's rank the same, but rank 0 alone writes.

    state: what the fit is resumed from. Raises Unfit when it cannot be.
    """

    unfinished = store.unfinished("stages", stage.key())

    def make(directory: Path) -> None:
        from xtreme_noise.stages.together import several  # which is made of what is here

        work = several(stage, parent, store, cfg) if stage.together else one(stage, parent, store, cfg)
        module, data, select = work.module, work.data, work.select
        if cfg.trainer.gradient_checkpointing:
            for model in work.models():
                model.gradient_checkpointing_enable({"use_reentrant": False})
        minutes = None if _sharded(cfg) else cfg.trainer.checkpoint_minutes
        resume = Resume(unfinished, math.inf if minutes is None else minutes, work.achieved)
        needs = ("loops", "callbacks", type(data).__qualname__)
        trainer = pl.Trainer(
            max_epochs=stage.recipe.epochs,
            accelerator=cfg.trainer.accelerator,
            devices=cfg.trainer.devices,
            strategy=_strategy(cfg, module),
            accumulate_grad_batches=cfg.trainer.accumulate_grad_batches,
            precision=models.precision(cfg.model, cfg.trainer.accelerator),  # type: ignore[arg-type]
            deterministic=cfg.trainer.deterministic,
            gradient_clip_val=1.0,
            logger=tracker.open() if tracker else False,
            log_every_n_steps=max(1, min(10, work.examples // stage.recipe.batch_size)),
            callbacks=[select, resume, TQDMProgressBar(refresh_rate=10) if bars(cfg) else ProgressLines(stage.name)],
            enable_progress_bar=bars(cfg),
            enable_checkpointing=False,  # no callback of Lightning's own writes any
            plugins=_plugins(cfg, SafeCheckpointIO(needs, (select.state_key, resume.state_key))),
            enable_model_summary=False,
            use_distributed_sampler=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1 if work.noisy or module.renews else 0,
        )
        log.info("%s: training on %d examples", stage.name, work.examples)
        _fit(trainer, module, data, state, resume)
        if not trainer.is_global_zero:
            return
        select.predictor.module.cpu()
        for tuner in work.adapters:
            lora.merge(tuner)
        if name := not_finite(select.predictor.module.state_dict()):
            raise NotFinite(f"the weight {name} holds nan or inf at the end: lower the learning rate")
        _save(select.predictor.module, directory, unfinished)
        write_atomic(
            directory / TRAINING,
            json.dumps(
                {
                    "stage": stage.name,
                    **work.facts(),
                    "updates": trainer.global_step,
                    "matched_by": stage.match,
                    "seconds": round(resume.seconds(), 1),
                    "dev_metric": stage.metric,
                    "dev_scores": select.history,
                    "chosen_epoch": select.chosen(),
                },
                indent=1,
            ),
        )

    return make
