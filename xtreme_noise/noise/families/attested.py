"""Attested noise: what people really typed, from test sets with a clean and a noisy side (task=attested/...).

Nothing is generated here: the test set contains the noisy text beside the clean one.
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
    """No parameters: the noise is in the test set."""


class Family(Perturber):
    """Works only on data sets (noise.apply.perturb), not on single texts. It has one level, that of the test set, which
    is measured and reported as achieved; its cells have level 1, which stands for all of it.
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
