"""Names in one report: as short as possible, but unambiguous in this study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.record import CellRecord
from xtreme_noise.report.formatting import CHANGES
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.statistics import Contrast
from xtreme_noise.report.system import NONE, System


@dataclass(frozen=True)
class Names:
    """Names include the model and the kind of intermediate task only if there are several.

    several_arms: kinds with several systems in one arm, such as nli with nli/multilingual and nli/native.
    changing: noise families that may change the right answer (label_preserving: false); their names are marked.
    """

    several_models: bool
    several_kinds: bool
    several_arms: frozenset[str] = frozenset()
    changing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, cells: Sequence[CellRecord]) -> Names:
        systems = {System.of(cell) for cell in cells if cell.arm != NONE or cell.train_noise not in (None, NONE)}
        arms = Counter((system.kind, system.side) for system in systems)
        several = frozenset(kind for (kind, _), count in arms.items() if count > 1)
        changing = frozenset(cell.noise for cell in cells if cell.label_preserving is False)
        return cls(len({cell.model for cell in cells}) > 1, len({kind for kind, _ in arms}) > 1, several, changing)

    def noise(self, noise: str) -> str:
        """The noise family, with a sign if it may change the right answer."""
        return noise + CHANGES if noise in self.changing else noise

    def task(self, task: str, model: str) -> str:
        return f"{task} · {model}" if self.several_models else task

    def panel(self, panel: Panel) -> str:
        """Task and noise family."""
        return f"{self.task(panel.task, panel.model)} · {self.noise(panel.noise)}"

    def arms(self, contrast: Contrast) -> str:
        """The kind of intermediate task, or both arms if the kind has several, or nothing."""
        if {contrast.arm.kind, contrast.reference.kind} & self.several_arms:
            return f"{contrast.arm.intermediate} against {contrast.reference.intermediate}"
        kind = contrast.kind if self.several_kinds else ""
        # If both have noise in training, name it, to distinguish them from the two without.
        return " + ".join(filter(None, (kind, contrast.arm.noise if contrast.reference.noise else "")))

    def contrast(self, contrast: Contrast, before_arms: str = " · ") -> str:
        """Task, noise family, level, and arms where needed."""
        level = "" if contrast.level is None else f" {contrast.level:g}"
        arms = self.arms(contrast)
        return f"{self.panel(contrast.panel)}{level}{before_arms + arms if arms else ''}"
