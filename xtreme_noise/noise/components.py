"""Families made of others: `families: {char: {weight: 2.0, swap: 0.0}, keyboard: {weight: 1.0}}`. To have one twice,
give it another name: `title: {family: case, mode: title}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from xtreme_noise.errors import ConfigError
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.noise.registry import plain

_HEAVIEST = 1e100  # so that no share of a sum is lost


class Component(NamedTuple):
    """A family and its part of the whole, a number above 0 (1 where none is given)."""

    weight: float
    perturber: Perturber


def components(family: str, wanted: Mapping[str, Any]) -> list[Component]:
    """The families that `family` is made of, in the order given; those of weight 0 are left out."""
    found = []
    for name, given in wanted.items():
        key = f"noise.families.{family}.families.{name}"
        if not isinstance(given, Mapping | None):
            raise ConfigError(f"{key} must hold a weight and parameters, not {given!r}")
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
            found.append(Component(float(weight), perturber))
    if not found:
        raise ConfigError(f"noise.families.{family}.families must name a family of a weight above 0")
    return found


def shares(parts: list[Component], language: str) -> list[Component]:
    """The components that can act in a language, their weights as shares of 1."""
    able = [part for part in parts if part.perturber.supports(language)]
    total = sum(part.weight for part in able)
    return [Component(part.weight / total, part.perturber) for part in able]


def described(family: str, version: int, parts: list[Component]) -> str:
    """The signature of the whole: weights and signatures of all that it is made of."""
    return f"{family}/v{version}({' + '.join(f'{part.weight:g} {part.perturber.signature}' for part in parts)})"
