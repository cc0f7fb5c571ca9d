"""Task families by name: all facts about them that need no model.

A family is a module here with an object `family`, and the Lightning module that it names. Another package adds its own
by an entry point of the group `xtreme_noise.tasks` (parts.py).
"""

from __future__ import annotations

from contextlib import nullcontext, suppress
from functools import cache

from xtreme_noise.errors import ConfigError
from xtreme_noise.parts import TASKS
from xtreme_noise.tasks.base import NoiseField, TaskFamily


def names() -> tuple[str, ...]:
    """Names of all task families, in the order that messages list them."""
    return tuple(TASKS.names())


@cache
def family(name: str) -> TaskFamily:
    """The task family of this name. Raises ConfigError, with the nearest name, for an unknown one."""
    found: TaskFamily = TASKS.instance(name)
    if found.name != name:
        raise ConfigError(f"the task family {found.name!r} has the entry point {name!r}: give both the same name")
    return found


def having(trait: str) -> tuple[str, ...]:
    """Names of the families that have a trait, such as `head`. A broken family of another package is skipped here; it
    is an error only where it is used.
    """
    chosen, brought = [], TASKS.external()
    for name in names():
        with suppress(ConfigError) if name in brought else nullcontext():
            if getattr(family(name), trait):
                chosen.append(name)
    return tuple(chosen)


__all__ = ["NoiseField", "TaskFamily", "family", "having", "names"]
