"""The Lightning module of a task family: features, head, loss, predictions."""

from __future__ import annotations

import importlib

from xtreme_noise import tasks
from xtreme_noise.modules.base import TaskModule


def module_class(family: str) -> type[TaskModule]:
    """The class that the task family names. Raises ConfigError for an unknown family."""
    path, _, name = tasks.family(family).module.partition(":")
    found: type[TaskModule] = getattr(importlib.import_module(path), name)
    return found


__all__ = ["TaskModule", "module_class"]
