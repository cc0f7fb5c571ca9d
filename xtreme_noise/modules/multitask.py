"""Multitask training: a module for each task, all with the same encoder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from xtreme_noise.config.schema import RecipeConfig
from xtreme_noise.models.save import save_tokenizer
from xtreme_noise.modules.base import TaskModule

HEADS = "heads"  # folder with one file per task: the weights that only it has


class MultitaskModule(TaskModule):
    """Trained on batches (name of the task, tensors) of one task each; every task has its own head.

    All modules get the encoder of the first. recipe: learning rate, warm-up and weight decay for all tasks.
    """

    family = "multitask"

    def __init__(self, tasks: Mapping[str, TaskModule], recipe: RecipeConfig, learning_rate_scale: float = 1.0) -> None:
        first, *others = tasks.values()
        for other in others:
            share_encoder(first, other)
        super().__init__(
            torch.nn.ModuleDict({name: task.model for name, task in tasks.items()}),
            first.tokenizer,
            limits=first.limits,
            recipe=recipe,
            learning_rate_scale=learning_rate_scale,
        )
        self.tasks = dict(tasks)  # their models are those of `model`

    @classmethod
    def of(cls, tasks: Mapping[str, TaskModule], recipe: RecipeConfig, scale: float = 1.0) -> MultitaskModule:
        """An instance, although the abstract methods for predictions are missing: those belong to each task."""
        concrete: Any = cls
        module: MultitaskModule = concrete(tasks, recipe, scale)
        return module

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        del batch_idx
        name, tensors = batch
        self.loss_name = f"training loss of {name}"
        loss = self.tasks[name].loss(tensors)
        self.log(f"train/loss/{name}", loss, batch_size=1)
        return loss

    def save(self, directory: Path) -> None:
        """Write the encoder for from_pretrained, and the weights that belong to a single task beside it."""
        first = next(iter(self.tasks.values()))
        first.model.base_model.save_pretrained(directory)
        save_tokenizer(self.tokenizer, directory)
        (directory / HEADS).mkdir()
        for name, task in self.tasks.items():
            save_file(own(task), directory / HEADS / f"{name}.safetensors")


def _parts(module: TaskModule) -> list[str]:
    """The parts of an encoder that tasks share: all but the pooler, which some heads use."""
    return [name for name, _ in module.model.base_model.named_children() if name != "pooler"]


def share_encoder(one: TaskModule, other: TaskModule) -> None:
    """Give `other` the encoder of `one`: the same modules, not copies. A head tied to embeddings is tied to those."""
    for name in _parts(one):
        setattr(other.model.base_model, name, getattr(one.model.base_model, name))
    other.model.tie_weights()


def own(module: TaskModule) -> dict[str, Tensor]:
    """The weights that belong only to this task, each once, by their names in its model: none tied to the encoder's."""
    shared = tuple(f"{module.model.base_model_prefix}.{name}." for name in _parts(module))
    weights = module.model.state_dict()
    seen = {weight.data_ptr() for name, weight in weights.items() if name.startswith(shared)}
    mine = {}
    for name, weight in weights.items():
        if weight.data_ptr() not in seen:
            seen.add(weight.data_ptr())
            mine[name] = weight.contiguous()
    return mine
