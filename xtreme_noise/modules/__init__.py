"""The Lightning module of a task family: features, head, loss, predictions."""

from __future__ import annotations

import importlib

from xtreme_noise import tasks
from xtreme_noise.modules.base import TaskModule


def module_class(family: str) -> type[TaskModule]:
    """The module class of a task family. Raises ConfigError for an unknown family."""
    path, _, name = tasks.family(family).module.partition(":")
    loaded: type[TaskModule] = getattr(importlib.import_module(path), name)
    return loaded


__all__ = ["TaskModule", "module_class"]
