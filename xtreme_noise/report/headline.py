"""The headline of the report: the measured answer with its scope, in numbers, without adjectives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from xtreme_noise.analysis.seeds import LEAST_SEEDS
from xtreme_noise.config import limits
from xtreme_noise.record import ABSENT
from xtreme_noise.report.formatting import (
    CONDITIONAL,
    GUESS,
    MEASURE_TEXT,
    bounds,
    number,
    percent,
    plural,
    probability,
)
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.statistics import Point
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.system import ENGLISH, MULTILINGUAL, NONE
from xtreme_noise.report.verdict import ARM, OPEN, REFERENCE, SCALE, UNTESTED, Verdict, verdicts

QUESTION = (
    "How does the robustness of zero-shot cross-lingual transfer to input noise compare between models given "
    "English and models given multilingual intermediate training?"
)
LISTED = 6  # comparisons or curves listed in the headline; the others are in the tables


@dataclass(frozen=True)
class Headline:
    """At most five sentences, and one line for each number that they summarise. `open`: why there is no answer; None:
    there is.
    """

    paragraph: str
    lines: list[str]
    open: str | None


def headline(study: StudyResults) -> Headline:
    """The answer to QUESTION, as far as this study has one: at most five sentences, and a warning before a trial's."""
    names = Names.of(study.cells)
    sentences = [*_trial(study), _scope(study)]
    why: str | None = None
    found = verdicts(study.effects)
    if found:
        lines = _limited([_comparison(one, names) for one in found])
        sentences += [*_verdict(found, names), *_few_seeds(found), *_smallest(found, names), *_guessing(study, names)]
    else:
        why = f"English and multilingual intermediate training cannot be compared here: {_why_not(study)}"
        lines = _limited(_curves(study, names))
        sentences += [*_guessing(study, names), why]
        if lines:
            sentences.append(_heading(study))
    return Headline(" ".join(sentences), lines, why)


def _trial(study: StudyResults) -> list[str]:
    """A warning about every limit of the study's cells."""
    found = {cell.limit for cell in study.cells if cell.limit is not None}
    return [f"This is {limits.note(limit)}." for limit in sorted(found)]


def _heading(study: StudyResults) -> str:
    few = any(point.drop_rate.conditional for point in study.points)
    what = f"95 % interval{f', {CONDITIONAL}' if few else ''}"
    return f"Share of the clean score lost at the highest level (drop rate, {what}):"


def _guessing(study: StudyResults, names: Names) -> list[str]:
    """A sentence about clean scores, and scores at the highest level, that are no better than chance."""
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
    parts = []
    if clean:
        parts.append(f"without noise, so that a drop rate says nothing about robustness: {_some(clean.values())}")
    if noisy:
        parts.append(f"with noise, so that more noise could not lower the score: {_some(noisy.values())}")
    return [f"No better than guessing {', nor '.join(parts)}."] if parts else []


def _some(scores: Collection[str]) -> str:
    rest = [f"{len(scores) - LISTED} more, marked {GUESS} below"] if len(scores) > LISTED else []
    return "; ".join([*list(scores)[:LISTED], *rest])


def _limited(lines: list[str]) -> list[str]:
    rest = len(lines) - LISTED
    return lines if rest <= 0 else [*lines[:LISTED], f"and {rest} more, in the tables below."]


def totals(study: StudyResults) -> Counter[str]:
    """Number of cells by status over the whole study."""
    by_status: Counter[str] = Counter()
    for count in study.counts:
        by_status.update(count.counts)
    return by_status


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


def _few_seeds(found: Sequence[Verdict]) -> list[str]:
    """A note that one or two seeds are too few to compare arms."""
    few = [one.tested.difference.seeds for one in found if one.tested.difference.seeds < LEAST_SEEDS]
    if not few:
        return []
    seeds = " or ".join({1: "One", 2: "two"}[count] for count in sorted(set(few))).capitalize()
    every = len(few) == len(found)
    untested = f"{'none' if every else len(few)} of {_comparisons(len(found))} {'is' if every else 'are not'} tested"
    return [
        f"{seeds} training seed{'s' if max(few) > 1 else ''}: {untested}; their intervals are {CONDITIONAL}, over test "
        "items alone."
    ]


def _comparisons(count: int) -> str:
    return f"{plural(count, 'comparison')} (one per task and kind of intermediate task)"


