"""Task families by name: what the rest of the program knows of each, without loading a model.

A family is a module here, `family` in it, and the Lightning module that it names. Another package brings
its own by an entry point of the group `xtreme_noise.tasks` (outside.py).
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
    found = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return [*_ORDER, *(name for name in found if name not in (*_ORDER, *_NO_FAMILY))]


@cache
def names() -> tuple[str, ...]:
    """Names of all task families."""
    own = _own()
    return (*own, *outside.names("tasks", own))


@cache
def family(name: str) -> TaskFamily:
    """The task family of this name. Raises ConfigError for an unknown one, with the nearest name."""
    if name not in names():
        raise ConfigError(f"unknown task family {name!r}{suggest(name, names(), 'task families')}")
    if name in _own():
        own: TaskFamily = importlib.import_module(f"{__name__}.{name}").family
        return own
    brought = outside.load("tasks", name, TaskFamily)
    found: TaskFamily = brought() if isinstance(brought, type) else brought
    if found.name != name:
        raise ConfigError(f"the task family {found.name!r} has the entry point {name!r}: give both one name")
    return found


def having(trait: str) -> tuple[str, ...]:
    """Names of the families that have a trait, such as `head`. One of another package that is broken is an error where
    it is asked for, and nowhere else.
    """
    own = _own()
    found = [name for name in own if getattr(family(name), trait)]
    for name in outside.names("tasks", own):
        with suppress(ConfigError):
            if getattr(family(name), trait):
                found.append(name)
    return tuple(found)


__all__ = ["NoiseField", "TaskFamily", "family", "having", "names"]
