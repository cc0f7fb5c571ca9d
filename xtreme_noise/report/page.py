"""The page: one self-contained HTML file that needs no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

import xtreme_noise
from xtreme_noise.names import slug
from xtreme_noise.record import CellRecord
from xtreme_noise.report import (
    by_method,
    charts,
    cost,
    formatting,
    language_charts,
    layers,
    learned,
    robustness_tables,
    training,
    views,
    xtreme_r,
)
from xtreme_noise.report.by_language import Place
from xtreme_noise.report.cells import ordered
from xtreme_noise.report.chance import over
from xtreme_noise.report.effects import BETWEEN, FAMILY, SELF
from xtreme_noise.report.headline import QUESTION, headline, totals
from xtreme_noise.report.jobs import Job, read_learned, read_stages
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel, systems
from xtreme_noise.report.placed import Charts, Placed
from xtreme_noise.report.runs import PRIMARY, SCALES
from xtreme_noise.report.samples import sample_groups
from xtreme_noise.report.scripts import json_for_script, policy
from xtreme_noise.report.sections import sections
from xtreme_noise.report.sensitivity import SENSITIVITY
from xtreme_noise.report.statistics import CONTRASTS, MAIN, Contrast
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.styles import OUTLINES, Style, styles
from xtreme_noise.report.system import SIDES, System

SIGNATURES = 5_000  # cells listed on the page; all are in tables/cells.csv
PLACES = 200  # places listed per problem


@dataclass
class TaskView:
    """The part of the page about one task and model."""

    name: str
    anchor: str
    scores: list[views.TableView]
    curves: list[Placed]
    curve_tables: list[views.TableView]
    notes: list[str]
    heat: dict[str, list[Placed]]
    harm: list[Placed]
    partial: bool = False
    guessing: str = ""  # the chance level, if some score is no better


def page(study: StudyResults, library: str, digest: str, files: Sequence[str]) -> str:
    """report.html.

    library: from vega_library; digest: of the inputs; files: the other files, relative to it.
    """
    names = Names.of(study.cells)
    placed = Charts()
    scripts = {"library": library, "loader": _template_file("charts.js")}
    main = [c for c in study.contrasts if c.main and c.measure == PRIMARY]
    looks = styles(systems(study.cells))
    difference = charts.difference_chart(main, names, looks)
    return _template().render(
        study=study,
        digest=digest,
        version=xtreme_noise.__version__,
        style=Markup(_template_file("report.css")),
        policy=policy(scripts.values()),
        scripts={name: Markup(code) for name, code in scripts.items()},
        question=QUESTION,
        answer=headline(study),
        totals=totals(study),
        **_completeness(study, names),
        tasks=[
            _task(study=study, task=task, model=model, names=names, placed=placed, looks=looks)
            for task, model in _tasks(study.cells)
        ],
        **sections(study, names, placed, looks),
        xtreme_r=xtreme_r.table(study, names),
        layers=layers.tables(study.cells, names),
        xtreme_r_lacks=xtreme_r.lacks(study),
        systems=_systems(study.panels),
        looks=looks,
        outlines=OUTLINES,
        **_effects(study, names),
        **_contrasts(study, names),
        difference=placed.place(difference) if difference else None,
        robustness=_robustness(study, names, placed, looks),
        resamples=sorted({e.resamples for e in study.evidence.values() if e.names}),
        chances=_chances(study),
        sign=formatting.GUESS,
        changes=formatting.CHANGES,
        names=names,
        samples=sample_groups(study.cells)[0],
        **_signatures(study),
        **_how_it_ran(study),
        files=files,
        chart_data=Markup(json_for_script(placed.block)),  # evaluated last, when all charts are placed
    )


def _signatures(study: StudyResults) -> dict[str, Any]:
    """The first cells with a signature, and how many there are."""
    signed = [cell for cell in study.cells if cell.signature]
    return {"signatures": signed[:SIGNATURES], "signed": len(signed)}


def _completeness(study: StudyResults, names: Names) -> dict[str, Any]:
    """The problems of the study, and its missing cells."""
    return {
        "problems": views.problem_groups(study.problems),
        "place_limit": PLACES,
        "missing": views.gaps(study, "missing"),
        "inapplicable": views.gaps(study, "n/a"),
        "saturated": views.saturated(study),
        "completeness": views.completeness_table(study, names),
    }


def _effects(study: StudyResults, names: Names) -> dict[str, Any]:
    """The tables that compare arms in one number per task, one per family of tests, and whether seeds are few."""
    own = (FAMILY, SELF, BETWEEN, SENSITIVITY)
    others = [family for family in dict.fromkeys(e.family for e in study.effects) if family not in own]
    return {
        "primary": views.family_table(study, names, FAMILY),
        "sensitivity": by_method.table(study.effects, names),
        "itself": views.family_table(study, names, SELF),
        "between": views.family_table(study, names, BETWEEN),
        "others": [views.family_table(study, names, family) for family in others],
        "conditional": formatting.CONDITIONAL,
        "few_seeds": any(point.score.conditional for point in study.points),
    }


def _contrasts(study: StudyResults, names: Names) -> dict[str, Any]:
    """The tables that compare arms by noise family and level: what the study asks for, the rest, and seen with unseen
    languages.
    """
    return {
        "main_tables": [table for pair in MAIN for table in _contrast_tables(study.contrasts, pair, names)],
        "other_tables": [
            table for pair in CONTRASTS[len(MAIN) :] for table in _contrast_tables(study.contrasts, pair, names)
        ],
        "by_seen": [
            table
            for side, some in study.by_seen.sides.items()
            for pair in MAIN
            for table in _contrast_tables(some, pair, names, f"{side} languages: ")
        ],
        "seen_lacks": study.by_seen.lacking,
    }


def _robustness(
    study: StudyResults, names: Names, placed: Charts, looks: Mapping[System, Style]
) -> dict[str, Any] | None:
    """Tables and charts of the worst case, corruption error and effective robustness; None if there are none."""
    found = study.summaries
    shown: dict[str, Any] = {
        "worst": robustness_tables.worst_table(found.worst, names),
        "errors": robustness_tables.error_table(found.errors, names),
        "residuals": robustness_tables.residual_table(found.lines, names),
        "charts": [placed.place(charts.effective_chart(line, names, looks)) for line in found.lines],
    }
    return shown if any(shown.values()) else None


def _how_it_ran(study: StudyResults) -> dict[str, Any]:
    """Commands, configurations and software of the jobs; the trained stages; the time that all of it took."""
    stages = read_stages(study.sweep)
    return {
        "commands": ordered(job.command for job in study.jobs if job.command),
        "configs": _configs(study.jobs),
        "software": _software(study.jobs),
        "stages": views.stage_table(stages),
        "arm_sizes": training.sizes(stages),
        "learned": learned.table(read_learned(study.sweep)),
        "not_alike": training.mixed(study.cells, stages),
        "cost": cost.summary(study.cells, stages),
    }


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("xtreme_noise.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(percent=formatting.percent, plural=formatting.plural)
    return environment.get_template("report.html.j2")


def _chances(study: StudyResults) -> list[tuple[str, float]]:
    """Task and chance level, as a mean over its languages."""
    means = {task: over(known.chances, known.chances) for task, known in study.evidence.items()}
    return [(task, chance.score) for task, chance in means.items() if chance]


def _tasks(cells: Iterable[CellRecord]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((cell.task, cell.model) for cell in cells))


def _task(
    study: StudyResults, task: str, model: str, names: Names, placed: Charts, looks: Mapping[System, Style]
) -> TaskView:
    panels = [p for p in study.panels if (p.task, p.model) == (task, model)]
    places = [p for p in study.places if (p.task, p.model) == (task, model)]
    points = [p for p in study.points if (p.panel.task, p.panel.model) == (task, model)]
    scores = []
    for system in dict.fromkeys(p.system for p in places):
        own = [p for p in places if p.system == system]
        scores.append(views.score_table(own, panels, [p for p in points if p.system == system], names))
    name = names.task(task, model)
    return TaskView(
        name=name,
        anchor=slug(task, model),
        scores=scores,
        curves=[placed.place(chart) for chart in charts.curve_charts(points, looks, names)],
        curve_tables=[views.curve_table(p, points, names) for p in panels if p.languages],
        notes=[note for panel in panels if (note := _note(panel, study.cells))],
        heat={n: [placed.place(chart) for chart in own] for n, own in language_charts.heat_charts(places).items()},
        harm=[placed.place(chart) for chart in charts.harm_charts(places, looks)],
        partial=any(p.status == "partial" for p in places),
        guessing=_guess(places),
    )


def _guess(places: Sequence[Place]) -> str:
    """The range of chance levels in languages whose score is no better than chance; "" if there are none."""
    levels = [place.chance for place in places if place.at_chance and place.chance is not None]
    ends = dict.fromkeys(formatting.percent(end) for end in (min(levels), max(levels))) if levels else ()
    return " to ".join(ends)


def _note(panel: Panel, cells: Sequence[CellRecord]) -> str:
    """What the means of this panel leave out, and why."""
    names = {cell.language: cell.language_name for cell in cells}
    parts = []
    if panel.gaps:
        reasons: dict[str, list[str]] = {}
        for code, why in panel.gaps.items():
            reasons.setdefault(why, []).append(names[code])
        kind = "means are incomplete, without" if panel.languages else "no language is complete in every arm:"
        parts.append(f"{kind} " + "; ".join(f"{', '.join(some)} ({why})" for why, some in reasons.items()))
    if panel.silent:
        parts.append("nothing measured for " + ", ".join(system.intermediate for system in panel.silent))
    if panel.partial:
        parts.append("not common to all arms and left out: " + "; ".join(panel.partial))
    return f"{panel.noise}: " + "; ".join(parts) + "." if parts else ""


def _systems(panels: Sequence[Panel]) -> list[System]:
    return list(dict.fromkeys(system for panel in panels for system in (*panel.systems, *panel.silent)))


def _contrast_tables(
    contrasts: Sequence[Contrast], pair: tuple[str, str], names: Names, before: str = ""
) -> list[views.TableView]:
    """One table per measure, the drop rate first."""
    tables = []
    for measure in (*SCALES, "retention_area", "score"):
        own = [c for c in contrasts if (c.arm.side, c.reference.side) == pair and c.measure == measure]
        if own:
            arm, reference = (SIDES[name] for name in pair)
            name = formatting.MEASURE_TEXT[measure].capitalize() + ("" if measure == PRIMARY else " × 100")
            tests = max(c.tests for c in own)
            family = f"; Holm's correction over {formatting.plural(tests, 'test')}" if tests else ""
            caption = f"{before}{name}, {arm} minus {reference}{family}"
            tables.append(views.contrast_table(own, names, caption))
    return tables


def _configs(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Each distinct configuration with its jobs."""
    by_config: dict[str, list[str]] = {}
    for job in jobs:
        if job.config:
            by_config.setdefault(job.config, []).append(job.name)
    return [(", ".join(names), config) for config, names in by_config.items()]


def _software(jobs: Sequence[Job]) -> list[tuple[str, str]]:
    """Packages and the versions that the jobs used."""
    by_package: dict[str, dict[str, None]] = {}
    for job in jobs:
        for name, version in job.software.items():
            by_package.setdefault(name, {})[version] = None
    return [(name, ", ".join(versions)) for name, versions in sorted(by_package.items())]


def _template_file(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
