"""English against multilingual arms separately in seen languages, in which the multilingual arm had labels, and unseen
ones.

Both sides exclude the languages that the English arm or the target is trained in: otherwise English would be a seen
language of every study, often the only one, although not only the multilingual arm has seen it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from xtreme_noise.languages import main
from xtreme_noise.report.effects import Effect, Found, adjusted, between
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.statistics import Comparison, Contrast, contrasts, is_main, with_holm
from xtreme_noise.report.system import System

SIDES = ("seen", "unseen")
LEFT_OUT = "the English arm or the target is trained in it"
UNKNOWN = "no record of the languages seen in intermediate training"


@dataclass(frozen=True)
class Apart:
    """Side -> multilingual minus English over its languages, with Holm's correction within each side.

    differences: the difference between the two sides. lacking: why others are not split -> task and multilingual arm of
    each.
    """

    sides: Mapping[str, Sequence[Contrast]] = field(default_factory=dict)
    differences: Sequence[Effect] = ()
    lacking: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """The same of some tasks, before any p is adjusted."""

    sides: Mapping[str, Sequence[Contrast]]
    differences: Sequence[Found]
    lacking: Mapping[str, Mapping[str, None]]


def apart(parts: Sequence[Part]) -> Apart:
    """Of all tasks, with p adjusted over all of them."""
    sides = {side: [row for part in parts for row in part.sides[side]] for side in SIDES}
    lacking: dict[str, dict[str, None]] = defaultdict(dict)
    for part in parts:
        for why, names in part.lacking.items():
            lacking[why] |= names
    return Apart(
        {side: with_holm(rows) for side, rows in sides.items() if rows},
        adjusted([one for part in parts for one in part.differences]),
        {why: list(names) for why, names in lacking.items()},
    )


def split(compared: Sequence[Comparison]) -> Part:
    """Every multilingual arm against its English one, if both sides have a language."""
    sides: dict[str, list[Comparison]] = {side: [] for side in SIDES}
    lacking: dict[str, dict[str, None]] = defaultdict(dict)
    for pair in compared:
        if not is_main(pair.arm, pair.reference):
            continue
        panel, seen = pair.panel, _seen(pair.panel, pair.arm)
        both = {code for code in panel.languages if main(code) in _trained_in(panel)}
        both |= _seen(panel, pair.reference) or set()
        some = {side: [c for c in panel.languages if c not in both and (c in (seen or ())) == (side == "seen")]
                for side in SIDES}  # fmt: skip
        empty = [side for side in SIDES if not some[side]]
        if seen is None or empty:
            without = f" beside {', '.join(sorted(both))}" if both else ""
            why = UNKNOWN if seen is None else f"no {' and no '.join(empty)} language{without}"
            lacking[why][f"{panel.task} ({pair.arm.intermediate})"] = None
            continue
        for side, codes in some.items():
            gaps = {code: LEFT_OUT if code in both else "on the other side" for code in panel.languages}
            left = {code: why for code, why in gaps.items() if code not in codes}
            own = replace(panel, languages=tuple(codes), gaps={**panel.gaps, **left})
            sides[side].append(replace(pair, panel=own))
    return Part(
        {side: contrasts(pairs) for side, pairs in sides.items()}, between(*(sides[side] for side in SIDES)), lacking
    )


def _trained_in(panel: Panel) -> set[str | None]:
    """The language of the target's training data, if it is trained."""
    return {cell.train_language for cell in panel.spots.values()}


def _seen(panel: Panel, system: System) -> set[str] | None:
    """The languages in which the system's intermediate stages had labels; None if no cell records them."""
    known = {spot[1]: cell.seen for spot, cell in panel.cells.items() if spot[0] == system.intermediate}
    if all(seen is None for seen in known.values()):
        return None
    return {language for language, seen in known.items() if seen}
