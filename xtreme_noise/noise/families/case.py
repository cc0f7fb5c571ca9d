"""Case: capitals that become small, or the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.segment import grapheme_words
from xtreme_noise.noise.text import graphemes, nfc

_CASED = {"Latn", "Cyrl", "Grek", "Armn"}  # Georgian capitals are written by no one
_TURKIC = {"tr", "az"}
_MODES = ("lower", "upper", "title", "random")
_SMALL, _CAPITAL = 1, 2


@dataclass(frozen=True)
class CaseParameters:
    """mode: `lower` (capitals become small, a row of capitals at once), `upper` (what is small in a word becomes
    capitals, at once), `title` (a word gets a capital), `random` (single letters change their case, either way).
    """

    mode: str = "lower"


class _Cases(Table):
    """Small letters and capitals that the mode changes."""

    def __init__(self, turkic: bool, kinds: set[int], first: bool) -> None:
        super().__init__()
        self.turkic, self.changed, self.first = turkic, kinds, first

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = super().kinds(text, units)
        if not self.first:
            return kinds
        first = bytearray(len(units))
        for start, _ in grapheme_words(units, "en"):  # every cased script puts spaces between words
            first[start] = kinds[start]
        return first

    def other(self, grapheme: str) -> str:
        """The letter in its other case; "" where it has none, or not as one letter."""
        if self.turkic and grapheme in "iıİI":
            return {"i": "İ", "ı": "I", "İ": "i", "I": "ı"}[grapheme]
        if grapheme == "İ":
            return "i"
        swapped = nfc(grapheme.swapcase())
        return swapped if swapped != nfc(grapheme) and len(graphemes(swapped)) == 1 else ""

    def classify(self, grapheme: str) -> int:
        if not self.other(grapheme):
            return 0
        kind = _CAPITAL if grapheme[0].isupper() else _SMALL
        return kind if kind in self.changed else 0


class Family(EngineFamily):
    """Letters change their case; nothing else changes. With mode `lower` there is no more to do than there are
    capitals.
    """

    family = "case"
    version = 1
    Parameters = CaseParameters

    def __init__(self, parameters: CaseParameters) -> None:
        super().__init__(parameters)
        if parameters.mode not in _MODES:
            raise ConfigError(
                f"noise.families.case.mode: unknown mode {parameters.mode!r}{suggest(parameters.mode, _MODES, 'modes')}"
            )
        self._first = parameters.mode == "title"
        self._whole = parameters.mode in ("lower", "upper")
        self._changed = {"lower": {_CAPITAL}, "upper": {_SMALL}, "title": {_SMALL}, "random": {_SMALL, _CAPITAL}}[
            parameters.mode
        ]

    def supports(self, language: str) -> bool:
        return language in LANGUAGES and LANGUAGES[language].script in _CASED

    def table(self, language: str) -> _Cases:
        return _Cases(language in _TURKIC, self._changed, self._first)

    def propose(
        self,
        word: int,  # noqa: ARG002
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],
        table: _Cases,
    ) -> Change | None:
        start, end = site, site + 1
        if self._whole:
            while start and kinds[start - 1]:
                start -= 1
            while end < len(kinds) and kinds[end]:
                end += 1
        new = [table.other(unit) for unit in units[start:end]]
        if new[-1] == "σ" and end - start > 1 and not (end < len(units) and units[end][0].isalpha()):
            new[-1] = "ς"
        return start, end, tuple(new), end - start
