"""Punctuation: marks omitted, doubled, or exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.signs import DOUBLED, MARKS, quotes, to_ascii, to_native
from xtreme_noise.noise.weights import check_weights


@dataclass(frozen=True)
class PunctuationParameters:
    """Weights (>= 0, any scale): a mark omitted, doubled, or exchanged (native for ASCII, and vice versa). A mark for
    which the drawn operation is impossible gets another one.
    """

    drop: float = 2.0
    double: float = 1.0
    exchange: float = 1.0


class _Signs(Table):
    """Kind 1: a mark that can change in its context."""

    def __init__(self, code: str, weights: Sequence[float]) -> None:
        super().__init__()
        self.weights = weights
        self.ascii, self.native = to_ascii(code), to_native(code)
        self.quotes = quotes(code)

    def classify(self, grapheme: str) -> int:
        return 1 if grapheme in MARKS else 0

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = bytearray(super().kinds(text, units))
        at = kinds.find(1)
        while at >= 0:
            if not any(weight for weight, _ in self.ways(units, at)):
                kinds[at] = 0
            at = kinds.find(1, at + 1)
        return kinds

    def ways(self, units: Sequence[str], site: int) -> list[tuple[float, Change]]:
        """The possible changes of the mark at `site`, with weights: none between digits (3.5 is not 35); a mark is
        omitted only beside a letter or digit, so that no token becomes empty.
        """
        mark = units[site]
        before = units[site - 1] if site else ""
        after = units[site + 1] if site + 1 < len(units) else ""
        if before[:1].isdigit() and after[:1].isdigit():
            return []
        drop, double, exchange = self.weights
        changes: list[tuple[float, Change]] = []
        if before[:1].isalnum() or after[:1].isalnum():
            changes.append((drop, (site, site + 1, (), 1)))
        if mark in DOUBLED:
            changes.append((double, (site, site, (mark,), 1)))
        if other := self._other(mark, before):
            changes.append((exchange, (site, site + 1, (other,), 1)))
        return changes

    def _other(self, mark: str, before: str) -> str:
        if mark in self.ascii:
            return self.ascii[mark]
        own = bool(before) and before[0].isalpha()
        if mark == '"' and not (own and mark in self.native):
            opens = not before or before.isspace() or before in "(["
            return self.quotes[0 if opens else 1]
        if mark in "'\"":
            return self.native.get(mark, "") if own else ""
        return self.native.get(mark, "") if own and not before.isascii() else ""


class Family(EngineFamily):
    """Full stops, commas, quotation marks, brackets and the like are omitted, doubled, or exchanged. Marks between
    digits stay. The number of marks limits the noise.
    """

    family = "punctuation"
    version = 2
    Parameters = PunctuationParameters

    def __init__(self, parameters: PunctuationParameters) -> None:
        super().__init__(parameters)
        self._weights = (parameters.drop, parameters.double, parameters.exchange)
        check_weights("punctuation noise: weights", self._weights)

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Signs:
        return _Signs(language, self._weights)

    def propose(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: _Signs,
    ) -> Change | None:
        ways = table.ways(units, site)
        left = (word + 0.5) / 2**32 * sum(weight for weight, _ in ways)
        for weight, change in ways:
            left -= weight
            if left < 0:
                return change
        return None
