"""The figure of effective robustness: noisy against clean scores, with the line of the baselines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from xtreme_noise.report.effective import Fitted, ticks
from xtreme_noise.report.names import Names
from xtreme_noise.report.styles import MARKERS, Style
from xtreme_noise.report.system import System

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def effective_figure(lines: Sequence[Fitted], names: Names, looks: Mapping[System, Style]) -> Figure:
    """One picture per noise family (rows) and level (columns) of one task; axes in log-odds, labelled with scores."""
    noises = list(dict.fromkeys(line.panel.noise for line in lines))
    levels = sorted({line.level for line in lines})
    figure = Figure(figsize=(3.2 * len(levels) + 0.4, 2.9 * len(noises) + 0.8), layout="constrained")
    axes = figure.subplots(len(noises), len(levels), squeeze=False)
    for ax in axes.flat:
        ax.set_visible(False)
    for line in lines:
        ax = axes[noises.index(line.panel.noise)][levels.index(line.level)]
        ax.set_visible(True)
        _picture(ax, line, looks)
        ax.set_title(f"{names.noise(line.panel.noise)} {line.level:g}", fontsize=9)
    handles = {name: handle for ax in axes.flat for handle, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    figure.suptitle(f"{lines[0].panel.task}: noisy against clean score, one mark per training run", fontsize=10)
    return figure


def _picture(ax: Axes, line: Fitted, looks: Mapping[System, Style]) -> None:
    for one in line.standings:
        look = looks[one.system]
        ax.plot(one.x, one.y, MARKERS[look.marker], color=look.colour, ms=5, label=one.system.intermediate)
    ends = np.array([min(one.x.min() for one in line.standings), max(one.x.max() for one in line.standings)])
    ax.plot(ends, line.intercept + line.slope * ends, color="#595959", lw=1, ls="--")
    for axis in (ax.xaxis, ax.yaxis):
        marks = ticks(*sorted(axis.get_view_interval()))
        axis.set_ticks(list(marks), list(marks.values()))
        axis.set_ticks([], minor=True)
    ax.set_xlabel("clean × 100")
    ax.set_ylabel("noisy × 100")
