"""The tables of the page: captions, headings and cells as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.record import ABSENT, CLEAN, STATUSES
from xtreme_noise.report.by_language import PARTIAL, Place, language_order
from xtreme_noise.report.cells import Problem, ordered
from xtreme_noise.report.effects import BETWEEN, FAMILY, SELF, Effect
from xtreme_noise.report.formatting import (
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
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.statistics import Contrast, Point
from xtreme_noise.report.study import StudyResults

MOST_COLUMNS, MOST_ROWS = 12, 16  # of a table that is shown unfolded: what fits a page of 76 rem, and one screen


@dataclass(frozen=True)
class TableCell:
    """One table cell. `kind` is a CSS class; `note` a smaller second line."""

    text: str
    kind: str = ""
    note: str = ""


@dataclass(frozen=True)
class TableView:
    """A table. heads: rows of (text, columns it spans); each row starts with its row heading.

    fold: whether the page shows only the caption until a reader opens it; None: if it is wide or long.
    """

    caption: str
    heads: list[list[tuple[str, int]]]
    rows: list[list[TableCell]]
    foot: list[list[TableCell]] = field(default_factory=list)
    fold: bool | None = None

    @property
    def columns(self) -> int:
        return sum(span for _, span in self.heads[-1])

    @property
    def folded(self) -> bool:
        return self.columns > MOST_COLUMNS or len(self.rows) > MOST_ROWS if self.fold is None else self.fold


@dataclass(frozen=True)
class ProblemGroup:
    """All places with the same problem."""

    what: str
    places: list[str]


def problem_groups(problems: Iterable[Problem]) -> list[ProblemGroup]:
    grouped: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        grouped[problem.what].append(problem.where)
    return [ProblemGroup(what, places) for what, places in grouped.items()]


@dataclass(frozen=True)
class Gap:
    """Languages of a task (and noise family) without a number, and the recorded reasons with their languages."""

    task: str
    what: str
    languages: list[str]
    reasons: dict[str, list[str]]


def gaps(study: StudyResults, status: str) -> list[Gap]:
    """The languages with this status, by task (and noise family for n/a)."""
    by_task: dict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for cell in sorted(study.cells, key=lambda cell: (cell.task, language_order(cell))):
        if cell.status == status:
            what = cell.noise if status == "n/a" else ""
            by_task[(cell.task, what)][cell.error or ""][f"{cell.language_name} ({cell.language})"] = None
    return [
        Gap(
            task,
            what,
            ordered(language for languages in reasons.values() for language in languages),
            {reason: list(languages) for reason, languages in reasons.items() if reason},
        )
        for (task, what), reasons in by_task.items()
    ]


def saturated(study: StudyResults) -> list[Gap]:
    """The languages with saturated noise, by task and noise family."""
    by_task: dict[tuple[str, str], dict[str, dict[str, None]]] = defaultdict(lambda: defaultdict(dict))
    for cell in sorted(study.cells, key=lambda cell: (cell.task, cell.noise, cell.level, language_order(cell))):
        if cell.status == "ok" and cell.saturated:
            where = f"{cell.language} {cell.achieved or 0.0:.3f}"
            by_task[(cell.task, cell.noise)][f"level {cell.level:g}"][where] = None
    return [
        Gap(task, noise, [], {level: list(languages) for level, languages in levels.items()})
        for (task, noise), levels in by_task.items()
    ]


def completeness_table(study: StudyResults, names: Names) -> TableView:
    """Measured cells and all cells, by task, arm and noise family, with the status of the rest."""
    noises = ordered(count.noise for count in study.counts)
    at = {(c.task, c.model, c.system, c.noise): c.counts for c in study.counts}
    rows = []
    for task, model, system in dict.fromkeys((c.task, c.model, c.system) for c in study.counts):
        row = [TableCell(names.task(task, model)), TableCell(system.intermediate)]
        for noise in noises:
            row.append(_count_item(at.get((task, model, system, noise), {})))
        rows.append(row)
    heads = [(name, 1) for name in ("task", "intermediate", *map(names.noise, noises))]
    return TableView("Cells measured, of all cells, by task, arm and noise family", [heads], rows)


def _count_item(counts: Mapping[str, int]) -> TableCell:
    total = sum(counts.values())
    if not total:
        return TableCell(NONE, "num gap")
    rest = [f"{counts[status]:,} {STATUS_TEXT[status]}" for status in (*STATUSES[1:], ABSENT) if counts.get(status)]
    kind = "num bad" if counts.get("error") else "num"
    return TableCell(f"{counts.get('ok', 0):,} of {total:,}", kind, ", ".join(rest))


def score_table(places: Sequence[Place], panels: Sequence[Panel], points: Sequence[Point], names: Names) -> TableView:
    """Language by level of one task, model and system."""
    first = places[0]
    axis = list(dict.fromkeys((p.noise, p.level) for p in places))
    noises = ordered(noise for noise, _ in axis if noise != CLEAN)
    at = {(p.language, p.noise, p.level): p for p in places}
    rows = []
    for language, name in dict.fromkeys((p.language, p.language_name) for p in places):
        row = [TableCell(f"{name} ({language})")]
        for noise, level in axis:
            row.append(_score_item(at[(language, noise, level)]))
        rows.append(row)
    heads: list[list[tuple[str, int]]] = []
    if noises:
        heads.append([("", 1), *([("clean", 1)] if (CLEAN, 0.0) in axis else [])]
                     + [(names.noise(noise), sum(n == noise for n, _ in axis)) for noise in noises])  # fmt: skip
    heads.append([("language", 1), *((f"{level:g}", 1) for _, level in axis)])
    caption = f"{first.task}, {first.metric or 'score'} × 100, intermediate training: {first.system.intermediate}"
    return TableView(caption, heads, rows, _mean_rows(axis, panels, points))


def _score_item(place: Place) -> TableCell:
    if place.score is None:
        return TableCell(STATUS_TEXT[place.status], {"error": "num bad"}.get(place.status, "num gap"))
    return TableCell(percent(place.score) + ("*" if place.status == PARTIAL else "") + guess(place.at_chance), "num")


def _mean_rows(
    axis: Sequence[tuple[str, float]], panels: Sequence[Panel], points: Sequence[Point]
) -> list[list[TableCell]]:
    """One mean row per noise family, with the number of complete languages that it covers."""
    rows = []
    for panel in panels:
        own = {p.level: p for p in points if p.panel is panel}
        if not own:
            continue
        scope = f"{panel.noise}: {len(panel.languages)} of {panel.wanted}"
        row = [TableCell("mean", note=scope if panel.whole else f"{scope}, incomplete")]
        for noise, level in axis:
            point = own.get(level) if noise in (CLEAN, panel.noise) else None
            row.append(TableCell(percent(point.score.value) + guess(point.at_chance) if point else "", "num"))
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
        row = [TableCell(system.intermediate)]
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


def _curve_item(point: Point) -> TableCell:
    return TableCell(percent(point.score.value) + guess(point.at_chance), "num", bounds(point.score))


def _summaries(last: Sequence[Point], top: str) -> list[tuple[str, str, list[TableCell]]]:
    """(group, column, one cell per system) of the measures that are defined for at least one system."""
    columns = [
        (top, "drop rate", [TableCell(percent(p.drop_rate.value), "num", bounds(p.drop_rate)) for p in last]),
        (top, "above chance",
         [TableCell(percent(p.drop_rate_above_chance.value), "num", bounds(p.drop_rate_above_chance)) for p in last]),
        (top, "log-odds lost",
         [TableCell(number(p.log_odds_lost.value, PRIMARY), "num", bounds(p.log_odds_lost, PRIMARY)) for p in last]),
        (top, "gap to English", [TableCell(percent(p.cross_lingual_gap, sign=True), "num") for p in last]),
        (top, "right→wrong", [TableCell(percent(p.right_to_wrong), "num") for p in last]),
        (top, "wrong→right", [TableCell(percent(p.wrong_to_right), "num") for p in last]),
        ("whole curve", "retention area",
         [TableCell(percent(p.retention_area.value), "num", bounds(p.retention_area)) for p in last]),
    ]  # fmt: skip
    if all(p.level == 0 for p in last):
        return []
    return [column for column in columns if any(item.text != NONE for item in column[2])]


def _merged(groups: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Merges neighbouring headings with the same name."""
    merged: list[tuple[str, int]] = []
    for name, span in groups:
        if merged and merged[-1][0] == name:
            merged[-1] = (name, merged[-1][1] + span)
        else:
            merged.append((name, span))
    return merged


