"""Task families by name: all facts about them that need no model.

A family is a module here with an object `family`, and the Lightning module that it names. Another package adds its own
by an entry point of the group `xtreme_noise.tasks` (outside.py).
"""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress
from functools import cache
from pathlib import Path

from xtreme_noise import outside
from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.tasks.base import NoiseField, TaskFamily

_NO_FAMILY = ("base", "rows")
# In the order that messages list them; those without labelled test sets come last.
_ORDER = ("classification", "tagging", "qa", "retrieval", "multiple_choice", "ranking", "mining")


def _own() -> list[str]:
    modules = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return [*_ORDER, *(name for name in modules if name not in (*_ORDER, *_NO_FAMILY))]


@cache
def names() -> tuple[str, ...]:
    """Names of all task families."""
    own = _own()
    return (*own, *outside.names("tasks", own))


@cache
def family(name: str) -> TaskFamily:
    """The task family of this name. Raises ConfigError, with the nearest name, for an unknown one."""
    if name not in names():
        raise ConfigError(f"unknown task family {name!r}{suggest(name, names(), 'task families')}")
    if name in _own():
        own: TaskFamily = importlib.import_module(f"{__name__}.{name}").family
        return own
    external = outside.load("tasks", name, TaskFamily)
    instance: TaskFamily = external() if isinstance(external, type) else external
    if instance.name != name:
        raise ConfigError(f"the task family {instance.name!r} has the entry point {name!r}: give both the same name")
    return instance


def having(trait: str) -> tuple[str, ...]:
    """Names of the families that have a trait, such as `head`. A broken family of another package is skipped here; it
    is an error only where it is used.
    """
    own = _own()
    chosen = [name for name in own if getattr(family(name), trait)]
    for name in outside.names("tasks", own):
        with suppress(ConfigError):
            if getattr(family(name), trait):
                chosen.append(name)
    return tuple(chosen)


__all__ = ["NoiseField", "TaskFamily", "family", "having", "names"]
