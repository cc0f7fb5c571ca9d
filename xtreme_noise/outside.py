"""Parts that other packages bring: entry points of the groups xtreme_noise.tasks, .noise, .metrics and .loaders.

Who installs a package trusts it: nothing else that a configuration or a results folder names is imported.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from xtreme_noise.errors import ConfigError


@cache
def _points(part: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"xtreme_noise.{part}")}


def names(part: str, own: Collection[str]) -> list[str]:
    """Names of the parts of other packages, sorted. part: tasks, noise, metrics or loaders; own: those that are ours.

    Raises ConfigError for a name that both have.
    """
    found = sorted(_points(part))
    for name in found:
        if name in own:
            point = _points(part)[name]
            raise ConfigError(
                f"the entry point {name!r} of xtreme_noise.{part} ({point.value}) has a name that is taken: rename it"
            )
    return found


def load(part: str, name: str, wanted: type) -> Any:
    """The part of this name. Raises ConfigError when it cannot be imported, or is no `wanted` (or subclass of it)."""
    point = _points(part)[name]
    where = f"the entry point {name!r} of xtreme_noise.{part} ({point.value})"
    try:
        found = point.load()
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(found, wanted) or (isinstance(found, type) and issubclass(found, wanted))):
        raise ConfigError(f"{where} is {found!r:.80}, wanted {wanted.__name__}")
    if lacking := sorted(getattr(found, "__abstractmethods__", ())):
        raise ConfigError(f"{where} lacks what every {wanted.__name__} has: {', '.join(lacking)}")
    return found
