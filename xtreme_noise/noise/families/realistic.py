"""A mix with the weights of attested errors."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

from xtreme_noise.noise.families import mix

# Percent of all edits, the mean over six sets of typos taken from edits of Wikipedia (German, Spanish and French XNLI
# and WikiANN of Stickland et al. 2023), by `error_mix`. Left out: words exchanged (10.1: it changes what is said),
# spacing (6.1: the clean and noisy XNLI are tokenised differently; in WikiANN there is none).
_FAMILIES = {
    "char": {"weight": 47.7, "insert": 14.9, "delete": 16.5, "substitute": 15.0, "swap": 1.3},
    "case": {"weight": 10.4},
    "title": {"weight": 11.8, "family": "case", "mode": "title"},
    "diacritic": {"weight": 8.7},
    "keyboard": {"weight": 5.2, "adjacent": 3.8, "doubled": 1.4, "missed": 0.0, "unshifted": 0.0},
    "punctuation": {"weight": 0.8},
}


@dataclass(frozen=True)
class RealisticParameters:
    """families: as in `mix`."""

    families: dict[str, Any] = field(default_factory=lambda: deepcopy(_FAMILIES))


class Family(mix.Family):
    """`mix` under another name and with other default weights, so that one study can have both."""

    family = "realistic"
    version = 1
    Parameters: ClassVar[type] = RealisticParameters
