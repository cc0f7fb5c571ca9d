"""Parts from other packages: entry points of the groups xtreme_noise.tasks, .noise, .metrics and .loaders.

Only installed packages are imported, which the user trusts; nothing that a configuration or a results folder names is.
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
    """Names of the parts of other packages, sorted. part: tasks, noise, metrics or loaders; own: our own names.

    Raises ConfigError for a name that both have.
    """
    external = sorted(_points(part))
    for name in external:
        if name in own:
            point = _points(part)[name]
            raise ConfigError(
                f"the entry point {name!r} of xtreme_noise.{part} ({point.value}) has a name that is taken: rename it"
            )
    return external


def load(part: str, name: str, wanted: type) -> Any:
    """The part with this name. Raises ConfigError when it cannot be imported, or is not of the class `wanted`."""
    point = _points(part)[name]
    where = f"the entry point {name!r} of xtreme_noise.{part} ({point.value})"
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(loaded, wanted) or (isinstance(loaded, type) and issubclass(loaded, wanted))):
        raise ConfigError(f"{where} is {loaded!r:.80}, expected {wanted.__name__}")
    if lacking := sorted(getattr(loaded, "__abstractmethods__", ())):
        raise ConfigError(f"{where} lacks methods of {wanted.__name__}: {', '.join(lacking)}")
    return loaded
