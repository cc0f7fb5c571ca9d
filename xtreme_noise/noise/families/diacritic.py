"""Diacritics: omitted or confused marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.marks import marks
from xtreme_noise.noise.weights import check_weights, thresholds

_REMEMBERED = 1 << 14  # graphemes of a language whose forms are remembered


@dataclass(frozen=True)
class DiacriticParameters:
    """Weights (>= 0, any scale): a mark is omitted, or replaced by another. A letter with only one of the two
    possibilities takes that one, unless its weight is 0.
    """

    drop: float = 3.0
    confuse: float = 1.0


class _Marked(Table):
    """Kind 1: a letter with marks."""

    def __init__(self, code: str, drop: bool, confuse: bool) -> None:
        super().__init__()
        self.code, self.drop, self.confuse = code, drop, confuse
        self.forms = lru_cache(maxsize=_REMEMBERED)(self.find)

    def find(self, grapheme: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is left of the grapheme, and what it is mistaken for."""
        own = marks(self.code)
        return own.lost(grapheme) if self.drop else (), own.mistaken(grapheme) if self.confuse else ()

    def classify(self, grapheme: str) -> int:
        return 1 if any(self.forms(grapheme)) else 0


class Family(EngineFamily):
    """Tashkeel, niqqud, tones, accents, dots, nukta, nasal signs and the like are omitted or confused. A text without
    them (most Arabic and Hebrew) has capacity 0.
    """

    family = "diacritic"
    version = 3
    stream = 2
    Parameters = DiacriticParameters

    def __init__(self, parameters: DiacriticParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.drop, parameters.confuse)
        check_weights("diacritic noise: drop and confuse", weights)
        (self._drop,) = thresholds(weights)

    def supports(self, language: str) -> bool:
        return language in LANGUAGES and marks(language).any

    def table(self, language: str) -> _Marked:
        return _Marked(language, self.parameters.drop > 0, self.parameters.confuse > 0)

    def propose(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: _Marked,
    ) -> Change | None:
        lost, mistaken = table.forms(units[site])
        forms = (lost or mistaken) if word & 0xFFFF < self._drop else (mistaken or lost)
        return site, site + 1, (forms[(word >> 16) % len(forms)],), 1
