"""Sentences sampled from the command grammars of home-assistant-intents, with the spans of their slots.

hassil's own sampler enumerates a template's sentences in order and loses the positions of the slots; this one walks the
same expression tree at random and keeps them. All random numbers come from `random.Random(text).random()`, whose
sequence is the same in all versions of Python, so the same seed gives the same sentences everywhere.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hassil.expression import Alternative, Group, ListReference, Permutation, RuleReference, TextChunk
from hassil.intents import RangeSlotList, TextSlotList

T = TypeVar("T")
Piece = tuple[str, str | None]  # text and the slot it fills
Path = tuple[int, ...]  # of a node in an expression tree: the item taken at every group on the way

NAMED = {  # the domain of a device -> columns of embedded_values.tsv with names for such a device
    "light": ("lights",),
    "switch": ("devices",),
    "fan": ("devices",),
    "input_boolean": ("devices",),
    "media_player": ("media",),
    "cover": ("covers",),
    "lock": ("doors",),
    "climate": ("climate",),
    "scene": ("scenes",),
    "script": ("scenes",),
    "weather": ("cities",),
    "vacuum": ("robots",),
}
ANY_DEVICE = ("lights", "devices", "media")
LISTS = {
    "area": ("areas",),
    "floor": ("floors",),
    "timer_name": ("timers",),
}  # lists without values in the package


def pick(rng: random.Random, items: Sequence[T]) -> T:
    """One of `items`."""
    return items[int(rng.random() * len(items))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """`items` in random order (Fisher-Yates)."""
    order = list(items)
    for last in range(len(order) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        order[last], order[other] = order[other], order[last]
    return order


@dataclass(frozen=True)
class Unit:
    """The unit of splitting, never shared by two splits: a template or, where an intent has few, a branch of one.

    fixed: path of an alternative -> the item taken there.
    """

    expression: Any
    rules: Mapping[str, Any]
    domains: tuple[str, ...]
    fixed: Mapping[Path, int] = field(default_factory=dict)

    def split(self) -> list[Unit]:
        """A unit for every branch of the widest alternative that all sentences go through; none when there is none."""
        best: tuple[Path, int] | None = None
        for path, width in self._choices(self.expression, ()):
            if best is None or width > best[1]:
                best = (path, width)
        if best is None:
            return []
        path, width = best
        return [Unit(self.expression, self.rules, self.domains, {**self.fixed, path: index}) for index in range(width)]

    def size(self) -> float:
        """The approximate number of sentences, with ten values for a list; only for comparing units."""
        return self._size(self.expression, ())

    def _size(self, node: Any, path: Path) -> float:
        if isinstance(node, RuleReference):
            return self._size(self.rules[node.rule_name].expression, (*path, 0))
        if isinstance(node, ListReference):
            return 10.0
        if isinstance(node, Alternative) and path in self.fixed:
            return self._size(node.items[self.fixed[path]], (*path, self.fixed[path]))
        if isinstance(node, Group):
            sizes = [self._size(item, (*path, index)) for index, item in enumerate(node.items)]
            return sum(sizes) if isinstance(node, Alternative) else math.prod(sizes)
        return 1.0

    def _choices(self, node: Any, path: Path) -> Iterator[tuple[Path, int]]:
        if isinstance(node, RuleReference):
            yield from self._choices(self.rules[node.rule_name].expression, (*path, 0))
        elif isinstance(node, Alternative):
            if path in self.fixed:
                index = self.fixed[path]
                yield from self._choices(node.items[index], (*path, index))
            elif len(node.items) > 1:
                yield path, len(node.items)
            elif node.items:
                yield from self._choices(node.items[0], (*path, 0))
        elif isinstance(node, Group):
            for index, item in enumerate(node.items):
                yield from self._choices(item, (*path, index))


@dataclass(frozen=True)
class Sampler:
    """Draws sentences of a language's units.

    lists: the package's own lists; values: fillers for the lists without values, by column; spaces: whether permuted
    parts are joined with spaces; command: draws a whole command (for "... in five minutes").
    """

    lists: Mapping[str, Any]
    values: Mapping[str, Sequence[str]]
    spaces: bool
    command: Callable[[random.Random], str]

    def draw(self, unit: Unit, rng: random.Random) -> list[Piece]:
        """The pieces of one sentence, in order."""
        return list(self._walk(unit.expression, (), unit, rng))

    def _walk(self, node: Any, path: Path, unit: Unit, rng: random.Random) -> Iterator[Piece]:
        if isinstance(node, TextChunk):
            yield node.original_text, None
        elif isinstance(node, RuleReference):
            yield from self._walk(unit.rules[node.rule_name].expression, (*path, 0), unit, rng)
        elif isinstance(node, ListReference):
            yield self._value(node, unit, rng), node.slot_name
        elif isinstance(node, Alternative):
            if node.items:
                index = unit.fixed[path] if path in unit.fixed else int(rng.random() * len(node.items))
                yield from self._walk(node.items[index], (*path, index), unit, rng)
        elif isinstance(node, Permutation):
            for index in shuffled(rng, range(len(node.items))):
                yield from self._walk(node.items[index], (*path, index), unit, rng)
                if self.spaces:
                    yield " ", None
        elif isinstance(node, Group):
            for index, item in enumerate(node.items):
                yield from self._walk(item, (*path, index), unit, rng)
        else:
            raise TypeError(f"unknown expression of hassil: {type(node).__name__}")

    def _value(self, reference: Any, unit: Unit, rng: random.Random) -> str:
        name = reference.list_name
        if name == "timer_command":
            return self.command(rng)
        columns: tuple[str, ...] = LISTS.get(name, ())
        if name == "name":
            columns = tuple(column for domain in unit.domains for column in NAMED.get(domain, ())) or ANY_DEVICE
        if columns:
            return pick(rng, [value for column in columns for value in self.values[column]])
        values = self.lists[name]
        if isinstance(values, RangeSlotList):
            count = (values.stop - values.start) // values.step + 1
            return str(values.start + values.step * int(rng.random() * count))
        if isinstance(values, TextSlotList):
            entry = pick(rng, values.values)
            return "".join(text for text, _ in self._walk(entry.text_in, (), unit, rng))
        raise TypeError(f"the list {name} has no values, neither in the package nor in embedded_values.tsv")


def units(intent: Any, rules: Mapping[str, Any]) -> list[Unit]:
    """The templates of an intent whose slots can be filled, in the order of the package."""
    templates = []
    for block in intent.data:
        wanted = block.requires_context.get("domain", ())
        domains = (wanted,) if isinstance(wanted, str) else tuple(wanted)
        local = {**rules, **block.expansion_rules}
        for sentence in block.sentences:
            names = {reference.list_name for reference in sentence.expression.list_references(local)}
            if "name" in names and domains and not any(domain in NAMED for domain in domains):
                continue  # a valve, a button: devices without names in embedded_values.tsv
            templates.append(Unit(sentence.expression, local, domains))
    return templates
