"""Refuses texts that YAML misreads: YAML 1.1 reads a bare yes, 010, 12:30 or 1e3 as a truth value or a number."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf._utils import get_yaml_loader  # Hydra reads files with it: its rules, not a copy of them

from xtreme_noise.config.keys import hints, inner, schema_at
from xtreme_noise.config.where import package, shown
from xtreme_noise.errors import ConfigError

LOADER = get_yaml_loader()


class SafeLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same rules, with the parser in C, for the many files that this program writes."""

    yaml_implicit_resolvers = LOADER.yaml_implicit_resolvers


_OTHER = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def not_as_written(value: Any, hint: Any, text: str) -> str | None:
    """The first value in a parsed override that should be text but differs from what was typed; None if none does."""
    hint = inner(hint)
    if hint is str:
        if value is None or isinstance(value, str | list | dict):
            return None
        typed = re.search(rf"(?<![\w.+-]){re.escape(str(value))}(?![\w.])", text)
        return None if typed else str(value)
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is list and isinstance(value, list):
        found = (not_as_written(item, arguments[0], text) for item in value)
    elif typing.get_origin(hint) is dict and isinstance(value, dict):
        found = (
            not_as_written(item, kind, text)
            for pair in value.items()
            for item, kind in zip(pair, arguments, strict=True)
        )
    elif dataclasses.is_dataclass(hint) and isinstance(value, dict):
        known = hints(hint)
        found = (not_as_written(item, known.get(str(key)), text) for key, item in value.items())
    else:
        return None
    return next((one for one in found if one is not None), None)


@cache
def check(config: str, path: Path, changed: tuple[int, ...]) -> None:  # noqa: ARG001
    """Raise ConfigError for a text in a config file that YAML misreads. changed: where.stamp."""
    text = path.read_text(encoding="utf-8")
    place = package(text, config)
    for found, key in _other(yaml.compose(text, Loader=SafeLoader), schema_at(place), tuple(map(str, place))):
        word, read, dotted = found.value, _read(found), ".".join(key)
        norwegian = "; Norwegian Bokmål is `nb` here" if word.lower() == "no" and "languages" in key else ""
        raise ConfigError(
            f"{dotted} ({shown(path)}, line {found.start_mark.line + 1}): YAML reads a bare `{word}` as {read!r}: "
            f'write it in quotes, "{word}"{norwegian}'
        )


def _other(
    node: yaml.Node | None, hint: Any, key: tuple[str, ...]
) -> Iterator[tuple[yaml.ScalarNode, tuple[str, ...]]]:
    """Scalars that should be text and that YAML misreads, each with its key."""
    hint = inner(hint)
    if isinstance(node, yaml.ScalarNode):
        if hint is str and node.tag in _OTHER and str(_read(node)) != node.value:
            yield node, key
    elif isinstance(node, yaml.SequenceNode) and typing.get_origin(hint) is list:
        for item in node.value:
            yield from _other(item, typing.get_args(hint)[0], key)
    elif isinstance(node, yaml.MappingNode):
        known = hints(hint) if dataclasses.is_dataclass(hint) else {}
        names, values = typing.get_args(hint) if typing.get_origin(hint) is dict else (None, None)
        for name, value in node.value:
            yield from _other(name, names, key)
            yield from _other(value, known.get(name.value, values), (*key, str(name.value)))


def _read(node: yaml.ScalarNode) -> Any:
    return LOADER("").construct_object(node)
