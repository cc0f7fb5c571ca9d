"""Several families in sequence, each on the output of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from xtreme_noise.noise.components import Component, components, described, shares
from xtreme_noise.noise.compose import composed
from xtreme_noise.noise.edits import Edit, NoisedText, carry
from xtreme_noise.noise.engine import EngineFamily
from xtreme_noise.noise.perturber import NoisedTokens, Perturber
from xtreme_noise.noise.text import check_text, distance, graphemes


@dataclass(frozen=True)
class SequenceParameters:
    """families: name -> weight (its share of the level, any scale) and parameters, in the order they are applied."""

    families: dict[str, Any] = field(
        default_factory=lambda: {"char": {"weight": 1.0}, "keyboard": {"weight": 1.0}},
    )


class Family(Perturber):
    """Each family gets its share of the level and does not change what earlier ones have changed; a stock augmenter
    (nlpaug) may, and then both changes count once. A family that does not support a language is left out there, and the
    others get its share. Levels do not nest, because a later step gets another text at another level. A family that
    occurs twice draws different noise each time.

    `capacity` is the level above which a step has less to act on than its share.
    """

    family = "sequence"
    version = 2
    Parameters = SequenceParameters

    def __init__(self, parameters: SequenceParameters) -> None:
        super().__init__(parameters)
        self.parts = components(self.family, parameters.families)
        self._shares: dict[str, list[Component]] = {}
        self.label_preserving = all(part.perturber.label_preserving for part in self.parts)
        self.keeps_tokens = all(part.perturber.keeps_tokens for part in self.parts)
        self.keeps_script = all(part.perturber.keeps_script for part in self.parts)

    @property
    def signature(self) -> str:
        return described(self.family, self.version, self.parts)

    def supports(self, language: str) -> bool:
        return any(part.perturber.supports(language) for part in self.parts)

    def _steps(self, language: str) -> list[Component]:
        if language not in self._shares:
            self._shares[language] = shares(self.parts, language)
        return self._shares[language]

    def prepare(self, texts: Sequence[str], level: float, language: str) -> None:
        for share, perturber in self._steps(language):
            perturber.prepare(texts, share * level, language)

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
        self.check(level, language)
        check_text(text)
        noisy = text
        edits: tuple[Edit, ...] = ()
        capacities = []
        for number, (share, perturber) in enumerate(self._steps(language)):
            kept = _kept(perturber, protect, edits)
            step = perturber(noisy, share * level, f"{uid}|{number}", seed=seed, language=language, protect=kept)
            capacities.append((share, step.capacity))
            edits = _joined(text, step.text, edits, step.edits)
            noisy = step.text
        units = graphemes(text)
        achieved = distance(units, graphemes(noisy)) / len(units) if edits else 0.0
        return NoisedText(noisy, edits, achieved, _capacity(capacities, len(units)))

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
        self.check(level, language)
        noisy = list(tokens)
        edits: tuple[Edit, ...] = ()
        capacities = []
        for number, (share, perturber) in enumerate(self._steps(language)):
            kept = _kept(perturber, protect, edits)
            step = perturber.tokens(noisy, share * level, f"{uid}|{number}", seed=seed, language=language, protect=kept)
            capacities.append((share, step.capacity))
            edits = _joined(" ".join(tokens), " ".join(step.tokens), edits, step.edits)
            noisy = step.tokens
        cut = [(graphemes(old), graphemes(new)) for old, new in zip(tokens, noisy, strict=True)]
        size = sum(len(old) for old, _ in cut)
        achieved = sum(distance(old, new) for old, new in cut) / size if edits else 0.0
        return NoisedTokens(noisy, edits, achieved, _capacity(capacities, size))


def _kept(perturber: Perturber, protect: Sequence[tuple[int, int]], edits: Sequence[Edit]) -> list[tuple[int, int]]:
    """The spans that a step must not change: the protected ones, and changed text with its neighbours."""
    kept = [carry(span, edits) for span in protect]
    if isinstance(perturber, (EngineFamily, Family)):
        kept += [(edit.noisy_start - 1, edit.noisy_end + 1) for edit in edits]
    return kept


def _capacity(steps: Sequence[tuple[float, float]], size: int) -> float:
    """Of (share, capacity) of every step: where the first of them runs out, at most what one of them can act on, at
    least one grapheme where one can act at all.
    """
    most = max(capacity for _, capacity in steps)
    least = min(capacity / share for share, capacity in steps)
    return max(min(most, least), min(most, 1 / size)) if most else 0.0


def _joined(clean: str, noisy: str, first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    return composed(clean, noisy, first, second) if first else tuple(second)
