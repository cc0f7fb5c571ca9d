"""Worst case, corruption error and effective robustness of a study, against numbers from its cells."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import Any

import altair
import matplotlib as mpl
import numpy as np
import pytest

from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise.analysis.seeds import median_unbiased
from xtreme_noise.report.charts import effective_chart
from xtreme_noise.report.effective import TICKS
from xtreme_noise.report.effective_figure import effective_figure
from xtreme_noise.report.figures import STYLE
from xtreme_noise.report.names import Names
from xtreme_noise.report.page import page
from xtreme_noise.report.panels import systems
from xtreme_noise.report.statistics import pairs
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.styles import styles
from xtreme_noise.report.summaries import of_task
from xtreme_noise.report.tables import tables

pytestmark = pytest.mark.pictures

SIZES = {"e5-100": 0.3, "e5-200": 0.2, "e5-400": 0.1, "e5-800": 0.0}  # model -> what it lacks
SMALL: dict[str, Any] = {
    "items": 90, "languages": ("en", "de", "zh"), "seeds": (0, 1, 2), "seed_sd": 0.02, "models": tuple(SIZES),
    "weaker": SIZES,
}  # fmt: skip


def arms_of_the_largest(row: dict[str, Any]) -> bool:
    """Arms have the largest size alone."""
    return bool(row["intermediate"] != "none" and row["model"] != "e5-800")


def no_layout(row: dict[str, Any]) -> tuple[str, str | None]:
    return ("n/a", "no layout") if (row["language"], row["noise"]) == ("zh", "keyboard") else ("ok", None)


few_resamples = resampled(199)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    spec = Spec(**SMALL, skip=arms_of_the_largest, status=no_layout)
    return read_study(make(tmp_path_factory.mktemp("sizes") / "s", spec))


def rows(study: StudyResults, name: str, **where: str) -> list[dict[str, str]]:
    every = csv.DictReader(io.StringIO(tables(study)[name]))
    return [row for row in every if all(row[key] == value for key, value in where.items())]


def section(html: str) -> str:
    return html[html.index('<section id="robustness"') : html.index('<section id="scores"')]


def score(study: StudyResults, model: str, arm: str, seed: int, noise: str, level: float, languages: str) -> float:
    own = [
        cell.score
        for cell in study.cells
        if (cell.model, cell.intermediate, cell.seed, cell.noise, cell.level) == (model, arm, seed, noise, level)
        and cell.language in languages.split()
    ]
    assert len(own) == len(languages.split())
    return float(np.mean([one for one in own if one is not None]))


def odds(share: float, n: int) -> float:
    return math.log((share * n + 0.5) / (n - share * n + 0.5))


def test_the_worst_case_by_hand(study: StudyResults) -> None:
    """Over English and German, which both noise families have, the worst one in each seed."""
    of = ("e5-800", "nli/english")
    place = {"model": of[0], "intermediate": of[1], "languages_in_mean": "de en", "noises": "char keyboard"}
    noisy = {
        (noise, level): [score(study, *of, seed, noise, level, "de en") for seed in range(3)]
        for noise in ("char", "keyboard")
        for level in (0.05, 0.1)
    }
    clean = [score(study, *of, seed, "clean", 0.0, "de en") for seed in range(3)]
    for level in (0.05, 0.1):
        worst = np.minimum(noisy["char", level], noisy["keyboard", level])
        [row] = rows(study, "worst_case.csv", **place, measure="score", level=f"{level}")
        assert float(row["value"]) == pytest.approx(worst.mean())
        assert (row["noise"], row["interval"], row["seeds"]) == ("char", "over training seeds", "3")
        assert float(row["value_low"]) < float(row["value"]) < float(row["value_high"])
        assert 0.5 < float(row["share"]) <= 1
        assert float(row["bias"]) < 0.01  # of a minimum: not above it, except for the error of the resamples
        [row] = rows(study, "worst_case.csv", **place, measure="drop_rate", level=f"{level}")
        assert float(row["value"]) == pytest.approx(np.mean(1 - worst / clean))
    lost = {
        place: [odds(a, 180) - odds(b, 180) for a, b in zip(clean, scores, strict=True)]
        for place, scores in noisy.items()
    }
    by_family = [(np.array(lost[noise, 0.05]) + lost[noise, 0.1]) / 2 for noise in ("char", "keyboard")]
    [row] = rows(study, "worst_case.csv", **place, measure="log_odds_lost", level="")
    assert float(row["value"]) == pytest.approx(np.maximum(*by_family).mean())


def test_corruption_error_by_hand(study: StudyResults) -> None:
    expected: dict[tuple[str, str], float] = {}
    for noise, languages in (("char", "de en zh"), ("keyboard", "de en")):
        ratios = []
        for seed in range(3):
            clean, *noisy = (
                [1 - score(study, "e5-800", arm, seed, *at, languages) for arm in ("nli/english", "none")]
                for at in (("clean", 0.0), (noise, 0.05), (noise, 0.1))
            )
            ours, theirs = np.sum(noisy, axis=0)
            ratios.append((ours / theirs, (ours - 2 * clean[0]) / (theirs - 2 * clean[1])))
        for name, value in zip(("corruption_error", "relative_corruption_error"), np.mean(ratios, axis=0), strict=True):
            expected[noise, name] = value
    for name in ("corruption_error", "relative_corruption_error"):
        expected["char keyboard", name] = (expected["char", name] + expected["keyboard", name]) / 2
    found = rows(study, "corruption_error.csv", intermediate="nli/english")
    assert {(row["noises"], row["measure"]): float(row["value"]) for row in found} == pytest.approx(expected)
    assert {row["reference"] for row in found} == {"none"}
    assert {row["interval"] for row in found} == {"over training seeds"}
    assert not rows(study, "corruption_error.csv", intermediate="none")


def test_effective_robustness_by_hand(study: StudyResults) -> None:
    """One line through all sizes and seeds, in log-odds of the mean over languages."""
    n, languages = 270, "de en zh"

    def both(model: str, arm: str, seed: int) -> tuple[float, float]:
        at = (("clean", 0.0), ("char", 0.1))
        clean, noisy = (odds(score(study, model, arm, seed, *one, languages), n) for one in at)
        return clean, noisy

    def left(seeds: list[int]) -> float:
        points = np.array([both(model, "none", seed) for model in SIZES for seed in seeds])
        slope, intercept = np.polyfit(points[:, 0], points[:, 1], 1)
        ours = [both("e5-800", "nli/multilingual", seed) for seed in seeds]
        return float(np.mean([noisy - intercept - slope * clean for clean, noisy in ours]))

    [row] = rows(
        study, "effective_robustness.csv", intermediate="nli/multilingual", model="e5-800", noise="char", level="0.1"
    )
    assert float(row["residual"]) == pytest.approx(left([0, 1, 2]))
    assert (row["baselines"], row["seeds"], row["interval"]) == ("4", "3", "over training seeds")
    without = [left([a, b]) for a, b in ((1, 2), (0, 2), (0, 1))]
    [line] = [one for one in study.summaries.lines if (one.panel.noise, one.level) == ("char", 0.1)]
    [arm] = [one for one in line.arms if one.system.arm == "multilingual"]
    assert arm.residual.item_se is not None and arm.residual.se is not None
    jackknife = 2 / 3 * sum((one - np.mean(without)) ** 2 for one in without)
    assert arm.residual.se**2 == pytest.approx(arm.residual.item_se**2 + jackknife * median_unbiased(2))
    assert 0 < arm.residual.item_se < arm.residual.se


def test_residuals_of_the_baselines_add_up_to_nothing(study: StudyResults) -> None:
    for line in study.summaries.lines:
        assert len(line.baselines) == 4 and not any(one.outside for one in line.baselines)
        assert sum(one.residual.value or 0.0 for one in line.baselines) == pytest.approx(0, abs=1e-9)


def test_the_order_of_panels_does_not_matter(study: StudyResults) -> None:
    evidence = study.evidence["xnli"]
    found = []
    for panels in (list(study.panels), list(study.panels)[::-1]):
        one = of_task(panels, [pair for panel in panels for pair in pairs(panel, evidence)], evidence)
        values: dict[Any, Any] = {}
        for row in one.worst:
            values[row.panels[0].model, row.system, row.measure, row.level] = (row.noise, row.value.value)
        for line in one.lines:
            for standing in line.standings:
                values[line.panel.noise, line.level, standing.model, standing.system] = standing.residual.value
        found.append(values)
    assert found[0].keys() == found[1].keys()
    for key, value in found[0].items():
        assert found[1][key] == (pytest.approx(value) if isinstance(value, float) else value), key


def test_nothing_to_say(tmp_path: Path) -> None:
    study = read_study(make(tmp_path / "s", Spec(noises=("char",), intermediates=("none",), items=30)))
    assert 'id="robustness"' not in page(study, "", "", [])
    assert 'href="#robustness"' not in page(study, "", "", [])


@pytest.mark.parametrize(
    "changes",
    [
        {"models": ("e5-200", "e5-400")},  # two baselines
        {"weaker": {}},  # no spread
        {"intermediates": ("nli/english",)},  # none
        {"levels": ()},
        {"models": ("e5-100", "e5-400", "e5-800"), "weaker": SIZES | {"e5-100": 0.9}},  # one of three guesses
    ],
)
def test_no_line_without_enough_baselines(tmp_path: Path, changes: dict[str, Any]) -> None:
    spec = Spec(**(SMALL | {"seeds": (0,), "noises": ("char",), "intermediates": ("none",)} | changes))
    study = read_study(make(tmp_path / "s", spec))
    assert not study.problems
    assert not study.summaries.lines
    assert not study.summaries.worst  # one noise family
    assert not study.summaries.errors  # nothing to compare
    for name in ("worst_case.csv", "corruption_error.csv", "effective_robustness.csv"):
        assert len(tables(study)[name].splitlines()) == 1


def test_one_seed_is_conditional_and_an_arm_beyond_the_baselines_marked(tmp_path: Path) -> None:
    spec = Spec(**(SMALL | {"seeds": (0,), "seed_sd": 0.0, "items": 200}), skip=arms_of_the_largest)
    study = read_study(make(tmp_path / "s", spec))
    for name in ("worst_case.csv", "corruption_error.csv", "effective_robustness.csv"):
        found = rows(study, name)
        assert found and {row["interval"] for row in found} == {"conditional on these runs"}
    assert {row["outside"] for row in rows(study, "effective_robustness.csv", baseline="False")} == {"True"}
    assert {row["outside"] for row in rows(study, "effective_robustness.csv", baseline="True")} == {"False"}
    shown = section(page(study, "", "", []))
    assert shown.count("intervals are conditional on these runs</span>") == 3
    assert shown.count("outside the baselines") == 8  # two arms, two noise families, two levels


def test_the_page_and_the_figure(study: StudyResults) -> None:
    html = page(study, "", "", [])
    assert html.count('href="#robustness"') == 1
    shown = section(html)
    assert shown.count("data-chart=") == 4  # two noise families at two levels
    assert shown.count("<table") == 3
    assert "e5-800 · nli/multilingual" in shown and "mCE" in shown and "conditional" not in shown
    charts = [
        effective_chart(line, Names.of(study.cells), styles(systems(study.cells))) for line in study.summaries.lines
    ]
    altair.Chart.from_dict(charts[0].spec | {"datasets": {}})  # refuses what Vega-Lite does not have
    for chart, line in zip(charts, study.summaries.lines, strict=True):
        assert chart.title == f"xnli · {line.panel.noise} {line.level:g}" and "nli/english · e5-800" in chart.alt
        assert len(chart.spec["datasets"]["rows"]) == 3 * len(line.standings)
        values = chart.spec["layer"][0]["encoding"]["x"]["axis"]["values"]
        assert values and {round(1 / (1 + math.exp(-value)), 6) for value in values} <= set(TICKS)
    with mpl.rc_context(STYLE):
        figure = effective_figure(study.summaries.lines, Names.of(study.cells), styles(systems(study.cells)))
    assert [ax.get_title() for ax in figure.axes] == ["char 0.05", "char 0.1", "keyboard 0.05", "keyboard 0.1"]
    for ax, line in zip(figure.axes, study.summaries.lines, strict=True):
        *marks, through = (np.asarray(drawn.get_data()) for drawn in ax.lines)
        assert np.concatenate(marks, axis=1).T.tolist() == [
            [x, y] for one in line.standings for x, y in zip(one.x, one.y, strict=True)
        ]
        assert through[1].tolist() == pytest.approx((line.intercept + line.slope * through[0]).tolist())
        labels = [float(tick.get_text()) / 100 for tick in ax.get_xticklabels()]
        assert ax.get_xticks() == pytest.approx([math.log(share / (1 - share)) for share in labels])
