"""Few-shot training in the report: curves over the number of examples, on common languages and the same items."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise.analysis.robustness import log_odds
from xtreme_noise.record import CellRecord
from xtreme_noise.report.few_shot_charts import few_shot_charts
from xtreme_noise.report.few_shot_views import table
from xtreme_noise.report.names import Names
from xtreme_noise.report.shots import Shots
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.results.table import read_cells

SHOTS = {
    "xnli, 10 random shots": Shots("xnli", 10, "random"),
    "xnli, 50 random shots": Shots("xnli", 50, "random"),
    "xnli, 10 longest shots": Shots("xnli", 10, "longest"),
}
TASKS = ("xnli", *SHOTS)
SPEC: dict[str, Any] = {
    "tasks": dict.fromkeys((*TASKS, "udpos"), "classification"), "languages": ("en", "de", "ru", "hi"),
    "noises": ("char",), "levels": (0.1,), "intermediates": ("none",), "items": 60, "shots": SHOTS,
}  # fmt: skip
few_resamples = resampled(199)


def no_hindi(row: dict[str, Any]) -> tuple[str, str | None]:
    """Its dev set is too small for 50 examples."""
    return ("error", "too few") if row["language"] == "hi" and "50" in row["task"] else ("ok", None)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("shots") / "s", Spec(**SPEC, status=no_hindi))


@pytest.fixture(scope="module")
def study(sweep: Path, few_resamples: None) -> StudyResults:  # noqa: ARG001
    return read_study(sweep)


def score(cells: list[CellRecord], task: str, level: float) -> float:
    own = [c for c in cells if (c.task, c.level) == (task, level) and c.language in ("de", "ru")]
    return float(np.mean([cell.score for cell in own]))


def test_curves_are_over_common_languages(study: StudyResults, sweep: Path) -> None:
    """Not English, which gets no examples, nor the language without enough of them; other tasks have no curve."""
    assert [point.shots for point in study.few_shot] == [
        Shots("xnli"), Shots("xnli", 10, "longest"), Shots("xnli", 10, "random"), Shots("xnli", 50, "random"),
    ]  # fmt: skip
    cells, lost = read_cells(sweep), {}
    for point, task in zip(study.few_shot, (TASKS[0], TASKS[3], TASKS[1], TASKS[2]), strict=True):
        assert point.panel.languages == ("de", "ru") and point.level == 0.1
        clean, noisy = score(cells, task, 0.0), score(cells, task, 0.1)
        lost[task] = float(log_odds(clean, 120) - log_odds(noisy, 120))
        assert point.clean.value == pytest.approx(clean) and point.noisy.value == pytest.approx(noisy)
        assert point.lost.value == pytest.approx(lost[task])
        gain = None if task == "xnli" else pytest.approx(lost["xnli"] - lost[task])
        assert point.gain.value == gain


def test_gains_are_paired_by_item(study: StudyResults) -> None:
    """All models find the same items hard: the difference of two has less error than each alone."""
    before, after = study.few_shot[:2]
    assert before.lost.item_se and after.lost.item_se and after.gain.item_se
    assert after.gain.item_se < 0.95 * math.hypot(before.lost.item_se, after.lost.item_se)


def test_without_the_zero_shot_model_or_shots_there_are_none(tmp_path: Path) -> None:
    for name, tasks in (("a", TASKS[:1]), ("b", TASKS[1:3])):
        spec = SPEC | {"tasks": dict.fromkeys(tasks, "classification")}
        found = read_study(make(tmp_path / name, Spec(**spec)))
        assert found.few_shot == [] and "few_shot.csv" not in tables(found)


def test_the_table_and_the_charts(study: StudyResults) -> None:
    import altair

    lines = tables(study)["few_shot.csv"].splitlines()
    assert len(lines) == 5 and lines[0].startswith("task,model,intermediate,noise,level,sampling,shots,clean,")
    assert ",de ru,1,199" in lines[1] and "conditional on these runs" in lines[1]
    rows = table(study.few_shot, Names.of(study.cells)).rows
    assert [row[3].text for row in rows] == ["0", "10", "10", "50"] and rows[0][-1].text == "–"
    scores, lost = few_shot_charts(study.few_shot, Names.of(study.cells))
    for chart in (scores, lost):
        altair.Chart.from_dict(chart.spec)
    drawn = scores.spec["datasets"]["rows"]
    assert len(drawn) == 2 * 5, "every line begins with the zero-shot score"
    assert {(row["sampling"], row["shots"]) for row in drawn} == {
        ("longest", 0), ("longest", 10), ("random", 0), ("random", 10), ("random", 50),
    }  # fmt: skip
    first = study.few_shot[0]
    assert drawn[0]["text"] == "clean" and drawn[0]["value"] == pytest.approx(100 * (first.clean.value or 0), abs=1e-3)
    assert lost.spec["datasets"]["rows"][0]["value"] == pytest.approx(first.lost.value, abs=1e-3)


@pytest.mark.pictures
def test_the_page(study: StudyResults) -> None:
    from xtreme_noise.report.page import page

    html = page(study, "", "digest", [])
    assert 'id="few-shot"' in html and 'href="#few-shot"' in html and "Few-shot training" in html
    assert "mean over 2 languages without en" in html
