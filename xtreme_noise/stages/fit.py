"""Training one stage: fine-tune encoder and head, choose the epoch on the dev set, save for from_pretrained."""

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

from xtreme_noise import hardware, interrupt, models, ranks
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import ConfigError, NotFinite, UserError
from xtreme_noise.finite import not_finite
from xtreme_noise.models import lora
from xtreme_noise.models.quiet import quiet
from xtreme_noise.modules import TaskModule
from xtreme_noise.stages import distributed, speed
from xtreme_noise.stages.bars import bars
from xtreme_noise.stages.checkpoint import CheckpointCallback, SafeCheckpointIO, Unfit, last, set_aside
from xtreme_noise.stages.multitask import multitask_run
from xtreme_noise.stages.progress import ProgressLines
from xtreme_noise.stages.stage import HOLDS, TRAINING, Stage
from xtreme_noise.stages.training_run import TrainingRun, single_task_run
from xtreme_noise.store import Store, for_want_of_room, write_atomic
from xtreme_noise.trackers import Tracker

log = logging.getLogger(__name__)


def _strategy(cfg: Config, module: TaskModule) -> Any:
    """Lightning's strategy: one device, or one process for each."""
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
    """Without our checkpoints under fsdp, which writes shards in its own way: such a fit cannot resume."""
    environment = LightningEnvironment()  # processes are started by distributed.run, not by a cluster
    return [environment] if cfg.trainer.strategy == "fsdp" else [states, environment]


def _fit(
    trainer: pl.Trainer, module: TaskModule, data: Any, state: Path | None, checkpoints: CheckpointCallback
) -> None:
    """Raises Unfit when resuming fails before its first step: then the checkpoint is to blame."""
    with interrupt.terminated_at_steps(), warnings.catch_warnings():  # the data module skips the batches already done
        warnings.filterwarnings("ignore", message="You're resuming from a checkpoint that ended before")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*is deprecated")  # Lightning's own use of torch
        warnings.filterwarnings("ignore", message="The `srun` command is available")
        try:
            trainer.fit(module, datamodule=data, ckpt_path=state)
        except Exception as error:
            unrelated = (UserError, OSError, MemoryError, torch.OutOfMemoryError)
            if state is None or checkpoints.begun or isinstance(error, unrelated):
                raise
            raise Unfit(" ".join(f"{type(error).__name__}: {error}".split())) from error


def _save(module: TaskModule, directory: Path, unfinished: Path) -> None:
    """Write the stage. On a full disk, delete its checkpoint, no longer needed, when that frees enough space."""
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
    """The directory of a stage, trained unless it is in the store. `parent`: the checkpoint that it starts from.

    An interrupted fit resumes from its last checkpoint. With several devices, each trains in a process of its own.
    Raises NotFinite, and deletes the checkpoint, when the loss, dev score or weights become nan or inf.
    """

    def trained(directory: Path, state: Path | None) -> None:
        what: dict[str, Any] = {
            "stage": stage,
            "parent": parent,
            "store": store,
            "cfg": cfg,
            "state": state,
            "directory": directory,
        }
        with ranks.alone():
            if cfg.trainer.devices == 1:
                _train(**what, tracker=tracker)
            else:
                # Trackers belong to this process; for distributed training there are the log and training.json.
                distributed.run(cfg.trainer.devices, _train, what)
        gc.collect()  # trainer and module refer to each other: otherwise two models stay in memory

    def make(directory: Path) -> None:
        state = last(store.unfinished("stages", stage.key()), store)
        if state is not None:
            try:
                return trained(directory, state)
            except Exception as error:
                if Unfit.__name__ not in f"{type(error).__name__} {error}":  # the error of a rank arrives as text
                    raise
                why = str(error).strip().splitlines()[-1].split(f"{Unfit.__name__}: ")[-1]
            set_aside(state, store, why)
        return trained(directory, None)

    try:
        path = store.build("stages", stage.key(), make, HOLDS)
    except NotFinite as error:
        shutil.rmtree(store.unfinished("stages", stage.key()), ignore_errors=True)  # resuming would diverge again
        raise NotFinite(f"{stage.name} cannot be trained: {error}") from error
    return path


