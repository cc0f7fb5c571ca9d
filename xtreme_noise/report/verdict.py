"""Verdicts of the primary comparisons: a direction only if the adjusted test finds one and no scale contradicts it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from xtreme_noise.report.effects import FAMILY, Effect
from xtreme_noise.report.runs import PRIMARY

ALPHA = 0.05
ARM, REFERENCE, SCALE, OPEN, UNTESTED = "arm", "reference", "scale", "open", "untested"


@dataclass(frozen=True)
class Verdict:
    """One comparison: its effect on the tested scale, and on the others."""

    tested: Effect
    others: tuple[Effect, ...]

    @property
    def against(self) -> list[Effect]:
        """The other scales with the opposite sign."""
        sign = self.tested.difference.value or 0.0
        return [other for other in self.others if (other.difference.value or 0.0) * sign < 0]

    @property
    def says(self) -> str:
        """ARM, REFERENCE: the one that loses less; SCALE: the scales disagree; OPEN: no difference was found; UNTESTED:
        too few seeds.
        """
        if self.tested.p_adjusted is None:
            return UNTESTED
        if self.tested.p_adjusted >= ALPHA:
            return OPEN
        if self.against:
            return SCALE
        return ARM if (self.tested.difference.value or 0.0) < 0 else REFERENCE


def verdicts(effects: Sequence[Effect]) -> list[Verdict]:
    """The verdicts of all primary comparisons, in order."""
    found = []
    for _, same in groupby((e for e in effects if e.family == FAMILY), key=lambda effect: effect.comparison):
        scales = {effect.scale: effect for effect in same}
        if PRIMARY in scales:
            found.append(Verdict(scales.pop(PRIMARY), tuple(scales.values())))
    return found
