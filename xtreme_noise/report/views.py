"""The tables of the page, ready to be set: captions, headings and cells as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.record import ABSENT, CLEAN, STATUSES
from xtreme_noise.report.cells import Problem, ordered
from xtreme_noise.report.effects import BETWEEN, SELF, Effect
from xtreme_noise.report.estimates import Contrast, Point
from xtreme_noise.report.grid import PARTIAL, Place, by_language
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.study import Study
from xtreme_noise.report.text import (
    CONDITIONAL,
    MEASURE_TEXT,
    NONE,
    STATUS_TEXT,
    bounds,
    guess,
    number,
    percent,
    plural,
    probability,
)

LOG_ODDS = "log_odds_lost"


@dataclass(frozen=True)
class Item:
    """One table cell. `kind` is a CSS class; `note` a smaller second line."""

    text: str
    kind: str = ""
    note: str = ""


@dataclass(frozen=True)
class TableView:
    """A table. heads: rows of (text, columns it spans); each row starts with its row heading."""

    caption: str
    heads: list[list[tuple[str, int]]]
    rows: list[list[Item]]
    foot: list[list[Item]] = field(default_factory=list)


@dataclass(frozen=True)
class ProblemGroup:
    """All places where one and the same thing went wrong."""

    what: str
    places: list[str]


def problem_groups(problems: Iterable[Problem]) -> list[ProblemGroup]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        grouped[problem.what].append(problem.where)
    return [ProblemGroup(what, places) for what, places in grouped.items()]


@dataclass(frozen=True)
class Gap:
    """Languages of a task (and noise family) that have no number; the recorded reasons and their languages."""

    task: str
    what: str
    languages: list[str]
    reasons: dict[str, list[str]]


def gaps(study: Study, status: str) -> list[Gap]:
    """Per task (and noise family for n/a) the languages with this status."""
    found: dict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for cell in sorted(study.cells, key=lambda cell: (cell.task, by_language(cell))):
        if cell.status == status:
            what = cell.noise if status == "n/a" else ""
            found[(cell.task, what)][cell.error or ""][f"{cell.language_name} ({cell.language})"] = None
    return [
        Gap(
            task,
            what,
            ordered(language for languages in reasons.values() for language in languages),
            {reason: list(languages) for reason, languages in reasons.items() if reason},
        )
        for (task, what), reasons in found.items()
    ]


def saturated(study: Study) -> list[Gap]:
    """Per task and noise family the languages in which it is weaker than asked for: nothing more to act on."""
    found: dict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for cell in sorted(study.cells, key=lambda cell: (cell.task, cell.noise, cell.level, by_language(cell))):
        if cell.status == "ok" and cell.saturated:
            where = f"{cell.language} {cell.achieved or 0.0:.3f}"
            found[(cell.task, cell.noise)][f"level {cell.level:g}"][where] = None
    return [
        Gap(task, noise, [], {level: list(languages) for level, languages in levels.items()})
        for (task, noise), levels in found.items()
    ]


def completeness_table(study: Study, names: Names) -> TableView:
    """Cells that are there, of those of the grid, by task, arm and noise family; what became of the rest."""
    noises = ordered(count.noise for count in study.counts)
    at = {(c.task, c.model, c.system, c.noise): c.counts for c in study.counts}
    rows = []
    for task, model, system in dict.fromkeys((c.task, c.model, c.system) for c in study.counts):
        row = [Item(names.task(task, model)), Item(system.intermediate)]
        for noise in noises:
            row.append(_count_item(at.get((task, model, system, noise), {})))
        rows.append(row)
    heads = [(name, 1) for name in ("task", "intermediate", *noises)]
    return TableView("Cells measured, of all cells, by task, arm and noise family", [heads], rows)


def _count_item(counts: Mapping[str, int]) -> Item:
    total = sum(counts.values())
    if not total:
        return Item(NONE, "num gap")
    rest = [f"{counts[status]:,} {STATUS_TEXT[status]}" for status in (*STATUSES[1:], ABSENT) if counts.get(status)]
    kind = "num bad" if counts.get("error") else "num"
    return Item(f"{counts.get('ok', 0):,} of {total:,}", kind, ", ".join(rest))


def score_table(places: Sequence[Place], panels: Sequence[Panel], points: Sequence[Point]) -> TableView:
    """Language by level of one task, model and system."""
    first = places[0]
    axis = list(dict.fromkeys((p.noise, p.level) for p in places))
    noises = ordered(noise for noise, _ in axis if noise != CLEAN)
    at = {(p.language, p.noise, p.level): p for p in places}
    rows = []
    for language, name in dict.fromkeys((p.language, p.language_name) for p in places):
        row = [Item(f"{name} ({language})")]
        for noise, level in axis:
            row.append(_score_item(at[(language, noise, level)]))
        rows.append(row)
    heads: list[list[tuple[str, int]]] = []
    if noises:
        heads.append([("", 1), *([("clean", 1)] if (CLEAN, 0.0) in axis else [])]
                     + [(noise, sum(n == noise for n, _ in axis)) for noise in noises])  # fmt: skip
    heads.append([("language", 1), *((f"{level:g}", 1) for _, level in axis)])
    caption = f"{first.task}, {first.metric or 'score'} × 100, intermediate training: {first.system.intermediate}"
    return TableView(caption, heads, rows, _mean_rows(axis, panels, points))


def _score_item(place: Place) -> Item:
    if place.score is None:
        return Item(STATUS_TEXT[place.status], {"error": "num bad"}.get(place.status, "num gap"))
    return Item(percent(place.score) + ("*" if place.status == PARTIAL else "") + guess(place.at_chance), "num")


def _mean_rows(axis: Sequence[tuple[str, float]], panels: Sequence[Panel], points: Sequence[Point]) -> list[list[Item]]:
    """One mean row per noise family: each is over its own set of complete languages, which is said."""
    rows = []
    for panel in panels:
        own = {p.level: p for p in points if p.panel is panel}
        if not own:
            continue
        scope = f"{panel.noise}: {len(panel.languages)} of {panel.wanted}"
        row = [Item("mean", note=scope if panel.whole else f"{scope}, incomplete")]
        for noise, level in axis:
            point = own.get(level) if noise in (CLEAN, panel.noise) else None
            row.append(Item(percent(point.score.value) + guess(point.at_chance) if point else "", "num"))
        rows.append(row)
    return rows


def curve_table(panel: Panel, points: Sequence[Point], names: Names) -> TableView:
    """The curves of one panel: score, interval and drop rate by arm and level."""
    curves = {s: {p.level: p for p in points if p.panel is panel and p.system == s} for s in panel.systems}
    last = {system: curve[panel.levels[-1]] for system, curve in curves.items()}
    top = f"at level {panel.levels[-1]:g}"
    groups = [("", 1), ("score at level", len(panel.levels))]
    heads = [(name, 1) for name in ("intermediate", *(f"{level:g}" for level in panel.levels))]
    rows = []
    for system, curve in curves.items():
        row = [Item(system.intermediate)]
        rows.append(row + [_curve_item(p) for p in curve.values()])
    for group, name, items in _summaries(list(last.values()), top):
        groups.append((group, 1))
        heads.append((name, 1))
        for row, item in zip(rows, items, strict=True):
            row.append(item)
    scope = f"mean over {len(panel.languages)} of {plural(panel.wanted, 'language')}"
    if any(point.score.conditional for point in last.values()):
        scope += f"; {plural(len(panel.seeds), 'training seed')}: intervals are {CONDITIONAL}"
    return TableView(f"{names.panel(panel)}: {panel.metric} × 100, {scope}", [_merged(groups), heads], rows)


def _curve_item(point: Point) -> Item:
    return Item(percent(point.score.value) + guess(point.at_chance), "num", bounds(point.score))


def _summaries(last: Sequence[Point], top: str) -> list[tuple[str, str, list[Item]]]:
    """(group, column, one item a system) for what is defined in one system at least."""
    columns = [
        (top, "drop rate", [Item(percent(p.drop_rate.value), "num", bounds(p.drop_rate)) for p in last]),
        (top, "above chance",
         [Item(percent(p.drop_rate_above_chance.value), "num", bounds(p.drop_rate_above_chance)) for p in last]),
        (top, "log-odds lost",
         [Item(number(p.log_odds_lost.value, LOG_ODDS), "num", bounds(p.log_odds_lost, LOG_ODDS)) for p in last]),
        (top, "gap to English", [Item(percent(p.cross_lingual_gap, sign=True), "num") for p in last]),
        (top, "right→wrong", [Item(percent(p.right_to_wrong), "num") for p in last]),
        (top, "wrong→right", [Item(percent(p.wrong_to_right), "num") for p in last]),
        ("whole curve", "retention area",
         [Item(percent(p.retention_area.value), "num", bounds(p.retention_area)) for p in last]),
    ]  # fmt: skip
    if all(p.level == 0 for p in last):
        return []
    return [column for column in columns if any(item.text != NONE for item in column[2])]


def _merged(groups: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Neighbours of the same name as one heading."""
    merged: list[tuple[str, int]] = []
    for name, span in groups:
        if merged and merged[-1][0] == name:
            merged[-1] = (name, merged[-1][1] + span)
        else:
            merged.append((name, span))
    return merged


