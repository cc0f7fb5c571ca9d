"""The keys of the schema: what exists, of which type, and the errors for keys and values that do not fit."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import split_key
from xtreme_noise.errors import ConfigError, suggest


def inner(hint: Any) -> Any:
    """The type inside `X | None`; any other type as it is."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(t for t in typing.get_args(hint) if t is not type(None))
    return hint


def schema_at(key: tuple[str | int, ...]) -> Any:
    """The declared type of a key; None when there is no such key."""
    hint: Any = Config
    for part in key:
        hint = inner(hint)
        if dataclasses.is_dataclass(hint):
            hint = typing.get_type_hints(hint).get(str(part))
        elif typing.get_origin(hint) in (dict, list):
            hint = typing.get_args(hint)[-1]
        elif hint is not Any:
            return None
    return inner(hint)


def in_open_mapping(dotted: str) -> bool:
    """Whether a key is inside a mapping whose names the schema leaves open, such as noise.families.char.x."""
    parts = split_key(dotted)
    parents = [schema_at(parts[:depth]) for depth in range(1, len(parts))]
    return any(typing.get_origin(hint) is dict and typing.get_args(hint)[1] in (Any, float) for hint in parents)


def ambiguous(text: str) -> ConfigError:
    """The error for `key=a,b` without -m: it could be a sweep or a list."""
    key, _, value = text.partition("=")
    hints = {many: schema_at(split_key(many)) for many in (f"{key}s", key)}
    lists = [many for many, hint in hints.items() if typing.get_origin(hint) is list or many == "noise"]
    listed = f"; for one list write {lists[0]}=[{value}]" if lists else ""
    return ConfigError(f"{text}: to sweep over these values add -m{listed}")


def all_keys() -> list[str]:
    """Every dotted key of the schema that has a fixed name."""
    found: list[str] = []

    def walk(cls: Any, prefix: str) -> None:
        for name, hint in typing.get_type_hints(cls).items():
            found.append(prefix + name)
            if dataclasses.is_dataclass(inner(hint)):
                walk(inner(hint), f"{prefix}{name}.")

    walk(Config, "")
    return found


def unknown_key(dotted: str, known: list[str], at: str, groups: list[str]) -> ConfigError:
    """The error for a key that the schema does not have.

    `known` are the keys of its parent, `at` says who wrote it, `groups` are the config groups.
    """
    parent, _, name = dotted.rpartition(".")
    siblings = suggest(name, known, f"keys of {parent}" if parent else "keys")
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
    if parent and near:
        listed = f"Known keys of {parent}: {', '.join(sorted(known))}"
        return ConfigError(f"unknown key {dotted!r}{at}; did you mean '{parent}.{near[0]}'? {listed}")
    if not parent:
        near = difflib.get_close_matches(name, [*groups, *known], n=1, cutoff=0.6)
        if near and near[0] in groups and near[0] not in known:
            return ConfigError(
                f"unknown key {dotted!r}{at}; did you mean the group {near[0]!r} (written +{near[0]}=name)?"
            )
        return ConfigError(f"unknown key {dotted!r}{at}{siblings}")
    elsewhere = [key for key in all_keys() if key.rpartition(".")[2] == name]
    if not elsewhere:
        # Of keys with one name, the one nearest to the top.
        tails = {key.rpartition(".")[2]: key for key in sorted(all_keys(), key=lambda key: -key.count("."))}
        elsewhere = [tails[tail] for tail in difflib.get_close_matches(name, tails, n=1, cutoff=0.7)]
    if elsewhere:
        return ConfigError(
            f"unknown key {dotted!r}{at}; did you mean {elsewhere[0]!r}? "
            f"Known keys of {parent}: {', '.join(sorted(known))}"
        )
    return ConfigError(f"unknown key {dotted!r}{at}{siblings}")


def kind(hint: Any) -> str:
    """A declared type in words."""
    hint = inner(hint)
    names = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    if hint in names:
        return names[hint]
    if typing.get_origin(hint) is list:
        item = inner(typing.get_args(hint)[0])
        of = (
            "mappings"
            if dataclasses.is_dataclass(item)
            else {int: "whole numbers", float: "numbers"}.get(item, "names")
        )
        return f"a list of {of}, written [a,b]"
    if dataclasses.is_dataclass(hint):
        return f"a mapping, whose keys are {', '.join(field.name for field in dataclasses.fields(hint))}"
    return "a mapping of keys to values"


def wrong_value(dotted: str, value: Any, hint: Any, at: str) -> ConfigError:
    """The error for a value of another type than declared."""
    return ConfigError(f"{dotted} must be {kind(hint)}, not {value!r}{at}")
