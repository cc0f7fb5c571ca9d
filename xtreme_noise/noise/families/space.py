"""Spaces: omitted, inserted into words, doubled, or turned into no-break spaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily
from xtreme_noise.noise.inside import LETTER, InsideTable
from xtreme_noise.noise.weights import check_weights, thresholds

_SPACE = 2
_INSIDE_TO_A_SPACE = 4  # borders inside words for every space, in most languages


@dataclass(frozen=True)
class SpaceParameters:
    """Weights (>= 0, any scale): a space left out, one put between two letters, one doubled, one become a no-break
    space (U+00A0). They hold where words have five letters, and as long as spaces last; Chinese, Japanese,
    Thai and Burmese text mostly has room for `split` only.
    """

    join: float = 2.0
    split: float = 2.0
    double: float = 1.0
    nbsp: float = 0.5


class _Spaces(InsideTable):
    """LETTER: a letter after a letter; _SPACE: one space between two other characters."""

    def __init__(self, spaced: bool, spaces: bool, letters: bool) -> None:
        super().__init__()
        self.spaced, self.spaces, self.letters = spaced, spaces, letters

    def classify(self, grapheme: str) -> int:
        return _SPACE if grapheme == " " else super().classify(grapheme)

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = bytearray(super().kinds(text, units))
        if not self.letters:
            kinds = kinds.replace(b"\1", b"\0")
        last = len(units) - 1
        at = kinds.find(_SPACE)
        while at >= 0:
            if not self.spaces or not 0 < at < last or units[at - 1].isspace() or units[at + 1].isspace():
                kinds[at] = 0
            at = kinds.find(_SPACE, at + 1)
        return kinds


class Family(EngineFamily):
    """Words are joined, split, or separated by other spaces. The number of words changes, so this noise does not apply
    to tokens.
    """

    family = "space"
    version = 1
    Parameters = SpaceParameters
    keeps_tokens = False

    def __init__(self, parameters: SpaceParameters) -> None:
        super().__init__(parameters)
        weights = (parameters.join, parameters.double, parameters.nbsp, parameters.split)
        check_weights("space noise: weights", weights)
        spaces = sum(weights[:3])
        self._acts = spaces > 0, parameters.split > 0
        # Thresholds on 16 bits: of a draw at a space; of one at a letter, of which there are more.
        self._join, self._double = thresholds(weights[:3]) if spaces else (0, 0)
        self._split = round(65536 * min(1.0, parameters.split / spaces / _INSIDE_TO_A_SPACE)) if spaces else 65536

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Spaces:
        return _Spaces(LANGUAGES[language].spaces, *self._acts)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Spaces
    ) -> Change | None:
        if table.spaced and kinds[site] == LETTER and word & 0xFFFF >= self._split:
            return None
        return self.replace(word, site, units, kinds, table)

    def replace(
        self,
        word: int,
        site: int,
        units: Sequence[str],  # noqa: ARG002
        kinds: Sequence[int],
        table: _Spaces,  # noqa: ARG002
    ) -> Change | None:
        draw = word & 0xFFFF
        if kinds[site] == LETTER:
            return site, site, (" ",), 1
        if draw < self._join:
            return site, site + 1, (), 1
        if draw < self._double:
            return site, site, (" ",), 1
        return site, site + 1, ("\u00a0",), 1
