"""The keys of the schema with their types, and the errors for unknown keys and values of a wrong type."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import split_key
from xtreme_noise.errors import ConfigError, Unusable, composes, nearest


def hints(declared: Any) -> dict[str, Any]:
    """The declared type of each field of a dataclass. Not to be changed."""
    return _hints(declared)


@cache
def _hints(declared: Any) -> dict[str, Any]:
    return typing.get_type_hints(declared)


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
            hint = hints(hint).get(str(part))
        elif typing.get_origin(hint) in (dict, list):
            hint = typing.get_args(hint)[-1]
        elif hint is not Any:
            return None
    return inner(hint)


def optional_parent(dotted: str) -> str | None:
    """The optional mapping around a key: task.first of task.first.recipe.epochs."""
    parts = split_key(dotted)
    hint: Any = Config
    for depth, part in enumerate(parts[:-1], 1):
        hint = hints(inner(hint)).get(str(part)) if dataclasses.is_dataclass(inner(hint)) else None
        if hint is not inner(hint) and dataclasses.is_dataclass(inner(hint)):
            return ".".join(map(str, parts[:depth]))
    return None


def in_open_mapping(dotted: str) -> bool:
    """Whether a key is inside a mapping whose names the schema leaves open, such as noise.families.char.x."""
    parts = split_key(dotted)
    parents = [schema_at(parts[:depth]) for depth in range(1, len(parts))]
    return any(typing.get_origin(hint) is dict and typing.get_args(hint)[1] in (Any, float) for hint in parents)


def ambiguous(text: str) -> ConfigError:
    """The error for `key=a,b` without -m: it could be a sweep or a list."""
    key, _, value = text.partition("=")
    many = many_of(key)
    listed = f"; for one list write {many}=[{value}]" if many else ""
    return ConfigError(f"{text}: to sweep over these values add -m{listed}")


def many_of(key: str) -> str | None:
    """The key that takes a list of the values of `key` (languages for language), if there is one."""
    lists = (many for many in (f"{key}s", key) if typing.get_origin(schema_at(split_key(many))) is list)
    return "noise" if key == "noise" else next(lists, None)


def all_keys(*, within: str = "") -> list[str]:
    """Every dotted key of the schema that has a fixed name and that every job has.

    within: a key whose parts are included even if not every job has them (task.first is null in most tasks).
    """
    found: list[str] = []

    def walk(cls: Any, prefix: str) -> None:
        for name, hint in hints(cls).items():
            found.append(prefix + name)
            if dataclasses.is_dataclass(hint) or (
                dataclasses.is_dataclass(inner(hint)) and f"{within}.".startswith(f"{prefix}{name}.")
            ):
                walk(inner(hint), f"{prefix}{name}.")

    walk(Config, "")
    return found


def unknown_key(dotted: str, known: list[str], at: str, groups: list[str]) -> Unusable:
    """The error for a key that the schema does not have.

    `known` are the keys of its parent, `at` says who wrote it, `groups` are the config groups.
    """
    parent, _, name = dotted.rpartition(".")
    listed = f" Known keys{f' of {parent}' if parent else ''}: {', '.join(sorted(known))}"
    unknown = f"unknown key {dotted!r}{at}"
    if not parent:
        near = nearest(name, [*(group for group in groups if group not in known), *known], cutoff=0.6)
        if near in groups and near not in known:
            return Unusable(f"{unknown}; did you mean the group {near!r} (written +{near}=name)?")
    works = composes.get()
    found = next((key for key in _instead(dotted, known) if works(dotted, key, False)), None)
    return Unusable(f"{unknown}; did you mean {found!r}?{listed}" if found else f"{unknown}.{listed}")


def _instead(dotted: str, known: Sequence[str]) -> Iterator[str]:
    """Keys that may be meant, likeliest first: similar siblings, then the same name elsewhere, then similar names."""
    parent, _, name = dotted.rpartition(".")
    for near in difflib.get_close_matches(name, sorted(known), n=2, cutoff=0.5):
        yield f"{parent}.{near}" if parent else near
    if difflib.get_close_matches(name, known, n=1, cutoff=0.7):
        return  # one of these must be meant, and another would mislead

    def distance(key: str) -> tuple[int, int]:  # a key in the same group is nearer, then one nearer to the top
        return (key.split(".")[0] != dotted.split(".")[0], key.count("."))

    everywhere = sorted(all_keys(within=dotted), key=distance)
    tails = dict.fromkeys(key.rpartition(".")[2] for key in everywhere)
    like = [name, *difflib.get_close_matches(name, tails, n=2, cutoff=0.7)]
    elsewhere = (key for tail in dict.fromkeys(like) for key in everywhere if key.rpartition(".")[2] == tail)
    yield from islice(elsewhere, 4)


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


def wrong_value(dotted: str, value: Any, hint: Any, at: str) -> Unusable:
    """The error for a value of the wrong type."""
    return Unusable(f"{dotted} must be {kind(hint)}, not {value!r}{at}")
