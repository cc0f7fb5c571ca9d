"""Invisible characters between letters. Adversarial: nobody types them by mistake, though text copied from pages and
files holds some.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily
from xtreme_noise.noise.inside import InsideTable
from xtreme_noise.noise.text import splits

# Of no script: Hangul fillers join syllables.
_INVISIBLE = regex.compile(r"(?V1)[\p{Default_Ignorable_Code_Point}&&[\p{Script=Common}\p{Script=Inherited}]]+")


@dataclass(frozen=True)
class InvisibleParameters:
    """characters: those that are put in, each as likely as the others: zero width space, word joiner, zero width
    no-break space, soft hyphen.
    """

    characters: str = "\u200b\u2060\ufeff\u00ad"


class Family(EngineFamily):
    """One character that shows nothing goes between two letters of a word. Not the joiners U+200C and U+200D: they
    change what Arabic and Indic letters look like, and would belong to the letter before.
    """

    family = "invisible"
    version = 1
    Parameters = InvisibleParameters

    def __init__(self, parameters: InvisibleParameters) -> None:
        super().__init__(parameters)
        chosen = parameters.characters
        if not _INVISIBLE.fullmatch(chosen) or not all(splits("a", one) and splits(one, "a") for one in chosen):
            raise ConfigError(
                f"noise.families.invisible.characters must be invisible characters that join no letter, not {chosen!a}"
            )

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> InsideTable:  # noqa: ARG002
        return InsideTable()

    def propose(
        self,
        word: int,
        site: int,
        units: Sequence[str],  # noqa: ARG002
        kinds: Sequence[int],  # noqa: ARG002
        table: InsideTable,  # noqa: ARG002
    ) -> Change | None:
        characters = self.parameters.characters
        return site, site, (characters[word * len(characters) >> 32],), 1