def _train(
    *, stage: Stage, parent: Path, store: Store, cfg: Config, state: Path | None, directory: Path,
    tracker: Tracker | Literal[False] = False,
) -> None:  # fmt: skip
    """Train a stage into `directory`; runs on every rank, but only rank 0 writes.

    state: the checkpoint to resume from. Raises Unfit when that is impossible.
    """
    # Not earlier: importing Lightning sets INFO, with lines on hardware and tips. Warnings and errors stay.
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    unfinished = store.unfinished("stages", stage.key())
    run = multitask_run(stage, parent, store, cfg) if stage.tasks else single_task_run(stage, parent, store, cfg)
    if cfg.trainer.gradient_checkpointing:
        for model in run.models():
            model.gradient_checkpointing_enable({"use_reentrant": False})
    if attention := models.running(cfg.model, cfg.trainer.accelerator).attention:
        for model in run.models():
            model.set_attn_implementation(attention)
    if stage.run:
        pl.seed_everything(stage.order_seed, workers=True, verbose=False)  # the head has the weights of run 0
    minutes = None if cfg.trainer.sharded else cfg.trainer.checkpoint_minutes
    checkpoints = CheckpointCallback(unfinished, math.inf if minutes is None else minutes, run.achieved)
    trainer = _trainer(stage, cfg, run, checkpoints, tracker)
    log.info("%s: training on %d examples", stage.name, run.examples)
    _fit(trainer, run.module, run.data, state, checkpoints)
    if trainer.is_global_zero:
        seconds, accelerator = checkpoints.seconds(), cfg.trainer.accelerator
        facts = run.facts() | {
            "updates": trainer.global_step,
            "matched_by": stage.match,
            "seconds": round(seconds, 1),
            "hardware": hardware.kind(accelerator),
            "precision": trainer.precision,
        }
        _finish(stage, run, facts, directory, unfinished)
        speed.note(store, accelerator, cfg.model.name, "train", facts.get("tokens", 0), seconds)


def _trainer(
    stage: Stage, cfg: Config, run: TrainingRun, checkpoints: CheckpointCallback, tracker: Tracker | Literal[False]
) -> pl.Trainer:
    needs = ("loops", "callbacks", type(run.data).__qualname__)
    shown = TQDMProgressBar(refresh_rate=10) if bars(cfg) else ProgressLines(stage.name)
    return pl.Trainer(
        max_epochs=stage.recipe.epochs,
        accelerator=cfg.trainer.accelerator,
        devices=cfg.trainer.devices,
        strategy=_strategy(cfg, run.module),
        accumulate_grad_batches=cfg.trainer.accumulate_grad_batches,
        precision=models.running(cfg.model, cfg.trainer.accelerator).train,  # type: ignore[arg-type]
        deterministic=cfg.trainer.deterministic,
        gradient_clip_val=1.0,
        logger=tracker.open() if tracker else False,
        log_every_n_steps=max(1, min(10, run.examples // stage.recipe.batch_size)),
        callbacks=[run.select, checkpoints, shown],
        enable_progress_bar=bars(cfg),
        enable_checkpointing=False,  # CheckpointCallback writes them, not Lightning's own callback
        default_root_dir=checkpoints.path.parent,  # under Slurm, Lightning resumes from any hpc_ckpt_*.ckpt in it
        plugins=_plugins(cfg, SafeCheckpointIO(needs, (run.select.state_key, checkpoints.state_key))),
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        reload_dataloaders_every_n_epochs=1 if run.renewed else 0,
    )


def _finish(stage: Stage, run: TrainingRun, facts: dict[str, Any], directory: Path, unfinished: Path) -> None:
    """Write the stage: the kept weights with adapters merged, and training.json."""
    learned = run.select.facts()
    module = run.select.predictor.module
    module.cpu()
    for tuner in run.adapters:
        lora.merge(tuner)
    if name := not_finite(module.state_dict()):
        raise NotFinite(f"the weight {name} contains nan or inf after training: lower the learning rate")
    _save(module, directory, unfinished)
    text = json.dumps({"stage": stage.name, **facts, "dev_metric": stage.metric, **learned}, indent=1)
    write_atomic(directory / TRAINING, text)
