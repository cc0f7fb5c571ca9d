"""Calibration in the report: means over languages and seeds, intervals, and what happens where class scores lack."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from tests.files import csv_rows
from tests.unit import sweep_factory
from tests.unit.sweep_factory import Spec
from xtreme_noise import report
from xtreme_noise.report import files
from xtreme_noise.report.study import read_study
from xtreme_noise.results.class_scores import ClassScores, read, write

LABELS = ["entailment", "neutral", "contradiction"]
SPEC = Spec(languages=("en", "de"), noises=("char",), levels=(0.1,), seeds=(42, 43, 44), items=60)


def add(sweep: Path) -> Path:
    """Class scores for every cell: the surer, the more often right."""
    (sweep / "class_scores").mkdir()
    for path in sorted((sweep / "predictions").glob("*.parquet")):
        table = pq.read_table(path).to_pydict()
        rng = np.random.default_rng(int(path.stem, 16))
        rows = []
        for prediction, correct in zip(table["prediction"], table["correct"], strict=True):
            sure = rng.uniform(0.6 if correct else 0.4, 0.99)
            p = np.full(3, (1 - sure) / 2)
            p[LABELS.index(prediction)] = sure
            rows.append(np.log(p).astype(np.float16))
        write(sweep / "class_scores" / path.name, ClassScores(table["id"], rows, LABELS))
    return sweep


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add(sweep_factory.make(tmp_path_factory.mktemp("calibration") / "s", SPEC))


@pytest.fixture
def sweep(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "s"))


def rows(sweep: Path, **where: str) -> list[dict[str, str]]:
    return csv_rows(sweep / "tables" / "calibration.csv", **where)


def cells(sweep: Path, **where: Any) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(sweep / "cells.parquet").to_pylist()
    return [row for row in table if all(row[name] == value for name, value in where.items())]


def alone(sweep: Path, cell: str) -> dict[str, float]:
    """The measures of a cell, computed in another way."""
    table = pq.read_table(sweep / "predictions" / f"{cell}.parquet").to_pydict()
    p = np.exp(np.stack(list(read(sweep / "class_scores" / f"{cell}.parquet").scores)).astype(float))
    gold = np.array([LABELS.index(name) for name in table["gold"]])
    right, sure = p.argmax(axis=1) == gold, p.max(axis=1)
    order = np.argsort(-sure)
    risks = np.cumsum(~right[order]) / np.arange(1, len(right) + 1)
    return {
        "confidence": sure.mean(), "accuracy": right.mean(), "overconfidence": sure.mean() - right.mean(),
        "ece": float(multiclass_calibration_error(torch.tensor(p), torch.tensor(gold), 3, 15)),
        "brier": ((p - np.eye(3)[gold]) ** 2).sum(axis=1).mean(), "aurc": risks.mean(),
        "selective_accuracy": right[order][:48].mean(),
    }  # fmt: skip


@pytest.mark.pictures
def test_the_tables_and_the_page(sweep: Path) -> None:
    report.write(sweep)
    table = rows(sweep)
    assert ",".join(table[0]) == (
        "task,model,intermediate,kind,arm,noise,level,confidence,confidence_low,confidence_high,accuracy,accuracy_low,"
        "accuracy_high,overconfidence,overconfidence_low,overconfidence_high,ece,ece_low,ece_high,ece_equal_mass,"
        "ece_equal_mass_low,ece_equal_mass_high,brier,brier_low,brier_high,selective_accuracy,selective_accuracy_low,"
        "selective_accuracy_high,aurc,aurc_low,aurc_high,ece_of_chance,interval,languages,languages_wanted,"
        "languages_in_mean,seeds,noise_seeds,resamples"
    )
    assert len(table) == 3 * 2 and {row["interval"] for row in table} == {"over training seeds"}
    [row] = rows(sweep, intermediate="nli/english", level="0.1")
    assert (row["languages_in_mean"], row["seeds"], row["resamples"]) == ("de en", "3", "1000")
    [curve] = csv_rows(sweep / "tables" / "curves.csv", intermediate="nli/english", level="0.1")
    assert float(row["accuracy"]) == pytest.approx(float(curve["score"]))
    assert float(row["accuracy_low"]) == pytest.approx(float(curve["score_low"]), abs=0.01)
    own = csv_rows(sweep / "tables" / "calibration_seeds.csv", intermediate="nli/english", level="0.1")
    assert [one["seed"] for one in own] == ["42", "43", "44"]
    measured = [alone(sweep, cell["cell"]) for cell in cells(sweep, intermediate="nli/english", level=0.1, seed=43)]
    assert len(measured) == 2
    for name in measured[0]:
        assert float(own[1][name]) == pytest.approx(np.mean([one[name] for one in measured]), abs=1e-6), name
        assert float(row[name]) == pytest.approx(np.mean([float(one[name]) for one in own])), name
        assert float(row[f"{name}_low"]) < float(row[name]) < float(row[f"{name}_high"]), name
    assert 0 < float(row["ece_of_chance"]) < 0.15
    page = (sweep / "report.html").read_text(encoding="utf-8")
    assert 'id="calibration"' in page and "selective accuracy at 0.8" in page and 'href="#calibration"' in page
    assert "char noise: ECE by level. nli/english" not in page and "char noise: ECE by level. none" in page
    assert {path.name for path in (sweep / "figures").glob("calibration*")} == {
        "calibration_xnli_e5_small.png", "calibration_xnli_e5_small.svg",
    }  # fmt: skip


def test_without_class_scores_there_is_none(sweep: Path) -> None:
    report.write(sweep)
    with_them = files.inputs_digest(sweep)
    shutil.rmtree(sweep / "class_scores")
    assert files.inputs_digest(sweep) != with_them
    report.write(sweep)
    assert "calibration" not in (sweep / "report.html").read_text(encoding="utf-8").lower()
    assert not list(sweep.glob("*/calibration*"))


def test_one_seed_is_conditional_and_the_interval_of_an_ece_contains_it(tmp_path: Path) -> None:
    """Drawing items with replacement adds chance to an ECE; its interval is moved back."""
    spec = Spec(languages=("en",), noises=("char",), levels=(0.1,), items=60, intermediates=("none",))
    study = read_study(add(sweep_factory.make(tmp_path / "s", spec)))
    assert len(study.calibration) == 2
    for point in study.calibration:
        for name in ("ece", "ece_equal_mass"):
            found = point.values[name]
            assert found.conditional and found.low is not None and found.high is not None and found.value is not None
            assert abs((found.low + found.high) / 2 - found.value) < 0.25 * (found.high - found.low)


def test_means_are_over_languages_with_class_scores_in_every_arm(sweep: Path) -> None:
    for cell in cells(sweep, intermediate="nli/english", language="de", level=0.1, seed=44):
        (sweep / "class_scores" / f"{cell['cell']}.parquet").unlink()
    for cell in cells(sweep, intermediate="none"):
        (sweep / "class_scores" / f"{cell['cell']}.parquet").unlink()
    study = read_study(sweep)
    assert not study.problems
    assert {point.system.intermediate for point in study.calibration} == {"nli/english", "nli/multilingual"}
    assert {(point.panel.languages, point.panel.wanted) for point in study.calibration} == {(("en",), 2)}
    assert {point.panel.languages for point in study.points} == {("de", "en")}, "scores use all predictions"


def _others(path: Path) -> None:
    found = read(path)
    write(path, ClassScores(found.ids, [np.roll(row, 1) for row in found.scores], found.classes))


def _renamed(path: Path) -> None:
    found = read(path)
    write(path, ClassScores([f"{name}x" for name in found.ids], found.scores, found.classes))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_others, "not those of the stored predictions"),
        (_renamed, "has other examples than the predictions"),
        (lambda path: path.write_bytes(b"PAR1"), "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(spoil: Any, words: str, sweep: Path) -> None:
    [cell] = cells(sweep, intermediate="none", language="de", level=0.1, seed=42)
    spoil(sweep / "class_scores" / f"{cell['cell']}.parquet")
    study = read_study(sweep)
    [problem] = study.problems
    assert words in problem.what and "xnli · German (de) · e5_small · none · char 0.1" in problem.where
    assert {point.panel.languages for point in study.calibration} == {("en",)}


def test_the_same_bytes_again(sweep: Path) -> None:
    report.write(sweep)
    first = (sweep / "tables" / "calibration.csv").read_bytes()
    (sweep / ".report.json").unlink()
    report.write(sweep)
    assert (sweep / "tables" / "calibration.csv").read_bytes() == first
