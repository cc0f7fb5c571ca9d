"""Attested noise: what people really typed, from test sets that have a clean and a noisy side (task=attested/...).

Nothing is generated here: the noisy text stands beside the clean one in the test set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.edits import NoisedText
from xtreme_noise.noise.perturber import NoisedTokens, Perturber


@dataclass(frozen=True)
class AttestedParameters:
    """None: the test set says it all."""


class Family(Perturber):
    """Only data sets can be made noisy with it (noise.apply.perturb), not single texts. It has one level, that of the
    test set, which is measured and reported; its cells stand at level 1: all of it.
    """

    family = "attested"
    version = 2
    Parameters = AttestedParameters
    paired = True
    keeps_script = False

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def __call__(
        self,
        text: str,
        level: float,
        uid: str,
        *,
        seed: int = 0,
        language: str,
        protect: Sequence[tuple[int, int]] = (),
    ) -> NoisedText:
        del text, level, seed, protect
        raise _no_pair(uid, language)

    def tokens(
        self,
        tokens: Sequence[str],
        level: float,
        uid: str,
        *,
        seed: int = 0,
        language: str,
        protect: Sequence[tuple[int, int]] = (),
    ) -> NoisedTokens:
        del tokens, level, seed, protect
        raise _no_pair(uid, language)


def _no_pair(uid: str, language: str) -> ConfigError:
    return ConfigError(
        f"attested noise is read from a test set with a noisy side, which {uid!r} ({language}) is not from: "
        "choose a task that has one, such as task=attested/xnli"
    )
