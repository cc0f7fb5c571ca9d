"""The tiny model (the fixture `tiny`) as the module of any task family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from xtreme_noise import models
from xtreme_noise.config.schema import ModelConfig, RecipeConfig
from xtreme_noise.features.base import Limits
from xtreme_noise.modules import module_class
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.stages.predictor import Predictor

TINY = ModelConfig(name="tiny", loader="random", max_length=64)
NLI: dict[str, Any] = {
    "text": [f"premise {'long ' * (n % 9)}{n}" for n in range(40)],
    "text_pair": [f"hypothesis {n % 7}" for n in range(40)],
    "label": [n % 3 for n in range(40)],
}


def module(
    path: Path, family: str, labels: Sequence[str] = (), max_length: int = 64, stride: int = 16, **recipe: Any
) -> TaskModule:
    """With a new head, always the same one."""
    torch.manual_seed(0)
    kind = module_class(family)
    model = models.load_model(kind.auto_class, path, TINY, **kind.head(labels))
    limits = Limits(max_length, stride)
    return kind(model, models.load_tokenizer(path), labels=labels, limits=limits, recipe=RecipeConfig(**recipe))


def predictor(some: TaskModule, tokens: int = 256) -> Predictor:
    return Predictor(some, device=torch.device("cpu"), precision="32-true", batch_tokens=tokens)