def contrast_table(contrasts: Sequence[Contrast], names: Names, caption: str) -> TableView:
    """Arm minus reference arm, over the languages and training seeds that both have."""
    rows = []
    for row in contrasts:
        rows.append(
            [
                TableCell(names.panel(row.panel), note="; ".join(filter(None, (names.arms(row), _guessing(row))))),
                TableCell("all" if row.level is None else f"{row.level:g}", "num"),
                TableCell(number(row.reference_value, row.measure), "num"),
                TableCell(number(row.value, row.measure), "num"),
                TableCell(number(row.difference.value, row.measure, sign=True), "num strong"),
                _interval_item(row.difference, row.measure),
                TableCell(probability(row.p), "num"),
                TableCell(probability(row.p_holm), "num"),
                TableCell(f"{len(row.panel.languages)}/{row.panel.wanted}", "num"),
                TableCell(f"{len(row.panel.seeds)}", "num"),
            ]
        )
    arm, reference = contrasts[0].arm.side, contrasts[0].reference.side
    heads = ["task · noise", "level", reference, arm, "difference", "95 % interval", "p", "Holm p"]
    return TableView(caption, [[(h, 1) for h in (*heads, "languages", "seeds")]], rows)


def _interval_item(difference: Estimate, measure: str) -> TableCell:
    note = CONDITIONAL if difference.conditional else ""
    return TableCell(unbroken(bounds(difference, measure, sign=True)) or NONE, "num", note)


