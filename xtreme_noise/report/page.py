"""The page: one self-contained HTML file that needs no network."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

import xtreme_noise
from xtreme_noise.config.paths import STORE, from_environment
from xtreme_noise.errors import UserError
from xtreme_noise.names import slug
from xtreme_noise.record import CellRecord
from xtreme_noise.report import (
    by_method,
    calibration_views,
    charts,
    consistency_views,
    cost,
    few_shot_views,
    formatting,
    layers,
    robustness_tables,
    training,
    typology_views,
    views,
    xtreme_r,
)
from xtreme_noise.report.by_language import Place
from xtreme_noise.report.cells import ordered
from xtreme_noise.report.chance import over
from xtreme_noise.report.charts import Chart
from xtreme_noise.report.effects import BETWEEN, FAMILY, SELF
from xtreme_noise.report.headline import QUESTION, headline, totals
from xtreme_noise.report.jobs import Job, read_stages
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel, systems
from xtreme_noise.report.runs import PRIMARY, SCALES
from xtreme_noise.report.samples import sample_groups
from xtreme_noise.report.sensitivity import SENSITIVITY
from xtreme_noise.report.statistics import CONTRASTS, MAIN, Contrast
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.styles import OUTLINES, Style, styles
from xtreme_noise.report.system import SIDES, System
from xtreme_noise.store import Store, write_atomic

SIGNATURES = 5_000  # cells listed on the page; all are in tables/cells.csv
LIBRARY = "vega.js"
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


@dataclass(frozen=True)
class CalibrationView:
    """The calibration of one task and model."""

    name: str
    charts: list[Placed]
    tables: list[views.TableView]


@dataclass(frozen=True)
class ConsistencyView:
    """The consistency of one task and model."""

    name: str
    maps: list[Placed]
    tables: list[views.TableView]


@dataclass(frozen=True)
class TypologyView:
    """What the losses of one task and model go with. left_out: predictors without a correlation."""

    name: str
    charts: list[Placed]
    tables: list[views.TableView]
    left_out: list[str]


@dataclass(frozen=True)
class FewShotView:
    """Few-shot training of one task and model."""

    name: str
    charts: list[Placed]
    table: views.TableView


@dataclass(frozen=True)
class Placed:
    """A chart of the page; `number`: its position in the page's data block."""

    title: str
    alt: str
    number: int


@dataclass
class Charts:
    """The page's data block. specs: each distinct specification once, without its rows; charts: for each chart the
    position of its specification, and its rows as columns, because names repeated in every row are most of a page of
    many cells.
    """

    specs: dict[str, int] = field(default_factory=dict)  # as JSON -> position
    charts: list[dict[str, Any]] = field(default_factory=list)

    def place(self, chart: Chart) -> Placed:
        spec = json.dumps({name: value for name, value in chart.spec.items() if name != "datasets"})
        rows = chart.spec["datasets"]["rows"]
        columns = {name: [row[name] for row in rows] for name in rows[0]} if rows else {}
        self.charts.append({"spec": self.specs.setdefault(spec, len(self.specs)), "columns": columns})
        return Placed(chart.title, chart.alt, len(self.charts) - 1)

    @property
    def block(self) -> dict[str, Any]:
        return {"specs": [json.loads(spec) for spec in self.specs], "charts": self.charts}


def page(study: StudyResults, library: str, digest: str, files: Sequence[str]) -> str:
    """report.html.

    library: from vega_library; digest: of the inputs; files: the other files, relative to it.
    """
    names = Names.of(study.cells)
    samples, _ = sample_groups(study.cells)
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
        policy=_policy(scripts.values()),
        scripts={name: Markup(code) for name, code in scripts.items()},
        question=QUESTION,
        answer=headline(study),
        totals=totals(study),
        **_completeness(study, names),
        tasks=[
            _task(study=study, task=task, model=model, names=names, placed=placed, looks=looks)
            for task, model in _tasks(study.cells)
        ],
        calibration=_calibration(study, names, placed, looks),
        consistency=_consistency(study, names, placed),
        consistency_arms=consistency_views.contrast_table(study.consistency.contrasts),
        typology=_typology(study, names, placed, looks),
        few_shot=_few_shot(study, names, placed),
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
        samples=samples,
        signatures=[c for c in study.cells if c.signature][:SIGNATURES],
        signature_limit=SIGNATURES,
        **_how_it_ran(study),
        files=files,
        chart_data=Markup(_json_for_script(placed.block)),  # evaluated last, when all charts are placed
    )


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
        "primary": _effect_table(study, names, FAMILY),
        "sensitivity": by_method.table(study.effects, names),
        "itself": _effect_table(study, names, SELF),
        "between": _effect_table(study, names, BETWEEN),
        "others": [_effect_table(study, names, family) for family in others],
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


