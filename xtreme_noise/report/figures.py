"""The figures for papers and slides: PNG and SVG of the curves, the heat maps and the differences."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from xtreme_noise.analysis.seeds import Estimate
from xtreme_noise.names import slug
from xtreme_noise.report.by_language import Place
from xtreme_noise.report.calibration import CalibrationPoint
from xtreme_noise.report.charts import CALIBRATION
from xtreme_noise.report.effective_figure import effective_figure
from xtreme_noise.report.formatting import CHANGES, CONDITIONAL
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import Panel, systems
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.statistics import Contrast, Point
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.styles import MARKERS, Style, styles
from xtreme_noise.report.system import System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES = ("-", "--", ":", "-.")  # of the kinds of intermediate task
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "xtreme_noise",  # the same figure is the same bytes
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name with a dollar sign is a name
}


def figures(study: StudyResults) -> dict[str, bytes]:
    """File name -> content. Skips figures without numbers."""
    names = Names.of(study.cells)
    looks = styles(systems(study.cells))
    made: dict[str, Figure] = {}
    with mpl.rc_context(STYLE):
        for task, model in dict.fromkeys((cell.task, cell.model) for cell in study.cells):
            points = [p for p in study.points if (p.panel.task, p.panel.model) == (task, model)]
            places = [p for p in study.places if (p.task, p.model) == (task, model) and p.level > 0]
            if any(p.level > 0 for p in points):
                made[_free(slug("curves", task, model), made)] = _curves(points, names, looks)
            if any(p.drop_rate is not None for p in places):
                made[_free(slug("heat", task, model), made)] = _heat(places, names)
        for task, model in dict.fromkeys((p.panel.task, p.panel.model) for p in study.calibration):
            found = [p for p in study.calibration if (p.panel.task, p.panel.model) == (task, model)]
            if any(p.level > 0 for p in found):
                made[_free(slug("calibration", task, model), made)] = _calibration(found, names, looks)
        main = [c for c in study.contrasts if c.main and c.measure == PRIMARY]
        if main:
            made["multilingual_minus_english"] = _differences(main, names, looks)
        for task in dict.fromkeys(line.panel.task for line in study.summaries.lines):
            own = [line for line in study.summaries.lines if line.panel.task == task]
            made[_free(slug("effective_robustness", task), made)] = effective_figure(own, names, looks)
        content: dict[str, bytes] = {}
        for name, figure in made.items():
            content |= {f"{name}.{kind}": data for kind, data in _drawn(figure).items()}
        return content


def _free(name: str, made: Mapping[str, Figure]) -> str:
    """The name, with a number if it is taken: task names may differ only in characters that file names lack."""
    return next(one for one in chain([name], (f"{name}-{n}" for n in count(2))) if one not in made)


def _drawn(figure: Figure) -> dict[str, bytes]:
    """PNG and SVG with one layout pass: Figure.savefig would lay out and draw everything twice for each."""
    png, svg = io.BytesIO(), io.BytesIO()
    figure.dpi = 150
    raster: Any = FigureCanvasAgg(figure)  # their print methods have no types
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    raster.print_png(png, metadata={"Software": None}, pil_kwargs={"compress_level": 2})
    vector: Any = FigureCanvasSVG(figure)
    vector.print_svg(svg, metadata={"Date": None})
    return {"png": png.getvalue(), "svg": svg.getvalue()}


def _curves(points: Sequence[Point], names: Names, looks: Mapping[System, Style]) -> Figure:
    noises = list(dict.fromkeys(p.panel.noise for p in points))
    kinds = list(dict.fromkeys(p.system.kind for p in points if p.system.kind != "none"))
    labels = {p.system.intermediate for p in points}
    width = max(3.4 * len(noises) + 0.6, _inches(labels))
    columns = max(1, min(3, len(noises) + 1, int(width / _inches(labels))))
    lines = math.ceil(len(labels) / columns)  # of the legend
    figure = Figure(figsize=(width, 3.8 + 0.2 * lines), layout="constrained")
    axes = figure.subplots(1, len(noises), sharey=True, squeeze=False)[0]
    for ax, noise in zip(axes, noises, strict=True):
        own = [p for p in points if p.panel.noise == noise]
        for system in dict.fromkeys(p.system for p in own):
            line = [p for p in own if p.system == system]
            dashes = STYLES[kinds.index(system.kind) % len(STYLES)] if system.kind in kinds else "-"
            _estimates(ax, [p.level for p in line], [p.score for p in line], looks[system], system.intermediate, dashes)
        panel = own[0].panel
        ax.set_xlabel(f"{names.noise(noise)} noise: target error rate")
        ax.set_title(f"{len(panel.languages)} of {panel.wanted} languages", fontsize=8, color="#595959")
    axes[0].set_ylabel(f"{points[0].panel.metric} × 100")
    drawn = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(
        drawn.values(), drawn.keys(), loc="outside lower center", ncols=columns,
        frameon=False, title="intermediate", fontsize=8, title_fontsize=8,
    )  # fmt: skip
    what = _intervals(p.score.conditional for p in points) + _changing(noises, names)
    figure.suptitle(f"{_task(points[0].panel, names)}: mean over complete languages, {what}", fontsize=10)
    return figure


def _task(of: Panel | Place, names: Names) -> str:
    return names.task(of.task, of.model)


def _changing(noises: Iterable[str], names: Names) -> str:
    """What the sign of a noise family means, if one of these has it."""
    return f"\n{CHANGES} may change the right answer" if names.changing.intersection(noises) else ""


def _calibration(points: Sequence[CalibrationPoint], names: Names, looks: Mapping[System, Style]) -> Figure:
    """ECE and selective accuracy against the level: a row each, a column for each noise family."""
    noises = list(dict.fromkeys(p.panel.noise for p in points))
    labels = {p.system.intermediate for p in points}
    width = max(3.4 * len(noises) + 0.6, _inches(labels), 5.0)
    columns = max(1, min(3, int(width / _inches(labels))))
    figure = Figure(figsize=(width, 5.6 + 0.2 * math.ceil(len(labels) / columns)), layout="constrained")
    axes = figure.subplots(len(CALIBRATION), len(noises), sharey="row", sharex="col", squeeze=False)
    for row, (measure, name) in zip(axes, CALIBRATION, strict=True):
        row[0].set_ylabel(f"{name} × 100")
        for ax, noise in zip(row, noises, strict=True):
            own = [p for p in points if p.panel.noise == noise]
            for system in dict.fromkeys(p.system for p in own):
                line = [p for p in own if p.system == system]
                _estimates(ax, [p.level for p in line], [p.values[measure] for p in line], looks[system],
                           label=system.intermediate)  # fmt: skip
    for ax, noise in zip(axes[0], noises, strict=True):
        panel = next(p.panel for p in points if p.panel.noise == noise)
        ax.set_title(f"{len(panel.languages)} of {panel.wanted} languages", fontsize=8, color="#595959")
        ax.set_ylim(bottom=0)
    for ax, noise in zip(axes[-1], noises, strict=True):
        ax.set_xlabel(f"{names.noise(noise)} noise: target error rate")
    handles, drawn = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, drawn, loc="outside lower center", ncols=columns, frameon=False, title="intermediate",
                  fontsize=8, title_fontsize=8)  # fmt: skip
    what = _intervals(p.values["ece"].conditional for p in points)
    title = f"{_task(points[0].panel, names)}: calibration, {what}"
    figure.suptitle(title + _changing(noises, names), fontsize=10)
    return figure


def _intervals(conditional: Iterable[bool]) -> str:
    return "95 % intervals" + (f" {CONDITIONAL}" if any(conditional) else "")


def _inches(labels: Iterable[str]) -> float:
    """The width in inches of the longest label in small type, with its marker."""
    return 0.6 + 0.065 * max(map(len, labels))


def _estimates(
    ax: Axes, levels: Sequence[float], line: Sequence[Estimate], look: Style, label: str, dashes: str = "-"
) -> None:
    """A line with a band, if every point has an interval."""
    scores = [100 * (one.value or 0.0) for one in line]
    ax.plot(levels, scores, color=look.colour, marker=MARKERS[look.marker], ms=5, ls=dashes, label=label)
    bounded = [one for one in line if one.low is not None and one.high is not None]
    if len(bounded) == len(line):
        low = [100 * (one.low or 0.0) for one in line]
        high = [100 * (one.high or 0.0) for one in line]
        ax.fill_between(levels, low, high, color=look.colour, alpha=0.15, lw=0)


def _heat(places: Sequence[Place], names: Names) -> Figure:
    """A heat map without numbers, which are on the page and in tables/scores.csv. Grey: no number."""
    systems = list(dict.fromkeys(p.system for p in places))
    columns = list(dict.fromkeys((p.noise, p.level) for p in places))
    languages = list(dict.fromkeys((p.language, p.language_name) for p in places))
    at = {(p.system, p.language, p.noise, p.level): p.drop_rate for p in places}
    width = 1.9 + len(systems) * (0.42 * len(columns) + 0.4)
    figure = Figure(figsize=(width, 1.5 + 0.2 * len(languages)), layout="constrained")
    axes = figure.subplots(1, len(systems), sharey=True, squeeze=False)[0]
    for ax, system in zip(axes, systems, strict=True):
        rates = [[at[(system, code, *column)] for column in columns] for code, _ in languages]
        shown = np.ma.masked_invalid(np.array(rates, dtype=float))
        image = ax.imshow(shown, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        ax.set_facecolor("#d4d4d4")
        ax.set_xticks([])
        ax.set_yticks([])
        # Texts in place of ticks, which take several times as long to lay out and to draw.
        for x, (noise, level) in enumerate(columns):
            _label(ax, f"{names.noise(noise)} {level:g}", x, across=True)
        for y, (_, name) in enumerate(languages if ax is axes[0] else []):
            _label(ax, name, y, across=False)
        ax.set_title(system.intermediate, fontsize=9)
    bar = figure.colorbar(image, ax=axes[-1], ticks=[0, 0.5, 1])
    bar.set_ticklabels(["0", "50", "100 %"])
    title = f"{_task(places[0], names)}: drop rate (share of the clean score lost; grey: none)"
    figure.suptitle(title + _changing((noise for noise, _ in columns), names), fontsize=10)
    return figure


def _label(ax: Axes, text: str, at: int, *, across: bool) -> None:
    """A label below column `at`, or to the left of row `at`."""
    x, y = (0, -3.5 / 72) if across else (-3.5 / 72, 0)  # inches
    gap = ScaledTranslation(x, y, ax.figure.dpi_scale_trans)
    if across:
        ax.text(at, 0, text, rotation=90, va="top", ha="center", fontsize=8, transform=ax.get_xaxis_transform() + gap)
    else:
        ax.text(0, at, text, va="center", ha="right", fontsize=8, transform=ax.get_yaxis_transform() + gap)


def _differences(contrasts: Sequence[Contrast], names: Names, looks: Mapping[System, Style]) -> Figure:
    labels = [names.contrast(row) for row in contrasts]
    figure = Figure(figsize=(max(6.4, 3.6 + _inches(labels)), 1.1 + 0.26 * len(contrasts)), layout="constrained")
    ax = figure.subplots()
    for y, row in enumerate(contrasts):
        low, high = row.difference.low, row.difference.high
        if low is not None and high is not None:
            ax.plot([low, high], [y, y], color="#1a1a1a", lw=1.5)
        look = looks[row.arm]
        ax.plot([row.difference.value or 0.0], [y], MARKERS[look.marker], color=look.colour, ms=5)
    ax.axvline(0, color="black", lw=0.8, ls="--")
    ax.set_yticks(range(len(contrasts)), labels, fontsize=8)
    ax.set_ylim(len(contrasts) - 0.5, -0.5)
    what = _intervals(row.difference.conditional for row in contrasts)
    ax.set_xlabel(f"log-odds lost, arm − English ({what})")
    return figure