def unbroken(text: str) -> str:
    """Without line breaks: the table scrolls."""
    return text.replace(" ", "\u00a0")


def effect_table(effects: Sequence[Effect], names: Names, caption: str) -> TableView | None:
    """One row per comparison and scale, over all noise families and levels; None if there is none."""
    if not effects:
        return None
    rows = []
    for row in effects:
        itself = row.family == SELF
        task = names.task(row.task, row.model)
        rows.append(
            [
                TableCell(
                    task if itself else f"{task} · {row.kind}",
                    note="; ".join((f"{row.arm} minus {row.reference}", *row.below_gate)),
                ),
                TableCell(MEASURE_TEXT[row.scale], "words", "tested" if row.p_adjusted is not None else ""),
                TableCell(number(row.difference.value, row.scale, sign=True), "num strong"),
                _interval_item(row.difference, row.scale),
                TableCell(probability(row.difference.p), "num"),
                TableCell(probability(row.p_adjusted), "num"),
                TableCell(number(row.reference_value, row.scale), "num"),
                TableCell(number(row.value, row.scale), "num"),
                TableCell(number(row.smallest, row.scale), "num", "at least" if row.difference.conditional else ""),
                TableCell(f"{len(row.languages)}/{max(panel.wanted for panel in row.panels)}", "num"),
                TableCell(f"{row.difference.seeds}", "num"),
            ]
        )
    sides = ["unseen", "seen"] if effects[0].family == BETWEEN else ["reference", "arm"]
    heads = ["task · kind", "scale", "difference", "95 % interval", "p", "adjusted p"]
    heads += [*sides, "smallest detectable", "languages", "seeds"]
    return TableView(caption, [[(head, 1) for head in heads]], rows)


def family_table(study: StudyResults, names: Names, family: str) -> TableView | None:
    """The comparisons of one family of tests; None if there are none."""
    own = [effect for effect in study.effects if effect.family == family]
    tests = max((effect.tests for effect in own), default=0)
    how = {FAMILY: "step-down maxT"}.get(family, "Holm")
    adjusted = f"; p adjusted for {plural(tests, 'test')} ({how})" if tests and family != SELF else ""
    what = {
        FAMILY: "Primary comparisons",
        SELF: "A/A: one system against itself",
        BETWEEN: "Seen minus unseen languages",
    }
    name = what.get(family, f"Secondary family, {family}")
    return effect_table(own, names, f"{name}, mean over noise families and levels{adjusted}")


def _guessing(row: Contrast) -> str:
    return f"no better than a guess without noise: {', '.join(row.guessing)}" if row.guessing else ""


def stage_table(stages: Sequence[dict[str, str]]) -> TableView | None:
    """The trained stages, from tables/stages.csv."""
    if not stages:
        return None
    heads = [(name.replace("_", " "), 1) for name in stages[0]]
    rows = [[TableCell(value) for value in row.values()] for row in stages]
    return TableView("Trained stages (tables/stages.csv)", [heads], rows)