def contrast_table(contrasts: Sequence[Contrast], names: Names, caption: str) -> TableView:
    """Arm minus reference arm, over the languages and training seeds that these two have."""
    rows = []
    for row in contrasts:
        rows.append(
            [
                Item(names.panel(row.panel), note="; ".join(filter(None, (names.arms(row), _guessing(row))))),
                Item("all" if row.level is None else f"{row.level:g}", "num"),
                Item(number(row.reference_value, row.measure), "num"),
                Item(number(row.value, row.measure), "num"),
                Item(number(row.difference.value, row.measure, sign=True), "num strong"),
                _interval_item(row.difference, row.measure),
                Item(probability(row.p), "num"),
                Item(probability(row.p_holm), "num"),
                Item(f"{len(row.panel.languages)}/{row.panel.wanted}", "num"),
                Item(f"{len(row.panel.seeds)}", "num"),
            ]
        )
    arm, reference = contrasts[0].arm.arm, contrasts[0].reference.arm
    heads = ["task · noise", "level", reference, arm, "difference", "95 % interval", "p", "Holm p"]
    return TableView(caption, [[(h, 1) for h in (*heads, "languages", "seeds")]], rows)


def _interval_item(difference: Estimate, measure: str) -> Item:
    note = CONDITIONAL if difference.conditional else ""
    return Item(_unbroken(bounds(difference, measure, sign=True)) or NONE, "num", note)


