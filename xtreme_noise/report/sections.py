"""Sections of the page that only some studies have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xtreme_noise.report import (
    calibration_views,
    charts,
    consistency_views,
    few_shot_charts,
    few_shot_views,
    gains_views,
    language_charts,
    leaderboard_views,
    typology_charts,
    typology_views,
    views,
)
from xtreme_noise.report.cells import ordered
from xtreme_noise.report.names import Names
from xtreme_noise.report.placed import Charts, Placed
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.styles import Style
from xtreme_noise.report.system import System


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


def sections(study: StudyResults, names: Names, placed: Charts, looks: Mapping[System, Style]) -> dict[str, Any]:
    """The sections by name, empty where the study has nothing for them."""
    return {
        "leaderboards": leaderboard_views.tables(study.leaderboards),
        "gains": gains_views.tables(study.gains, names),
        "calibration": _calibration(study, names, placed, looks),
        "consistency": _consistency(study, names, placed),
        "consistency_arms": consistency_views.contrast_table(study.consistency.contrasts),
        "typology": _typology(study, names, placed, looks),
        "few_shot": _few_shot(study, names, placed),
    }


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
        maps = [placed.place(chart) for chart in language_charts.consistency_charts(consistency_views.maps(own))]
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
                [placed.place(chart) for same in kinds for chart in typology_charts.typology_charts(same, looks)],
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
        drawn = [placed.place(chart) for chart in few_shot_charts.few_shot_charts(own, names)]
        found.append(FewShotView(names.task(task, model), drawn, few_shot_views.table(own, names)))
    return found
