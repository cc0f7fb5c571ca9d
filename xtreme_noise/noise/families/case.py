"""Case: upper case becomes lower case, or the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.casing import lower, lowered, title, upper
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.segment import grapheme_words
from xtreme_noise.noise.text import graphemes
from xtreme_noise.noise.wordwise import run

_CASED = {"Latn", "Cyrl", "Grek", "Armn"}  # Georgian capitals are written by no one
_MODES = ("lower", "upper", "title", "random")
_LETTER, _SECOND = 1, 2


@dataclass(frozen=True)
class CaseParameters:
    """mode: `lower` (runs of capitals become lower case), `upper` (a word becomes upper case), `title` (a word gets a
    capital), `random` (single letters change their case, either way).
    """

    mode: str = "lower"


class _Cases(Table):
    """_LETTER: a letter that the mode changes; _SECOND: the j of a Dutch ij that gets capitals as one letter."""

    def __init__(self, code: str, mode: str) -> None:
        super().__init__()
        self.code, self.mode = code, mode

    def classify(self, grapheme: str) -> int:
        new = self.changed((grapheme,), 0, 1)
        return _LETTER if new != (grapheme,) and (len(new) == 1 or self.mode != "random") else 0

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = super().kinds(text, units)
        if self.mode != "title":
            return kinds
        first = bytearray(len(units))
        for start, end in grapheme_words(units, "en"):  # every cased script puts spaces between words
            first[start] = kinds[start]
            if kinds[start] and end - start > 1 and self.changed(units, start, start + 2)[-1] != units[start + 1]:
                first[start + 1] = _SECOND
        return first

    def changed(self, units: Sequence[str], start: int, end: int) -> tuple[str, ...]:
        """What becomes of these letters."""
        small = lowered(units, start, end, self.code)
        old = "".join(units[start:end])
        if self.mode == "lower" or (self.mode == "random" and small != tuple(units[start:end])):
            return small
        if self.mode == "title":
            return tuple(graphemes(title(old, self.code))) if lower(old, self.code) == old else (old,)
        return tuple(graphemes(upper(old, self.code)))


class Family(EngineFamily):
    """Letters change their case; nothing else changes. With mode `lower`, the capitals limit the noise."""

    family = "case"
    version = 2
    Parameters = CaseParameters

    def __init__(self, parameters: CaseParameters) -> None:
        super().__init__(parameters)
        if parameters.mode not in _MODES:
            raise ConfigError(
                f"noise.families.case.mode: unknown mode {parameters.mode!r}{suggest(parameters.mode, _MODES, 'modes')}"
            )

    def supports(self, language: str) -> bool:
        return language in LANGUAGES and LANGUAGES[language].script in _CASED

    def table(self, language: str) -> _Cases:
        return _Cases(language, self.parameters.mode)

    def propose(
        self,
        word: int,  # noqa: ARG002
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],
        table: _Cases,
    ) -> Change | None:
        start, end = site, site + 1
        if table.mode in ("lower", "upper"):
            start, end = run(site, kinds, _LETTER)
        elif kinds[site] == _SECOND:
            start -= 1
        elif end < len(kinds) and kinds[end] == _SECOND:
            end += 1
        new = table.changed(units, start, end)
        return start, end, new, max(end - start, len(new))
