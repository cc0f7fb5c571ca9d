"""The strict check: turns a composed config into a typed Config, or raises a ConfigError that says what and where.

Hydra accepts any key after + or ++; here every key must be in the schema. Then every value must have its declared
type, and then the values must make sense together (config/sense.py).
"""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from xtreme_noise.config import arms, limits, places, sense, trees
from xtreme_noise.config.explain import explain
from xtreme_noise.config.fits import Fits
from xtreme_noise.config.keys import hints, inner, unknown_key, wrong_value
from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

LARGEST = 2**63
_NO_SOURCES = Sources()
_FIELDS = [field.name for field in dataclasses.fields(Config)]


def check(composed: DictConfig, sources: Sources = _NO_SOURCES) -> Config:
    """The typed configuration of a job. Raises ConfigError.

    `composed` is Hydra's result, with or without its `hydra` node; `sources` lets messages name the override, or the
    file and line, with the mistake.
    """
    plain = {key: trees.plain(node) for key, node in _nodes(composed).items() if key != "hydra"}
    _walk(plain, Config, "", sources)
    try:
        typed = _typed(composed, plain)
    except OmegaConfBaseException as error:
        raise explain(error, sources) from None
    arms.choose(typed.intermediate, sources)
    places.expand(typed, sources)
    sense.check(typed, sources)
    Fits(typed, sources).run()
    limits.apply(typed)
    _sizes(plain, "", sources)
    return typed


def _nodes(composed: DictConfig) -> dict[str, Any]:
    nodes: dict[str, Any] = composed.__dict__["_content"]
    return nodes


def _typed(composed: DictConfig, plain: dict[str, Any]) -> Config:
    """The dataclasses of a composed config, with interpolations resolved. plain: its values without hydra."""
    if OmegaConf.get_type(composed) is not Config:  # composed without `- schema` in the defaults list
        with_schema = OmegaConf.merge(OmegaConf.structured(Config), OmegaConf.masked_copy(composed, _FIELDS))
        assert isinstance(with_schema, DictConfig)
        return _typed(with_schema, trees.plain(with_schema))
    values: dict[str, Any] = {}
    for name in _FIELDS:  # without the hydra node, which is larger than all others together
        if trees.settled(plain[name]):
            values[name] = trees.objects(_nodes(composed)[name])
        else:
            value = composed[name]
            values[name] = OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
    return Config(**values)


def _sizes(value: Any, path: str, sources: Sources) -> None:
    """Raise ConfigError for a number that is too large for a table."""
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        raise ConfigError(f"{path}{sources.of(path)} is {value}: a whole number must fit into 64 bits")
    for key, item in value.items() if isinstance(value, dict) else ():
        _sizes(item, f"{path}.{key}" if path else str(key), sources)
    for number, item in enumerate(value) if isinstance(value, list) else ():
        _sizes(item, f"{path}[{number}]", sources)


def _walk(value: Any, hint: Any, path: str, sources: Sources) -> None:
    """Compare keys and shape of `value` with a declared type; OmegaConf converts and checks the leaves."""
    hint = inner(hint)
    if isinstance(value, str) and value.startswith("${"):
        return  # an interpolation: resolved and checked later, with the types
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            if value is not None:
                raise wrong_value(path, value, hint, sources.of(path))
            return
        known = hints(hint)
        for key, item in value.items():
            dotted = f"{path}.{key}" if path else str(key)
            if key not in known:
                raise unknown_key(dotted, list(known), sources.of(dotted), sources.groups())
            _walk(item, known[str(key)], dotted, sources)
    elif typing.get_origin(hint) is list and value is not None:
        if not isinstance(value, list):
            raise wrong_value(path, value, hint, sources.of(path))
        for index, item in enumerate(value):
            _walk(item, typing.get_args(hint)[0], f"{path}[{index}]", sources)
    elif typing.get_origin(hint) is dict and value is not None:
        if not isinstance(value, dict):
            raise wrong_value(path, value, hint, sources.of(path))
        for key, item in value.items():
            _walk(item, typing.get_args(hint)[1], f"{path}.{key}", sources)
    elif hint in (str, int, float, bool) and isinstance(value, dict | list):
        raise wrong_value(path, value, hint, sources.of(path))
