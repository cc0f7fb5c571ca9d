"""A weighted mixture of families with one budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from xtreme_noise.errors import ConfigError
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.components import Component, components, described, shares
from xtreme_noise.noise.engine import EngineFamily, Table

_BYTES = 256
_REJECTED = 8.0  # maximum mean number of draws per change, spent to keep the shares of families that act rarely


@dataclass(frozen=True)
class MixParameters:
    """families: name -> weight (its share of the changes, any scale) and parameters of that family."""

    families: dict[str, Any] = field(
        default_factory=lambda: {"char": {"weight": 1.0}, "keyboard": {"weight": 1.0}},
    )


class _Mixture(Table):
    """The tables of the components. A kind here stands for the tuple of a grapheme's kinds in all of them."""

    def __init__(self, parts: list[Component], language: str) -> None:
        super().__init__()
        self.parts: list[tuple[float, Any]] = [(part.weight, part.perturber) for part in parts]
        self.tables = [family.table(language) for _, family in self.parts]
        self.numbers = _Numbers(len(parts))
        self.last: _Text | None = None

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = zip(*[table.kinds(text, units) for table in self.tables], strict=True)
        found = list(map(self.numbers.__getitem__, kinds))
        return bytes(found) if self.numbers.narrow else found

    def text(self, kinds: Sequence[int]) -> _Text:
        """The text of these kinds: every proposal for it brings the same object."""
        last = self.last
        if last is None or last.kinds is not kinds:
            last = self.last = _Text(kinds, self.numbers, [weight for weight, _ in self.parts])
        return last


class _Numbers(dict[tuple[int, ...], int]):
    """Tuples of kinds, numbered as they come: 0 is where nothing can act. tuples: by number; columns: the same by
    component; narrow: numbers and kinds are bytes so far (a mix in a mix may have more), and all are in the columns.
    """

    def __init__(self, size: int) -> None:
        super().__init__({(0,) * size: 0})
        self.tuples = list(self)
        self.columns = [bytearray(_BYTES) for _ in range(size)]
        self.narrow = True

    def __missing__(self, kinds: tuple[int, ...]) -> int:
        number = self[kinds] = len(self.tuples)
        self.tuples.append(kinds)
        self.narrow = self.narrow and max(number, *kinds) < _BYTES
        if self.narrow:
            for column, kind in zip(self.columns, kinds, strict=True):
                column[number] = kind
        return number


class _Text:
    """The choice of components at each grapheme of one text.

    A component that can act on few graphemes is chosen more often there, so that its share of all draws equals its
    weight; the remaining draws lead to no change.
    """

    def __init__(self, kinds: Sequence[int], numbers: _Numbers, weights: Sequence[float]) -> None:
        self.kinds = kinds
        self.tuples = numbers.tuples
        self.columns = numbers.columns
        self.weights = weights
        self._own: dict[int, Sequence[int]] = {}

    @cached_property
    def limits(self) -> dict[int, list[tuple[int, int]]]:
        """Kind -> (upper limit of a 32-bit draw, number) of every component that acts there."""
        counts = {kind: count for kind, count in Counter(self.kinds).items() if kind}
        able = {kind: [i for i, own in enumerate(self.tuples[kind]) if own] for kind in counts}
        places = [0] * len(self.weights)
        for kind, count in counts.items():
            for i in able[kind]:
                places[i] += count
        sites = sum(counts.values())
        wanted = [weight * sites / place if place else 0.0 for weight, place in zip(self.weights, places, strict=True)]
        sums = {kind: sum([wanted[i] for i in own]) for kind, own in able.items()}
        most = min(max(sums.values()), _REJECTED)
        limits: dict[int, list[tuple[int, int]]] = {}
        for kind, own in able.items():
            scale, passed = 2**32 / max(most, sums[kind]), 0.0
            row = limits[kind] = []
            for i in own:
                passed += wanted[i]
                row.append((round(passed * scale), i))
        return limits

    def any(self, word: int, kind: int) -> int:
        """A component that acts on a grapheme of `kind`, by weight."""
        able = [i for i, own in enumerate(self.tuples[kind]) if own]
        left = word / 2**32 * sum(self.weights[i] for i in able)
        for i in able[:-1]:
            left -= self.weights[i]
            if left < 0:
                return i
        return able[-1]

    def own(self, i: int) -> Sequence[int]:
        """The kinds of the text in the eyes of component `i`."""
        kinds = self._own.get(i)
        if kinds is None:
            if isinstance(self.kinds, bytes):
                kinds = self.kinds.translate(self.columns[i])
            else:
                kinds = [self.tuples[kind][i] for kind in self.kinds]
            self._own[i] = kinds
        return kinds


class Family(EngineFamily):
    """Every change comes from one of the families, chosen by weight; they share the budget of the level. A family that
    does not support a language is left out there, and the others get its weight.
    """

    family = "mix"
    version = 1
    Parameters: ClassVar[type] = MixParameters

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters)
        self.parts = components(self.family, parameters.families)
        for part in self.parts:
            if not isinstance(part.perturber, EngineFamily):
                raise ConfigError(
                    f"noise.families.{self.family}.families.{part.perturber.family}: {part.perturber.family} cannot be "
                    "mixed, because it does not make one change at a time; use noise=sequence"
                )
        self.label_preserving = all(part.perturber.label_preserving for part in self.parts)
        self.keeps_tokens = all(part.perturber.keeps_tokens for part in self.parts)
        self.keeps_script = all(part.perturber.keeps_script for part in self.parts)
        self.joins = any(family.joins for family in self._engines)

    @property
    def _engines(self) -> list[EngineFamily]:
        return [part.perturber for part in self.parts if isinstance(part.perturber, EngineFamily)]

    @cached_property
    def for_tokens(self) -> EngineFamily:
        """A mixture of what its families do to tokens."""
        parts = [Component(part.weight, own.for_tokens) for part, own in zip(self.parts, self._engines, strict=True)]
        if parts == self.parts:
            return self
        other = type(self)(self.parameters)
        other.parts = parts
        return other

    @property
    def signature(self) -> str:
        # Of a mixture that does less to tokens, the first version did all of it: numbers of asr in several words.
        less = "+tokens" if self.for_tokens is not self else ""
        return described(self.family, self.version, self.parts) + less

    def supports(self, language: str) -> bool:
        return any(part.perturber.supports(language) for part in self.parts)

    def table(self, language: str) -> _Mixture:
        return _Mixture(shares(self.parts, language), language)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Mixture
    ) -> Change | None:
        last = table.last
        text = last if last is not None and last.kinds is kinds else table.text(kinds)
        limits = text.limits[kinds[site]]
        if word >= limits[-1][0]:
            return None
        for limit, chosen in limits:
            if word < limit:
                change: Change | None = table.parts[chosen][1].propose(
                    _scrambled(word), site, units, text.own(chosen), table.tables[chosen]
                )
                return change
        return None

    def replace(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Mixture
    ) -> Change | None:
        text = table.text(kinds)
        chosen = text.any(word, kinds[site])
        change: Change | None = table.parts[chosen][1].replace(
            _scrambled(word), site, units, text.own(chosen), table.tables[chosen]
        )
        return change


def _scrambled(word: int) -> int:
    """Another 32-bit draw from the one that has chosen the component (the finaliser of MurmurHash3)."""
    word = (word ^ word >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    word = (word ^ word >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return word ^ word >> 16
