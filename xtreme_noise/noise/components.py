"""Components of composite families: `families: {char: {weight: 2.0, swap: 0.0}, keyboard: {weight: 1.0}}`. To use a
family twice, give it another name: `title: {family: case, mode: title}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from xtreme_noise.errors import ConfigError
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.noise.registry import plain

_HEAVIEST = 1e100  # so that no share is lost in a sum of floats


class Component(NamedTuple):
    """A family and its weight, a number above 0 (default 1)."""

    weight: float
    perturber: Perturber


def components(family: str, wanted: Mapping[str, Any]) -> list[Component]:
    """The components of `family`, in the order given, without those of weight 0."""
    parts = []
    for name, given in wanted.items():
        key = f"noise.families.{family}.families.{name}"
        if not isinstance(given, Mapping | None):
            raise ConfigError(f"{key} must be a weight and parameters, not {given!r}")
        parameters = dict(given or {})
        weight, kind = parameters.pop("weight", 1.0), parameters.pop("family", name)
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise ConfigError(f"{key}.weight must be a number >= 0, not {weight!r}")
        if weight and not 1 / _HEAVIEST <= weight <= _HEAVIEST:
            raise ConfigError(f"{key}.weight must be 0 or from {1 / _HEAVIEST:g} to {_HEAVIEST:g}, not {weight!r}")
        try:
            perturber = plain(kind, parameters)
        except ConfigError as error:
            raise ConfigError(f"in noise.families.{family}.families: {error}") from None
        if weight:
            parts.append(Component(float(weight), perturber))
    if not parts:
        raise ConfigError(f"noise.families.{family}.families must name a family with a weight above 0")
    return parts


def shares(parts: list[Component], language: str) -> list[Component]:
    """The components that support a language, with weights that sum to 1."""
    able = [part for part in parts if part.perturber.supports(language)]
    total = sum(part.weight for part in able)
    return [Component(part.weight / total, part.perturber) for part in able]


def described(family: str, version: int, parts: list[Component]) -> str:
    """The signature of a composite family: the weights and signatures of its components."""
    return f"{family}/v{version}({' + '.join(f'{part.weight:g} {part.perturber.signature}' for part in parts)})"
