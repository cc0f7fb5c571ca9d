"""Several tasks on one encoder: a module of its own family for each, whose encoders are one."""

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

HEADS = "heads"  # folder of what belongs to one task alone, a file each


class MultitaskModule(TaskModule):
    """Trained on batches (name of the task, tensors), one task each; every task keeps its own head.

    The encoder of the first module becomes that of all. recipe: learning rate, warm-up and weight decay of the whole.
    """

    family = "together"

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
        """It has nothing of what a module predicts with: that is each task's own."""
        made: Any = cls
        found: MultitaskModule = made(tasks, recipe, scale)
        return found

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        del batch_idx
        name, tensors = batch
        self.loss_name = f"training loss of {name}"
        loss = self.tasks[name].loss(tensors)
        self.log(f"train/loss/{name}", loss, batch_size=1)
        return loss

    def save(self, directory: Path) -> None:
        """The encoder for from_pretrained, and beside it what each task has of its own."""
        first = next(iter(self.tasks.values()))
        first.model.base_model.save_pretrained(directory)
        save_tokenizer(self.tokenizer, directory)
        (directory / HEADS).mkdir()
        for name, task in self.tasks.items():
            save_file(own(task), directory / HEADS / f"{name}.safetensors")


def _parts(module: TaskModule) -> list[str]:
    """The parts of an encoder that tasks share: all but the pooler, which some heads begin with."""
    return [name for name, _ in module.model.base_model.named_children() if name != "pooler"]


def share_encoder(one: TaskModule, other: TaskModule) -> None:
    """Give `other` the encoder of `one`: the same modules, not copies of them."""
    for name in _parts(one):
        setattr(other.model.base_model, name, getattr(one.model.base_model, name))


def own(module: TaskModule) -> dict[str, Tensor]:
    """The weights of a task alone, by their names in its model."""
    shared = tuple(f"{module.model.base_model_prefix}.{name}." for name in _parts(module))
    return {name: w.contiguous() for name, w in module.model.state_dict().items() if not name.startswith(shared)}
