"""The files of options as they are, without Hydra, which takes a fifth of a second for each: mode=list shows them all.

Nothing is checked: the options that a command chooses are composed by Hydra.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from xtreme_noise.config.where import Sources
from xtreme_noise.config.written import SafeLoader
from xtreme_noise.errors import ConfigError

_SELF, _HERE = "_self_", "_here_"


def read(sources: Sources, group: str, option: str) -> dict[str, Any]:
    """The keys and values of an option, with those of the options in its defaults list merged in Hydra's order.

    They are those below the key of its group: name, family, ... of a task. Raises ConfigError for a file that is not
    YAML, or not of this kind.
    """
    config = f"{group}/{option}"
    path = sources.path(config)
    try:
        if path is None:
            raise ConfigError(f"there is no config file {config!r}")
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=SafeLoader) or {}
        entries = content.pop("defaults", [])
        found: dict[str, Any] = {}
        for entry in entries if _SELF in entries else [*entries, _SELF]:
            found = _merged(found, content if entry == _SELF else _other(sources, group, entry))
        return found
    except (OSError, ValueError, TypeError, AttributeError, RecursionError, yaml.YAMLError) as error:
        said = str(error).replace("\n", " ")
        raise ConfigError(f"{sources.file(config)} cannot be read: {said}") from error


def _other(sources: Sources, group: str, entry: Any) -> dict[str, Any]:
    """What one entry of a defaults list adds: `name`, `/group/name@_here_`, or `/group@where: name`."""
    named, option = next(iter(entry.items())) if isinstance(entry, Mapping) else (entry, None)
    place, _, where = str(named).partition("@")
    if place.startswith("/"):
        group, _, rest = place[1:].partition("/")
        option = option or rest
    found = read(sources, group, option or place)
    for name in reversed(where.split(".") if where not in ("", _HERE) else []):
        found = {name: found}
    return found


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`one` changed by `other`: mappings key by key, everything else whole."""
    found = dict(one)
    for key, value in other.items():
        before = found.get(key)
        found[key] = _merged(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return found


def about(sources: Sources, config: str) -> str:
    """The comment at the top of a file of options, as one line."""
    path = sources.path(config)
    lines = path.read_text(encoding="utf-8").splitlines() if path else []
    found: list[str] = []
    for line in lines:
        if not line.startswith("#"):
            break
        if "@package" not in line:
            found.append(line.lstrip("# ").strip())
    return " ".join(found)
