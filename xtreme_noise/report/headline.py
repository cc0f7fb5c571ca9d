"""The headline of the report: the measured answer with its scope, in numbers, without adjectives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xtreme_noise.record import ABSENT
from xtreme_noise.report.formatting import bounds, percent, plural, probability
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.statistics import Contrast, Point
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.system import ENGLISH, MULTILINGUAL, NONE, System

QUESTION = (
    "How does the robustness of zero-shot cross-lingual transfer to input noise compare between models given "
    "English and models given multilingual intermediate training?"
)
LISTED = 6  # comparisons or curves listed in the headline; the others are in the tables


@dataclass(frozen=True)
class Headline:
    """A paragraph, and one line for each number that it summarises. `open`: why there is no answer; None: there is."""

    paragraph: str
    lines: list[str]
    open: str | None


def headline(study: StudyResults) -> Headline:
    """The answer to QUESTION, as far as this study has one."""
    names = Names.of(study.cells)
    sentences, lines = [_scope(study)], []
    why: str | None = None
    top = highest(study.contrasts)
    if top:
        sentences.append(_verdict(top))
        lines = _limited([_difference(row, names) for row in top])
    else:
        why = f"English and multilingual intermediate training cannot be compared here: {_why_not(study)}"
        sentences.append(why)
        lines = _limited(_curves(study, names))
        if lines:
            sentences.append("Share of the clean score lost at the highest level (drop rate, 95 % interval):")
    shown = [row.panel for row in top] or [panel for panel in study.panels if panel.languages]
    if {len(panel.seeds) for panel in shown} == {1}:
        note = "One training seed: the intervals cover test items only, not other seeds."
        sentences.insert(1, note)
    sentences[1:1] = _guessing(study, names)
    return Headline(" ".join(sentences), lines, why)


def _guessing(study: StudyResults, names: Names) -> list[str]:
    """Sentences about clean scores, and scores at the highest level, that are no better than chance."""
    clean: dict[str, str] = {}
    noisy: dict[str, str] = {}
    for point in study.points:
        panel, chance = point.panel, point.chance
        if not point.at_chance or chance is None:
            continue
        score = f"({percent(point.score.value)}, a guess {percent(chance.score)})"
        who = f"{names.task(panel.task, panel.model)}, intermediate {point.system.intermediate}"
        if point.level == 0:
            clean[who] = f"{who} {score}"
        elif not point.clean_at_chance and point.level == panel.levels[-1]:
            who = f"{names.panel(panel)} {point.level:g}, intermediate {point.system.intermediate}"
            noisy[who] = f"{who} {score}"
    sentences = []
    if clean:
        sentences.append(
            "No better than guessing without noise, so that a drop rate says nothing about robustness: "
            f"{'; '.join(clean.values())}."
        )
    if noisy:
        sentences.append(
            "No better than guessing with noise, so that more noise could not lower the score: "
            + "; ".join(noisy.values())
            + "."
        )
    return sentences


def _limited(lines: list[str]) -> list[str]:
    rest = len(lines) - LISTED
    return lines if rest <= 0 else [*lines[:LISTED], f"and {rest} more, in the tables below."]


def totals(study: StudyResults) -> Counter[str]:
    """Number of cells by status over the whole study."""
    by_status: Counter[str] = Counter()
    for count in study.counts:
        by_status.update(count.counts)
    return by_status


def highest(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """The drop-rate contrasts of every multilingual arm and every English one of its kind, at their highest level."""
    last: dict[tuple[str, str, str, System, System], Contrast] = {}
    for row in contrasts:
        if row.measure == "drop_rate" and row.main:
            panel = row.panel
            last[(panel.task, panel.model, panel.noise, row.arm, row.reference)] = row  # levels ascend
    return list(last.values())


def _scope(study: StudyResults) -> str:
    by_status = totals(study)
    wanted = sum(by_status.values())
    if not by_status["ok"]:
        return f"Nothing was measured: none of {plural(wanted, 'cell')} finished."
    rest = [
        f"{by_status[status]:,} {name}"
        for status, name in (
            ("error", "failed"),
            ("missing", "missing"),
            ("n/a", "not applicable"),
            (ABSENT, "not run"),
        )
        if by_status[status]
    ]
    return f"{by_status['ok']:,} of {plural(wanted, 'cell')} measured{' (' + ', '.join(rest) + ')' if rest else ''}."


def _verdict(top: Sequence[Contrast]) -> str:
    sides = Counter(map(side, top))
    total = plural(len(top), "comparison of a task and noise family", "comparisons of a task and noise family")
    return (
        "Share of the clean score lost at the highest level (drop rate), multilingual minus English "
        f"intermediate training, in percentage points: of {total}, the 95 % interval is wholly below 0 "
        f"(multilingual loses less) in {sides['below']}, wholly above 0 (English loses less) in "
        f"{sides['above']}, and contains 0 in "
        f"{sides['contains']}" + (f"; {sides['none']} have no interval." if sides["none"] else ".")
    )


def side(row: Contrast) -> str:
    """The position of the interval of a difference relative to 0: below, above, contains, or none (no interval)."""
    low, high = row.difference.low, row.difference.high
    if low is None or high is None:
        return "none"
    return "below" if high < 0 else "above" if low > 0 else "contains"


def _difference(row: Contrast, names: Names) -> str:
    difference = f"{percent(row.difference.value, sign=True)} {bounds(row.difference, sign=True)}"
    return (
        f"{names.contrast(row)}: {difference}, that is {percent(row.value)} % lost against "
        f"{percent(row.reference_value)} %; Holm p {probability(row.p_holm)}; {_scope_of(row.panel)}"
        + (f"; no better than a guess without noise: {', '.join(row.guessing)}" if row.guessing else "")
    )


def _scope_of(panel: Panel) -> str:
    return f"{len(panel.languages)} of {plural(panel.wanted, 'language')}"


def _why_not(study: StudyResults) -> str:
    arms = {system.arm for panel in study.panels for system in panel.systems} - {NONE}
    there = {ENGLISH: ENGLISH in arms, MULTILINGUAL: bool(arms - {ENGLISH})}
    lacking = [side for side, present in there.items() if not present]
    if lacking:
        return f"no cell of the {' or the '.join(lacking)} arm was measured."
    if not any(panel.languages for panel in study.panels):
        return "no language is complete in every arm."
    if not any(len(panel.levels) > 1 for panel in study.panels):
        return "only level 0 was measured."
    return "the two arms share no kind of intermediate task with clean and noisy cells."


def _curves(study: StudyResults, names: Names) -> list[str]:
    last: dict[tuple[str, str, str, str], Point] = {}
    for point in study.points:
        if point.level > 0 and point.drop_rate.value is not None:
            last[(point.panel.task, point.panel.model, point.panel.noise, point.system.intermediate)] = point
    return [
        f"{names.panel(p.panel)} {p.level:g}, intermediate {p.system.intermediate}: "
        f"{percent(p.drop_rate.value)} % {bounds(p.drop_rate)}; {_scope_of(p.panel)}"
        for p in last.values()
    ]
