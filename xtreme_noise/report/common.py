"""Several panels over what they have in common: languages, levels and seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xtreme_noise.report.panels import Panel


def common(panels: Sequence[Panel], why: str) -> list[Panel]:
    """The panels over the languages, levels and seeds that all have; empty if they share none, or no clean and noisy
    level.

    why: the reason why the other languages are left out.
    """
    first = panels[0]
    languages = tuple(code for code in first.languages if all(code in panel.languages for panel in panels))
    levels = tuple(level for level in first.levels if all(level in panel.levels for panel in panels))
    seeds = tuple(seed for seed in first.seeds if all(seed in panel.seeds for panel in panels))
    noise_seeds = tuple(seed for seed in first.noise_seeds if all(seed in panel.noise_seeds for panel in panels))
    if not (languages and seeds and noise_seeds and len(levels) > 1 and levels[0] == 0):
        return []
    return [
        replace(
            panel,
            languages=languages,
            levels=levels,
            seeds=seeds,
            noise_seeds=noise_seeds,
            gaps=dict(panel.gaps) | {code: why for code in panel.languages if code not in languages},
        )
        for panel in panels
    ]
