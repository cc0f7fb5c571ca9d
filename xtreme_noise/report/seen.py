"""English against multilingual apart: in languages that the multilingual arm had labels in, and in the others.

Both sides are without the languages that the English arm or the target is trained in. English would else be seen in
every study, in many as the only one, and it is no language that only the multilingual arm has seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xtreme_noise.languages import main
from xtreme_noise.report.effects import Effect, between
from xtreme_noise.report.estimates import MAIN, Contrast, Pair, contrasts
from xtreme_noise.report.panels import Panel, System

SIDES = ("seen", "unseen")
LEFT_OUT = "the English arm or the target is trained in it"
UNKNOWN = "no record of the languages that intermediate training has seen"


@dataclass(frozen=True)
class Apart:
    """Side -> multilingual minus English over its languages; Holm's correction is over each side for itself.

    differences: whether the two sides differ. lacking: why others are not compared apart -> task and multilingual arm
    of each.
    """

    sides: Mapping[str, Sequence[Contrast]] = field(default_factory=dict)
    differences: Sequence[Effect] = ()
    lacking: Mapping[str, Sequence[str]] = field(default_factory=dict)


def apart(compared: Sequence[Pair], trained_in: Collection[str]) -> Apart:
    """Every multilingual arm against its English one, where a language is left on both sides.

    trained_in: the languages of the training data of targets.
    """
    sides: dict[str, list[Pair]] = {side: [] for side in SIDES}
    lacking: dict[str, dict[str, None]] = defaultdict(dict)
    for pair in compared:
        if (pair.arm.arm, pair.reference.arm) not in MAIN:
            continue
        panel, seen = pair.panel, _seen(pair.panel, pair.arm)
        both = {code for code in panel.languages if main(code) in trained_in} | (_seen(panel, pair.reference) or set())
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
    return Apart(
        {side: contrasts(pairs) for side, pairs in sides.items() if pairs},
        between(*(sides[side] for side in SIDES)),
        {why: list(names) for why, names in lacking.items()},
    )


def _seen(panel: Panel, system: System) -> set[str] | None:
    """The languages that the system's intermediate stages had labels in; None where no cell says so."""
    known = {spot[1]: cell.seen for spot, cell in panel.cells.items() if spot[0] == system.intermediate}
    if all(seen is None for seen in known.values()):
        return None
    return {language for language, seen in known.items() if seen}
