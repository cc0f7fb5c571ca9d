"""Noise families by name: each is a module of xtreme_noise.noise.families, imported on first use."""

from __future__ import annotations

import importlib
import math
import types
import typing
from typing import Any

from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.parts import NOISE

# Imported now: later, it would take the place of the function noise.families().
importlib.import_module("xtreme_noise.noise.families")


def families() -> list[str]:
    """Names of all noise families, those of other packages last."""
    return NOISE.names()


def family_class(family: str) -> type[Perturber]:
    """The class of a family. Raises ConfigError, with the nearest name, for an unknown one."""
    found: type[Perturber] = NOISE.get(family)
    return found


def parameters_class(family: str) -> type:
    """The frozen dataclass of a family's parameters: names, types, defaults."""
    return family_class(family).Parameters


def checked_parameters(family: str, parameters: dict[str, Any]) -> Any:
    """The parameters as their dataclass. Raises ConfigError for an unknown name or a value of the wrong type."""
    cls = parameters_class(family)
    hints = typing.get_type_hints(cls)
    for name, value in parameters.items():
        if name not in hints:
            raise ConfigError(f"noise family {family!r} has no parameter {name!r}{suggest(name, hints, 'parameters')}")
        if not _fits(value, hints[name]):
            wanted = getattr(hints[name], "__name__", str(hints[name]))
            raise ConfigError(f"noise.families.{family}.{name} must be {wanted}, not {value!r}")
    return cls(**parameters)


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_fits(value, option) for option in typing.get_args(hint))
    kind = typing.get_origin(hint) or hint
    if kind is Any:
        return True
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def plain(family: str, parameters: dict[str, Any]) -> Perturber:
    """A perturber of `family` without the nlpaug Augmenter interface, whose import takes seconds."""
    return family_class(family)(checked_parameters(family, parameters))


def build(family: str, **parameters: Any) -> Perturber:
    """A perturber of `family` that is also a nlpaug Augmenter (see xtreme_noise.noise.augmenter)."""
    from xtreme_noise.noise.augmenter import as_augmenter  # imports nlpaug, which takes seconds

    cls = as_augmenter(family_class(family))
    return cls(checked_parameters(family, parameters))
