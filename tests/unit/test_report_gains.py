"""Gains from intermediate training in the report: every arm against no intermediate training, on every target."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise.analysis.robustness import log_odds
from xtreme_noise.report.gains_views import tables as views
from xtreme_noise.report.names import Names
from xtreme_noise.report.page import page
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.results.table import read_cells

few_resamples = resampled(199)
SPEC = Spec(
    tasks={"xnli": "classification", "udpos": "tagging"}, languages=("en", "de", "zh"), levels=(0.1,), items=60,
    intermediates=("none", "nli/english", "nli/multilingual", "qa/english"), seeds=(1, 2, 3), seed_sd=0.02,
    status=lambda row: ("n/a", "no layout") if (row["noise"], row["language"]) == ("keyboard", "zh") else ("ok", None),
)  # fmt: skip


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, few_resamples: None) -> StudyResults:  # noqa: ARG001
    return read_study(make(tmp_path_factory.mktemp("gains") / "s", SPEC))


def test_every_arm_against_none_on_every_target(study: StudyResults) -> None:
    rows = list(csv.DictReader(io.StringIO(tables(study)["gains.csv"])))
    arms = ("nli/english", "qa/english", "nli/multilingual")
    assert {(row["what"], row["task"], row["intermediate"]) for row in rows} == {
        (what, task, arm) for what in ("clean", "log_odds_lost") for task in SPEC.tasks for arm in arms
    }
    assert all(row["seeds"] == "3" and float(row["p"]) <= float(row["p_adjusted"]) for row in rows)
    cells = read_cells(study.sweep)

    def mean(arm: str, noise: str, languages: tuple[str, ...], seed: int) -> float:
        own = [c for c in cells if (c.task, c.intermediate, c.noise, c.seed) == ("xnli", arm, noise, seed)]
        return float(np.mean([c.score for c in own if c.language in languages]))

    def lost(arm: str, noise: str, languages: tuple[str, ...], seed: int) -> float:
        size = 60 * len(languages)
        clean, noisy = (mean(arm, one, languages, seed) for one in ("clean", noise))
        return float(log_odds(clean, size) - log_odds(noisy, size))

    at = {row["what"]: row for row in rows if (row["task"], row["intermediate"]) == ("xnli", "qa/english")}
    clean = [mean(arm, "clean", ("en", "de", "zh"), seed) for arm in ("qa/english", "none") for seed in SPEC.seeds]
    assert float(at["clean"]["difference"]) == pytest.approx(np.mean(clean[:3]) - np.mean(clean[3:]))
    assert at["clean"]["languages_in_mean"] == "de en zh", "not only those of the narrower noise family"
    under = {
        arm: np.mean([
            lost(arm, noise, codes, seed)
            for noise, codes in (("char", ("en", "de", "zh")), ("keyboard", ("en", "de")))
            for seed in SPEC.seeds
        ])
        for arm in ("qa/english", "none")
    }  # fmt: skip
    assert float(at["log_odds_lost"]["difference"]) == pytest.approx(under["qa/english"] - under["none"], abs=1e-6)


def test_the_page_has_a_row_for_each_arm_and_a_column_for_each_target(study: StudyResults) -> None:
    clean, lost = views(study.gains, Names.of(study.cells))
    assert [text for text, _ in clean.heads[0]] == ["intermediate", "udpos", "xnli"]
    assert [row[0].text for row in clean.rows] == [row[0].text for row in lost.rows]
    assert clean.rows[0][1].text[0] in "+−" and "[" in clean.rows[0][1].text
    html = page(study, "", "digest", [])
    assert '<section id="gains">' in html and 'href="#gains"' in html


def test_without_an_untrained_model_there_is_none(tmp_path: Path) -> None:
    spec = Spec(intermediates=("nli/english", "nli/multilingual"), languages=("en", "de"), noises=("char",), items=40)
    study = read_study(make(tmp_path / "s", spec))
    assert not study.gains and "gains.csv" not in tables(study)
    assert 'id="gains"' not in page(study, "", "digest", [])