def _effect_table(study: StudyResults, names: Names, family: str) -> views.TableView | None:
    """The comparisons of one family of tests; None if there are none."""
    own = [effect for effect in study.effects if effect.family == family]
    tests = max((effect.tests for effect in own), default=0)
    how = {FAMILY: "step-down maxT"}.get(family, "Holm")
    adjusted = f"; p adjusted for {formatting.plural(tests, 'test')} ({how})" if tests and family != SELF else ""
    what = {
        FAMILY: "Primary comparisons",
        SELF: "A/A: one system against itself",
        BETWEEN: "Seen minus unseen languages",
    }
    name = what.get(family, f"Secondary family, {family}")
    return views.effect_table(own, names, f"{name}, mean over noise families and levels{adjusted}")


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
        heat={n: [placed.place(chart) for chart in own] for n, own in charts.heat_charts(places).items()},
        harm=[placed.place(chart) for chart in charts.harm_charts(places, looks)],
        partial=any(p.status == "partial" for p in places),
        guessing=_guess(places),
    )


def _calibration(
    study: StudyResults, names: Names, placed: Charts, looks: Mapping[System, Style]
) -> list[CalibrationView]:
    """One view for each task and model with class scores."""
    found = []
    for task, model in dict.fromkeys((point.panel.task, point.panel.model) for point in study.calibration):
        own = [point for point in study.calibration if (point.panel.task, point.panel.model) == (task, model)]
        drawn = [placed.place(chart) for chart in charts.calibration_charts(own, looks, names)]
        found.append(CalibrationView(names.task(task, model), drawn, calibration_views.tables(own, names)))
    return found


def _consistency(study: StudyResults, names: Names, placed: Charts) -> list[ConsistencyView]:
    """One view for each task and model with stored rankings."""
    found, points = [], study.consistency.points
    for task, model in dict.fromkeys((point.panel.task, point.panel.model) for point in points):
        own = [point for point in points if (point.panel.task, point.panel.model) == (task, model)]
        maps = [placed.place(chart) for chart in charts.consistency_charts(consistency_views.maps(own))]
        found.append(ConsistencyView(names.task(task, model), maps, consistency_views.tables(own, names)))
    return found


def _typology(study: StudyResults, names: Names, placed: Charts, looks: Mapping[System, Style]) -> list[TypologyView]:
    """One view for each task and model with enough languages: charts of every kind of loss, then tables."""
    found = []
    for task, model in dict.fromkeys((one.task, one.model) for one in study.typology):
        own = [one for one in study.typology if (one.task, one.model) == (task, model)]
        kinds = [[one for one in own if one.kind == kind] for kind in dict.fromkeys(one.kind for one in own)]
        found.append(
            TypologyView(
                names.task(task, model),
                [placed.place(chart) for same in kinds for chart in charts.typology_charts(same, looks)],
                [
                    *(typology_views.correlation_table(same, names) for same in kinds),
                    typology_views.regression_table(own, names),
                ],
                ordered(typology_views.LABELS[name] for one in own for name in one.left_out),
            )
        )
    return found


def _few_shot(study: StudyResults, names: Names, placed: Charts) -> list[FewShotView]:
    """One view for each task and model with few-shot training."""
    found = []
    for task, model in dict.fromkeys((point.shots.task, point.panel.model) for point in study.few_shot):
        own = [point for point in study.few_shot if (point.shots.task, point.panel.model) == (task, model)]
        drawn = [placed.place(chart) for chart in charts.few_shot_charts(own, names)]
        found.append(FewShotView(names.task(task, model), drawn, few_shot_views.table(own, names)))
    return found


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


@cache
def vega_library() -> str:
    """Vega, Vega-Lite and vega-embed in one script. Bundling takes seconds: the store keeps it, if there is one."""
    root = Path(from_environment("XTREME_NOISE_STORE") or STORE)
    if root.is_dir():
        with contextlib.suppress(UserError):  # a read-only store without it
            kept = Store(root).build(
                "vega", {"vl_convert": metadata.version("vl-convert-python")}, _keep_library, (LIBRARY,)
            )
            return (kept / LIBRARY).read_text(encoding="utf-8")
    return _library()


def _keep_library(folder: Path) -> None:
    write_atomic(folder / LIBRARY, _library())


def _library() -> str:
    return _for_script(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _for_script(code: str) -> str:
    """JavaScript escaped so that it cannot end its script element."""
    return code.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _json_for_script(value: Any) -> str:
    """JSON for a data block, escaped so that it cannot end the element or start a comment."""
    code = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return code.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(scripts: Iterable[str]) -> str:
    """Content security policy: no network, and only the page's own two scripts."""
    digests = [base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() for code in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"


def _template_file(name: str) -> str:
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")
