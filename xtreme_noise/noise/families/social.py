"""A mix with the weights of attested changes in social media."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from xtreme_noise.noise.families import mix

# Percent of all changes, fitted to the edits of German, Spanish, Indonesian and Italian posts beside their normal form
# (MultiLexNorm 2) by `python -m benchmarks.social --fit`. Left out: what has less than 1 percent there; spacing, which
# would change the number of tokens.
_FAMILIES = {
    "abbreviation": {"weight": 43.7},
    "char": {"weight": 17.6, "insert": 7.2, "delete": 0.0, "substitute": 10.4, "swap": 0.0},
    "case": {"weight": 12.9},
    "upper": {"weight": 5.4, "family": "case", "mode": "upper"},
    "diacritic": {"weight": 8.3, "confuse": 0.0},
    "repeat": {"weight": 7.3},
    "punctuation": {"weight": 4.1},
}


@dataclass(frozen=True)
class SocialParameters:
    """families: as in `mix`."""

    families: dict[str, Any] = field(default_factory=lambda: deepcopy(_FAMILIES))


class Family(mix.Family):
    """`mix` with other default weights, in languages that have abbreviations, of which most of this noise consists."""

    family = "social"
    version = 1
    Parameters: ClassVar[type] = SocialParameters

    def supports(self, language: str) -> bool:
        abbreviations = [part.perturber for part in self.parts if part.perturber.family == "abbreviation"]
        return super().supports(language) and all(family.supports(language) for family in abbreviations)
