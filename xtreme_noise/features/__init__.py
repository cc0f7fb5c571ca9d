"""The features of a task family, without its Lightning module."""

from __future__ import annotations

import importlib

from xtreme_noise import tasks
from xtreme_noise.features.base import Features


def features_class(family: str) -> type[Features] | None:
    """The features of a task family; None if only its Lightning module makes them. Raises ConfigError."""
    if (named := tasks.family(family).features) is None:
        return None
    path, _, name = named.partition(":")
    loaded: type[Features] = getattr(importlib.import_module(path), name)
    return loaded


__all__ = ["Features", "features_class"]
