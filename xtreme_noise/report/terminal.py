"""The compact table of a sweep for the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from xtreme_noise.report.cells import CLEAN, STATUSES
from xtreme_noise.report.estimates import Estimate, Point
from xtreme_noise.report.grid import ABSENT
from xtreme_noise.report.panels import Panel, System
from xtreme_noise.report.study import Study, read_study


def table(sweep: Path) -> Table:
    """One row per task, noise family, model and arm; scores x 100, means over languages complete in all arms."""
    study = read_study(sweep, resample=False)
    out = Table(
        title=escape(f"{sweep.name}: scores x 100, means over the languages complete in every arm"),
        caption="not run: in the grid of this sweep, but without a record",
    )
    several = len(study.models) > 1
    for name in ("task", "noise", *(["model"] if several else []), "intermediate"):
        out.add_column(name, overflow="fold")
    for name in (
        "languages",
        "clean",
        "noisy",
        "at level",
        "drop rate",
        "ok",
        "failed",
        "missing",
        "n/a",
        "not run",
    ):
        out.add_column(name, justify="right")
    curves = {
        (p.panel.task, p.panel.model, p.panel.noise, p.system.intermediate, p.level): p for p in study.points
    }
    previous = None
    for panel in study.panels:
        if previous not in (None, panel.task):
            out.add_section()
        previous = panel.task
        for system in (*panel.systems, *panel.silent):
            key = (panel.task, panel.model, panel.noise, system.intermediate)
            clean = curves.get((*key, 0.0))
            top = curves.get((*key, panel.levels[-1])) if len(panel.levels) > 1 else None
            names = [panel.task, panel.noise, *([panel.model] if several else []), system.intermediate]
            out.add_row(
                *map(escape, names),
                f"{len(panel.languages)}/{panel.wanted}",
                _percent(clean.score if clean else None),
                _percent(top.score if top else None),
                f"{top.level:g}" if top else "-",
                _rate(top),
                *_counts(study, panel, system),
            )
    return out


def _counts(study: Study, panel: Panel, system: System) -> list[str]:
    """Cells of this family; those of level 0 serve all families and are counted with each."""
    totals = dict.fromkeys((*STATUSES, ABSENT), 0)
    for count in study.counts:
        same = (count.task, count.model, count.system) == (panel.task, panel.model, system)
        if same and count.noise in (CLEAN, panel.noise):
            for status, number in count.counts.items():
                totals[status] += number
    shown = [str(totals[status]) for status in (*STATUSES, ABSENT)]
    if totals["error"]:
        shown[1] = f"[bold red]{shown[1]}[/]"
    return shown


def _percent(estimate: Estimate | None) -> str:
    return "-" if estimate is None or estimate.value is None else f"{100 * estimate.value:.1f}"


def _rate(point: Point | None) -> str:
    return (
        _percent(point.drop_rate) + ("" if point is None or point.drop_rate.value is None else " %")
        if point
        else "-"
    )
