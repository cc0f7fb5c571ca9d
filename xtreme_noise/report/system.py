"""A system of a study: a model with the intermediate training that it had, and the noise in its training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from xtreme_noise.record import CellRecord

ENGLISH, MULTILINGUAL, NONE = "english", "multilingual", "none"
# The names of systems in text, in the order of display.
SIDES = {
    NONE: "no intermediate training",
    ENGLISH: "English",
    MULTILINGUAL: "multilingual",
    "noise": "noise in training, no intermediate training",
    "english + noise": "English and noise in training",
    "multilingual + noise": "multilingual and noise in training",
}


@dataclass(frozen=True)
class System:
    """The training of a model.

    intermediate: its name in results: "none", "nli/english", "nli/english + char@0.05 in training".
    kind: the intermediate task without its arm. arm: english, multilingual, native, ... noise: "char@0.05 in training";
    empty if nothing is trained with noise.
    """

    intermediate: str
    kind: str
    arm: str
    noise: str = ""

    @staticmethod
    def of(cell: CellRecord) -> System:
        """The system of a cell of the report (see `named`)."""
        return _system(cell.intermediate, cell.kind, cell.arm, _noise(cell))

    @property
    def side(self) -> str:
        """Its side in the study's question, one of SIDES: every arm except the English one is multilingual."""
        side = self.arm if self.arm in (NONE, ENGLISH) else MULTILINGUAL
        return self._with_noise(side)

    @property
    def shown_arm(self) -> str:
        """Its arm, and whether there was noise in training: "native + noise"."""
        return self._with_noise(self.arm)

    @cached_property
    def rank(self) -> tuple[int, str]:
        """Sorts systems: by side, then by name."""
        return list(SIDES).index(self.side), self.intermediate

    def _with_noise(self, arm: str) -> str:
        if not self.noise:
            return arm
        return "noise" if arm == NONE else f"{arm} + noise"


@lru_cache(maxsize=1024)  # many cells have the same one
def _system(intermediate: str, kind: str, arm: str, noise: str) -> System:
    return System(intermediate, kind, arm, noise)


def named(cell: CellRecord) -> CellRecord:
    """The cell with its system's name as `intermediate`: a model trained on noisy examples is a separate system."""
    noise = _noise(cell)
    return replace(cell, intermediate=f"{cell.intermediate} + {noise}") if noise else cell


def _noise(cell: CellRecord) -> str:
    return "" if cell.train_noise in (None, NONE) else f"{cell.train_noise} in training"
