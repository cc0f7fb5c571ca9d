"""Orthographic variants: other spellings of the same word, in the language's own script."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import spelling
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.rewriting import Rule

_SOURCES: dict[str, Callable[[str], list[Rule]]] = {
    "letters": spelling.letters,
    "digits": spelling.digits,
    "width": spelling.width,
    "kana": spelling.kana,
    "han": spelling.han,
}

_HERE, _ALWAYS = 1, 2


@dataclass(frozen=True)
class OrthographicParameters:
    """The variants to use. letters: of letters (hamza, final forms, ß and ss, positions of tones ...); digits: native
    and ASCII numbers; width: full and half width (zh, ja); kana: katakana words in hiragana (ja); han: simplified and
    traditional characters (zh).
    """

    letters: bool = True
    digits: bool = True
    width: bool = True
    kana: bool = True
    han: bool = True


class _Spelling(Table):
    """_HERE: part of something that a rule rewrites where it stands; _ALWAYS: whatever stands around it."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__()
        self.rules = rules

    def classify(self, grapheme: str) -> int:
        if any(rule.always(grapheme) for rule in self.rules):
            return _ALWAYS
        return _HERE if any(rule.concerns(grapheme) for rule in self.rules) else 0

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = bytearray(super().kinds(text, units))
        at = kinds.find(_HERE)
        while at >= 0:
            if not any(change for rule in self.rules for change in rule.rewritings(units, at)):
                kinds[at] = 0
            at = kinds.find(_HERE, at + 1)
        return kinds

    def rewritings(self, units: Sequence[str], site: int) -> list[Change]:
        return [change for rule in self.rules for change in rule.rewritings(units, site)]


class Family(EngineFamily):
    """Variants that a reader would accept as the same word: another letter for the same sound or shape, a number in
    other digits, a word in another width or kana, a character of the other standard. Numbers and kana words change as a
    whole. The number of such places limits the noise.
    """

    family = "orthographic"
    version = 2
    Parameters = OrthographicParameters

    def __init__(self, parameters: OrthographicParameters) -> None:
        super().__init__(parameters)
        self._chosen = [_SOURCES[field.name] for field in fields(parameters) if getattr(parameters, field.name)]
        if not self._chosen:
            raise ConfigError(f"orthographic noise: one of {', '.join(_SOURCES)} must be true")

    def supports(self, language: str) -> bool:
        return language in LANGUAGES and bool(self._rules(language))

    def table(self, language: str) -> _Spelling:
        return _Spelling(self._rules(language))

    def _rules(self, language: str) -> list[Rule]:
        return [rule for source in self._chosen for rule in source(language)]

    def propose(
        self,
        word: int,
        site: int,
        units: Sequence[str],
        kinds: Sequence[int],  # noqa: ARG002
        table: _Spelling,
    ) -> Change | None:
        variants = table.rewritings(units, site)
        return variants[word * len(variants) >> 32] if variants else None
