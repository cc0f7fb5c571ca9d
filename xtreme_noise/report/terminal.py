"""The compact table of a study for the terminal."""

from __future__ import annotations

from collections import Counter

from rich import box
from rich.markup import escape
from rich.table import Table

from xtreme_noise.analysis.seeds import LEAST_SEEDS, Estimate
from xtreme_noise.config import limits
from xtreme_noise.record import ABSENT, CLEAN, STATUSES
from xtreme_noise.report.formatting import CHANGES, CONDITIONAL, GUESS, STATUS_TEXT, guess, percent, plural
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.statistics import Point
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.system import System


def table(study: StudyResults) -> Table:
    """One row per task, noise family, model and arm; scores x 100, means over languages complete in all arms.

    Narrow enough for 80 columns.
    """
    names = Names.of(study.cells)
    out = Table(
        title=escape(study.sweep.name),
        caption=_trial(study)
        + "scores × 100: means over the languages complete in every arm (langs); drop: % of clean lost"
        + _few_seeds(study)
        + _guessing(study)
        + (f"\n{CHANGES} noise that may change the right answer" if names.changing else "")
        + _missing(study),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),  # narrow: an arm's whole name in 80 columns
        pad_edge=False,
        show_edge=False,
    )
    for name in ("task", "noise", "intermediate"):
        out.add_column(name, overflow="fold", min_width=5)
    for name in ("langs", "clean", "noisy", "drop"):
        out.add_column(name, justify="right", no_wrap=True)
    out.add_column("cells", overflow="fold", min_width=9)
    curves = {(id(p.panel), p.system, p.level): p for p in study.points}
    previous: Panel | None = None
    for panel in study.panels:
        if previous and (previous.task, previous.model) != (panel.task, panel.model):
            out.add_section()
        fresh = previous is None or (previous.task, previous.model) != (panel.task, panel.model)
        previous = panel
        top = panel.levels[-1] if len(panel.levels) > 1 else None
        noise = names.noise(panel.noise) + ("" if top is None else f" {top:g}")
        for i, system in enumerate((*panel.systems, *panel.silent)):
            clean = curves.get((id(panel), system, 0.0))
            noisy = curves.get((id(panel), system, top)) if top else None
            out.add_row(
                escape(names.task(panel.task, panel.model)) if fresh and i == 0 else "",
                escape(noise) if i == 0 else "",
                escape(system.intermediate),
                f"{len(panel.languages)}/{panel.wanted}",
                _score(clean),
                _score(noisy),
                _percent(noisy.drop_rate if noisy else None),
                _cells(study, panel, system),
            )
    return out


def _trial(study: StudyResults) -> str:
    found = {cell.limit for cell in study.cells if cell.limit is not None}
    return "".join(f"[bold red]{limits.note(limit)}[/]\n" for limit in sorted(found))


def _few_seeds(study: StudyResults) -> str:
    """A note that one or two seeds are too few to compare arms."""
    few = {len(panel.seeds) for panel in study.panels if panel.languages and len(panel.seeds) < LEAST_SEEDS}
    if not few:
        return ""
    return f"\n{plural(min(few), 'training seed')}: differences and intervals are {CONDITIONAL}, no test of arms"


def _guessing(study: StudyResults) -> str:
    """The explanation of the chance sign, if it occurs."""
    chances = {p.panel.task: percent(p.chance.score) for p in study.points if p.chance and p.at_chance}
    if not chances:
        return ""
    named = ", ".join(f"{escape(task)} {score}" for task, score in chances.items())
    return f"\n{GUESS} no better than a guess ({named}): after such a clean score, the drop has no meaning"


def _missing(study: StudyResults) -> str:
    """Up to three reasons for missing cells, usually the name of a missing file."""
    reasons = list(dict.fromkeys(cell.error for cell in study.cells if cell.status == "missing" and cell.error))
    more = f"\nmissing: {len(reasons) - 3} more, in the report" if len(reasons) > 3 else ""
    return "".join(f"\nmissing: {escape(reason)}" for reason in reasons[:3]) + more


def _cells(study: StudyResults, panel: Panel, system: System) -> str:
    """Cells of this noise family; clean cells count with every family."""
    totals: Counter[str] = Counter()
    for count in study.counts:
        same = (count.task, count.model, count.system) == (panel.task, panel.model, system)
        if same and count.noise in (CLEAN, panel.noise):
            totals.update(count.counts)
    parts = [f"{totals['ok']} ok"]
    for status in (*STATUSES[1:], ABSENT):
        if totals[status]:
            text = f"{totals[status]} {STATUS_TEXT[status]}"
            parts.append(f"[bold red]{text}[/]" if status == "error" else text)
    return ", ".join(parts)


def _score(point: Point | None) -> str:
    return _percent(point.score) + guess(point.at_chance) if point else _percent(None)


def _percent(estimate: Estimate | None) -> str:
    return percent(estimate.value if estimate else None)