def _verdict(found: Sequence[Verdict], names: Names) -> list[str]:
    tested = [one for one in found if one.says != UNTESTED]
    if not tested:
        return [f"{_size(found, names)}{_below_gate(found)}."]
    says = Counter(one.says for one in tested)
    tests = max(one.tested.tests for one in tested)
    return [
        f"{_size(found, names)}; of {_comparisons(len(tested))}, the {_arms(tested)} arm loses less in {says[ARM]} and "
        f"the English arm in {says[REFERENCE]} (p below .05, adjusted for {plural(tests, 'test')}, and one direction "
        f"on every scale), the direction depends on the scale in {says[SCALE]}, and no difference was found in "
        f"{says[OPEN]}{_below_gate(found)}."
    ]


def _below_gate(found: Sequence[Verdict]) -> str:
    """A clause that names the arms that did not learn their intermediate task; "" if all did."""
    arms = dict.fromkeys(arm for one in found for arm in one.tested.below_gate)
    return "".join(f"; {arm}" for arm in arms)


def _size(found: Sequence[Verdict], names: Names) -> str:
    """Which arms, on which scale, how much: the only difference, or the smallest and the largest."""
    order = sorted(found, key=lambda one: one.tested.difference.value or 0.0)
    shown = [
        f"{number(one.tested.difference.value, PRIMARY, sign=True)} {bounds(one.tested.difference, PRIMARY, sign=True)}"
        f" ({_name(one, names)})"
        for one in (order if len(order) == 1 else (order[0], order[-1]))
    ]
    arms = _arms(found)
    changing = sorted(names.changing.intersection(panel.noise for one in found for panel in one.tested.panels))
    of_them = f", of which {' and '.join(changing)} may change the right answer" if changing else ""
    return (
        f"{arms[0].upper()}{arms[1:]} minus English intermediate training, difference in log-odds lost (mean over "
        f"noise families and levels{of_them}; below 0, noise costs the English arm more): {' to '.join(shown)}"
    )


def _arms(found: Sequence[Verdict]) -> str:
    """The arms that are compared with the English one: "multilingual or native"."""
    return " or ".join(dict.fromkeys(one.tested.trained for one in found))


def _smallest(found: Sequence[Verdict], names: Names) -> list[str]:
    """The smallest difference that this study could have found, from its own standard errors."""
    known = sorted(
        ((one.tested.smallest, one) for one in found if one.tested.smallest is not None), key=lambda pair: pair[0]
    )
    if not known:
        return []
    some = [known[0], known[-1]] if len(known) > 1 else known
    parts = []
    for value, one in some:
        rate = next((e.smallest for e in one.others if e.scale == "drop_rate"), None)
        points = f", {percent(rate)} points of drop rate" if rate is not None else ""
        parts.append(f"{number(value, PRIMARY)} of log-odds{points} ({_name(one, names)})")
    few = any(one.says == UNTESTED for _, one in some)
    about = ", test items alone and no seeds considered" if few else ""
    return [f"The smallest difference that could have been found (power .8, alpha .05{about}): {' to '.join(parts)}."]


def _name(one: Verdict, names: Names) -> str:
    effect = one.tested
    return f"{names.task(effect.task, effect.model)} · {effect.arm}"


def _comparison(one: Verdict, names: Names) -> str:
    """One line: all scales with their intervals, and whether they agree."""
    effect = one.tested
    scales = [
        f"{MEASURE_TEXT[e.scale]} {number(e.difference.value, e.scale, sign=True)} "
        f"{bounds(e.difference, e.scale, sign=True)}".strip()
        for e in (effect, *one.others)
    ]
    against = ", ".join(MEASURE_TEXT[other.scale] for other in one.against)
    parts = [
        f"{names.task(effect.task, effect.model)} · {effect.arm} minus {effect.reference}: {'; '.join(scales)}",
        f"adjusted p {probability(effect.p_adjusted)}" if effect.p_adjusted is not None else CONDITIONAL,
        f"the scales disagree: {against} the other way" if against else "all scales one way",
        f"{len(effect.languages)} of {plural(max(panel.wanted for panel in effect.panels), 'language')}, "
        f"{plural(effect.difference.seeds, 'seed')}",
    ]
    return "; ".join(filter(None, (*parts, *effect.below_gate)))


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
