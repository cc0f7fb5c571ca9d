"""Families that replace a grapheme by one of a few others, independent of its neighbours."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import lru_cache

from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table

_REMEMBERED = 1 << 14  # graphemes of a language whose choices are remembered


class ChoiceTable(Table):
    """Grapheme -> its possible replacements."""

    def __init__(self) -> None:
        super().__init__()
        self.choices = lru_cache(maxsize=_REMEMBERED)(self.find)

    @abstractmethod
    def find(self, grapheme: str) -> tuple[str, ...]:
        """Graphemes that may replace this one, not including itself; () if it stays."""

    def classify(self, grapheme: str) -> int:
        return 1 if self.choices(grapheme) else 0


class ChoiceFamily(EngineFamily):
    """All replacements of a grapheme are equally likely."""

    def propose(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: ChoiceTable,
    ) -> Change | None:
        choices = table.choices(units[site])
        return site, site + 1, (choices[word * len(choices) >> 32],), 1