def _unbroken(text: str) -> str:
    """On one line: the table scrolls."""
    return text.replace(" ", "\u00a0")


def effect_table(effects: Sequence[Effect], names: Names, caption: str) -> TableView | None:
    """One row a comparison and scale, over all noise families and levels; None where there is none."""
    if not effects:
        return None
    rows = []
    for row in effects:
        itself = row.family == SELF
        task = names.task(row.task, row.model)
        rows.append(
            [
                Item(task if itself else f"{task} · {row.kind}", note=f"{row.arm} minus {row.reference}"),
                Item(_unbroken(MEASURE_TEXT[row.scale]), note="tested" if row.p_adjusted is not None else ""),
                Item(number(row.reference_value, row.scale), "num"),
                Item(number(row.value, row.scale), "num"),
                Item(number(row.difference.value, row.scale, sign=True), "num strong"),
                _interval_item(row.difference, row.scale),
                Item(probability(row.difference.p), "num"),
                Item(probability(row.p_adjusted), "num"),
                Item(number(row.smallest, row.scale), "num", "at least" if row.difference.conditional else ""),
                Item(f"{len(row.languages)}/{max(panel.wanted for panel in row.panels)}", "num"),
                Item(f"{row.difference.seeds}", "num"),
            ]
        )
    sides = ["unseen", "seen"] if effects[0].family == BETWEEN else ["reference", "arm"]
    heads = ["task · kind", "scale", *sides, "difference", "95 % interval", "p", "adjusted p"]
    heads += ["smallest seen", "languages", "seeds"]
    return TableView(caption, [[(head, 1) for head in heads]], rows)


def _guessing(row: Contrast) -> str:
    return f"no better than a guess without noise: {', '.join(row.guessing)}" if row.guessing else ""


def stage_table(stages: Sequence[dict[str, str]]) -> TableView | None:
    """The trained stages, from tables/stages.csv."""
    if not stages:
        return None
    heads = [(name.replace("_", " "), 1) for name in stages[0]]
    rows = [[Item(value) for value in row.values()] for row in stages]
    return TableView("Trained stages (tables/stages.csv)", [heads], rows)
