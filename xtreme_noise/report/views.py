"""The tables of the page, ready to be set: captions, headings and cells as text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from xtreme_noise.report.cells import CLEAN, STATUSES, Problem, ordered
from xtreme_noise.report.estimates import Contrast, Point
from xtreme_noise.report.grid import ABSENT, PARTIAL, Place
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.study import Study
from xtreme_noise.report.text import MEASURE_TEXT, NONE, STATUS_TEXT, bounds, percent, probability


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
    """Languages of a task that have no number, and why."""

    task: str
    what: str
    languages: list[str]
    reason: str


def gaps(study: Study, status: str) -> list[Gap]:
    """Per task (and noise family for n/a) the languages with this status."""
    found: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for cell in study.cells:
        if cell.status == status:
            what = cell.noise if status == "n/a" else ""
            found[(cell.task, what, cell.error or "")][f"{cell.language_name} ({cell.language})"] = None
    return [Gap(task, what, list(languages), reason) for (task, what, reason), languages in found.items()]


def completeness_table(study: Study, names: Names) -> TableView:
    rows = []
    for count in study.counts:
        numbers = [count.counts.get(status, 0) for status in (*STATUSES, ABSENT)]
        kinds = ["", "bad", "gap", "gap", "gap"]
        rows.append(
            [
                Item(names.task(count.task, count.model)),
                Item(count.system.intermediate),
                Item(count.noise),
                *(Item(str(n), f"num {kind if n else ''}") for n, kind in zip(numbers, kinds, strict=True)),
            ]
        )
    heads = ["task", "intermediate", "noise", "ok", "failed", "missing", "n/a", "not run"]
    return TableView("Cells by task, arm and noise family", [[(h, 1) for h in heads]], rows)


def score_table(places: Sequence[Place], panels: Sequence[Panel], points: Sequence[Point]) -> TableView:
    """Language by level of one task, model and system."""
    first = places[0]
    axis = list(dict.fromkeys((p.noise, p.level) for p in places))
    noises = ordered(noise for noise, _ in axis if noise != CLEAN)
    at = {(p.language, p.noise, p.level): p for p in places}
    rows = []
    for language, name in dict.fromkeys((p.language, p.language_name) for p in places):
        row = [Item(name, note=language)]
        for noise, level in axis:
            row.append(_score_item(at[(language, noise, level)]))
        rows.append(row)
    heads: list[list[tuple[str, int]]] = []
    if noises:
        heads.append([("", 1), *([("clean", 1)] if (CLEAN, 0.0) in axis else [])]
                     + [(noise, sum(n == noise for n, _ in axis)) for noise in noises])  # fmt: skip
    heads.append([("language", 1), *((f"{level:g}", 1) for _, level in axis)])
    caption = f"{first.task}: {first.metric or 'score'} × 100, intermediate {first.system.intermediate}"
    return TableView(caption, heads, rows, _mean_rows(axis, panels, points))


def _score_item(place: Place) -> Item:
    if place.score is None:
        return Item(STATUS_TEXT[place.status], {"error": "num bad"}.get(place.status, "num gap"))
    star = "*" if place.status == PARTIAL else ""
    bound = f"{percent(place.low)}–{percent(place.high)}" if place.low is not None else ""
    return Item(percent(place.score) + star, "num", bound)


def _mean_rows(
    axis: Sequence[tuple[str, float]], panels: Sequence[Panel], points: Sequence[Point]
) -> list[list[Item]]:
    """One mean row per noise family: each is over its own set of complete languages, which is said."""
    rows = []
    for panel in panels:
        own = {p.level: p for p in points if p.panel is panel}
        if not own:
            continue
        row = [Item("mean" if panel.whole else "mean, incomplete", note=f"{len(panel.languages)} of {panel.wanted} · {panel.noise}")]
        for noise, level in axis:
            point = own.get(level) if noise in (CLEAN, panel.noise) else None
            row.append(Item(percent(point.score.value) if point else "", "num"))
        rows.append(row)
    return rows


def curve_table(panel: Panel, points: Sequence[Point], names: Names) -> TableView:
    """The curves of one panel: score, interval and drop rate by arm and level."""
    rows = []
    for system in panel.systems:
        own = {p.level: p for p in points if p.panel is panel and p.system == system}
        last = own[panel.levels[-1]]
        row = [Item(system.intermediate, f"arm-{system.arm}")]
        row += [Item(percent(own[level].score.value), "num", bounds(own[level].score)) for level in
        panel.levels] row += [ Item(percent(last.drop_rate.value) if last.level else NONE, "num",
        bounds(last.drop_rate) if last.level else ""), Item(percent(last.drop_rate_above_chance) if last.level
        else NONE, "num"), Item(percent(last.retention_area.value), "num", bounds(last.retention_area)),
        Item(percent(last.cross_lingual_gap, sign=True), "num"), Item(percent(last.right_to_wrong) if
        last.level else NONE, "num"), Item(percent(last.wrong_to_right) if last.level else NONE, "num"), ]
        rows.append(row) top = f"{panel.levels[-1]:g}" heads = [ [("", 1), ("score at level",
        len(panel.levels)), (f"at level {top}", 2), ("whole curve", 1), (f"at level {top}", 3)],
        [("intermediate", 1), *((f"{level:g}", 1) for level in panel.levels), ("drop rate", 1), ("above
        chance", 1), ("retention area", 1), ("gap to English", 1), ("right→wrong", 1), ("wrong→right", 1)], ]
        # fmt: skip scope = f"mean over {len(panel.languages)} of {panel.wanted} languages" return
        TableView(f"{names.panel(panel)}: {panel.metric} × 100, {scope}", heads, rows)


def contrast_table(contrasts: Sequence[Contrast], names: Names, caption: str) -> TableView:
    """Arm minus reference arm."""
    rows = []
    for row in contrasts:
        rows.append(
            [
                Item(names.panel(row.panel), note=f"{row.arm.kind}" if names.several_kinds else ""),
                Item(MEASURE_TEXT[row.measure]),
                Item("all" if row.level is None else f"{row.level:g}", "num"),
                Item(percent(row.reference_value), "num"),
                Item(percent(row.value), "num"),
                Item(percent(row.difference.value, sign=True), "num strong"),
                Item(bounds(row.difference, sign=True) or NONE, "num"),
                Item(probability(row.p), "num"),
                Item(probability(row.p_holm), "num"),
                Item(f"{len(row.panel.languages)}/{row.panel.wanted}", "num"),
            ]
        )
    arm, reference = contrasts[0].arm.arm, contrasts[0].reference.arm
    heads = ["task · noise", "measure", "level", reference, arm, "difference", "95 % interval", "p", "Holm p", "languages"]
    return TableView(caption, [[(h, 1) for h in heads]], rows)


def stage_table(stages: Sequence[dict[str, str]]) -> TableView | None:
    """The trained stages, from tables/stages.csv."""
    if not stages:
        return None
    heads = [(name.replace("_", " "), 1) for name in stages[0]]
    rows = [[Item(value) for value in row.values()] for row in stages]
    return TableView("Trained stages (tables/stages.csv)", [heads], rows)
