"""One trained stage: an encoder with a head, fine-tuned, the epoch chosen on English dev, saved for from_pretrained."""

from __future__ import annotations

import gc
import json
import logging
import math
import shutil
import warnings
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import TQDMProgressBar

from xtreme_noise import interrupt, models
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import ConfigError, NotFinite, UserError
from xtreme_noise.finite import not_finite
from xtreme_noise.models import lora
from xtreme_noise.models.quiet import quiet
from xtreme_noise.modules import TaskModule
from xtreme_noise.stages import ranks
from xtreme_noise.stages.bars import bars
from xtreme_noise.stages.checkpoint import Resume, SafeCheckpointIO, Unfit, last, set_aside
from xtreme_noise.stages.progress import ProgressLines
from xtreme_noise.stages.stage import HOLDS, TRAINING, Stage
from xtreme_noise.stages.together import several
from xtreme_noise.stages.work import Work, one
from xtreme_noise.store import Store, for_want_of_room, write_atomic
from xtreme_noise.trackers import Tracker

log = logging.getLogger(__name__)


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


def fit(stage: Stage, parent: Path, store: Store, cfg: Config, tracker: Tracker | Literal[False]) -> Path:
    """The finished stage's directory; trained now unless it is in the store. `parent`: what it starts from.

    An interrupted fit resumes from its last state. Several devices train in processes of their own.
    Raises NotFinite, and leaves nothing, when loss, dev score or weights become nan or inf.
    """

    def trained(directory: Path, state: Path | None) -> None:
        if cfg.trainer.devices == 1:
            _train(stage, parent, store, cfg, state, directory, tracker=tracker)
        else:
            # Trackers belong to this process: of what several train, the log and training.json tell.
            ranks.run(cfg.trainer.devices, _train, stage, parent, store, cfg, state, directory)

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


def _train(
    stage: Stage, parent: Path, store: Store, cfg: Config, state: Path | None, directory: Path, *,
    tracker: Tracker | Literal[False] = False,
) -> None:  # fmt: skip
    """Fill the directory of a stage; the same on every device's rank, but rank 0 alone writes.

    state: what the fit is resumed from. Raises Unfit when it cannot be.
    """
    unfinished = store.unfinished("stages", stage.key())
    work = several(stage, parent, store, cfg) if stage.together else one(stage, parent, store, cfg)
    if cfg.trainer.gradient_checkpointing:
        for model in work.models():
            model.gradient_checkpointing_enable({"use_reentrant": False})
    minutes = None if cfg.trainer.sharded else cfg.trainer.checkpoint_minutes
    resume = Resume(unfinished, math.inf if minutes is None else minutes, work.achieved)
    trainer = _trainer(stage, cfg, work, resume, tracker)
    log.info("%s: training on %d examples", stage.name, work.examples)
    _fit(trainer, work.module, work.data, state, resume)
    if trainer.is_global_zero:
        facts = {"updates": trainer.global_step, "matched_by": stage.match, "seconds": round(resume.seconds(), 1)}
        _finish(stage, work, facts, directory, unfinished)


def _trainer(stage: Stage, cfg: Config, work: Work, resume: Resume, tracker: Tracker | Literal[False]) -> pl.Trainer:
    needs = ("loops", "callbacks", type(work.data).__qualname__)
    shown = TQDMProgressBar(refresh_rate=10) if bars(cfg) else ProgressLines(stage.name)
    return pl.Trainer(
        max_epochs=stage.recipe.epochs,
        accelerator=cfg.trainer.accelerator,
        devices=cfg.trainer.devices,
        strategy=_strategy(cfg, work.module),
        accumulate_grad_batches=cfg.trainer.accumulate_grad_batches,
        precision=models.precision(cfg.model, cfg.trainer.accelerator),  # type: ignore[arg-type]
        deterministic=cfg.trainer.deterministic,
        gradient_clip_val=1.0,
        logger=tracker.open() if tracker else False,
        log_every_n_steps=max(1, min(10, work.examples // stage.recipe.batch_size)),
        callbacks=[work.select, resume, shown],
        enable_progress_bar=bars(cfg),
        enable_checkpointing=False,  # no callback of Lightning's own writes any
        plugins=_plugins(cfg, SafeCheckpointIO(needs, (work.select.state_key, resume.state_key))),
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1 if work.noisy or work.module.renews else 0,
    )


def _finish(stage: Stage, work: Work, facts: dict[str, Any], directory: Path, unfinished: Path) -> None:
    """Write the stage: the chosen epoch's weights, adapters merged, and what is known of its training."""
    module = work.select.predictor.module
    module.cpu()
    for tuner in work.adapters:
        lora.merge(tuner)
    if name := not_finite(module.state_dict()):
        raise NotFinite(f"the weight {name} holds nan or inf at the end: lower the learning rate")
    _save(module, directory, unfinished)
    chosen = {
        "dev_metric": stage.metric, "dev_scores": work.select.history, "chosen_epoch": work.select.chosen(),
    }  # fmt: skip
    text = json.dumps({"stage": stage.name, **work.facts(), **facts, **chosen}, indent=1)
    write_atomic(directory / TRAINING, text)
