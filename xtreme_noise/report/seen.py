"""English against multilingual apart: in languages that the multilingual arm had labels in, and in the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from xtreme_noise.report.estimates import Contrast, Pair, contrasts
from xtreme_noise.report.panels import Panel, System

SIDES = ("seen", "unseen")


def seen_languages(panel: Panel, system: System) -> set[str]:
    """The languages of the panel that the system's intermediate stages had labels in."""
    return {spot[1] for spot, cell in panel.cells.items() if spot[0] == system.intermediate and cell.seen}


def by_seen(compared: Sequence[Pair]) -> Mapping[str, list[Contrast]]:
    """Side -> multilingual minus English over its languages; empty unless the study has languages on both sides.

    Holm's correction is over each side for itself.
    """
    sides: dict[str, list[Pair]] = {side: [] for side in SIDES}
    for pair in compared:
        if (pair.arm.arm, pair.reference.arm) != ("multilingual", "english"):
            continue
        panel, seen = pair.panel, seen_languages(pair.panel, pair.arm)
        for side in SIDES:
            some = tuple(code for code in panel.languages if (code in seen) == (side == "seen"))
            if some:
                gaps = {**panel.gaps, **{c: "on the other side" for c in panel.languages if c not in some}}
                sides[side].append(replace(pair, panel=replace(panel, languages=some, gaps=gaps)))
    if not all(sides.values()):
        return {}
    return {side: contrasts(some) for side, some in sides.items()}
