"""What a guess scores, in every family that has something to guess, and the warning where a score is no better."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tests.unit import sweep_factory
from tests.unit.test_results import entry
from xtreme_noise import report
from xtreme_noise.analysis import chance
from xtreme_noise.metrics import ranking
from xtreme_noise.modules.dual_encoder import Candidates, DualEncoderModule
from xtreme_noise.modules.multiple_choice import MultipleChoiceModule
from xtreme_noise.report import predictions
from xtreme_noise.report.headline import headline
from xtreme_noise.report.page import page
from xtreme_noise.report.study import read_study
from xtreme_noise.report.tables import tables

pytestmark = pytest.mark.pictures


def study(
    sweep: Path, family: str, metric: str, gold: Sequence[str], right: dict[float, float], **columns: Any
) -> Path:
    """A sweep of one task, language and system; right: level -> the share of the items that are right (the first)."""
    (sweep / "predictions").mkdir(parents=True)
    cells, ids = [], [str(n) for n in range(len(gold))]
    for level, share in right.items():
        num = [float(n < share * len(gold)) for n in range(len(gold))]
        if metric == "error_rate":
            num = [1 - one for one in num]
        cell = f"{round(level * 100):016x}"
        noise = "char" if level else "clean"
        score = sum(num) / len(num)
        cells.append(entry("ok", cell, family=family, metric=metric, noise=noise, level=level, score=score))
        table = {"id": ids, "cluster": ids, "num": num, "den": [1.0] * len(gold), "gold": list(gold)} | columns
        pq.write_table(pa.table(table), sweep / "predictions" / f"{cell}.parquet")
    sweep_factory.write_rows(sweep, cells)
    return sweep


LABELS = ["a"] * 60 + ["b"] * 25 + ["c"] * 15
CASES = [f"case {n // 2}" for n in range(100)]
UNEVEN = ["0"] * 60 + ["1"] * 40
GUESSES: dict[str, tuple[str, str, Sequence[str], dict[str, Any], float | None]] = {
    "the most frequent label": ("classification", "accuracy", LABELS, {}, 0.6),
    "labels of equal number": ("classification", "accuracy", ["x", "y", "z", "w"] * 25, {}, 0.25),
    "choices": ("multiple_choice", "accuracy", ["0", "1"] * 50, {"choices": [2] * 100}, 0.5),
    "more choices than right answers": ("multiple_choice", "accuracy", list("01234") * 20, {"choices": [8] * 100}, 0.2),
    "a place that is right more often": (
        "multiple_choice",
        "accuracy",
        ["0"] * 60 + ["1"] * 40,
        {"choices": [2] * 100},
        0.6,
    ),
    "not as many everywhere": (
        "multiple_choice",
        "accuracy",
        ["0", "1", "2"] * 33 + ["0"],
        {"choices": [2, 4] * 50},
        0.375,
    ),
    "choices of an earlier record": ("multiple_choice", "accuracy", list("01234") * 20, {}, 0.2),
    "candidates": ("retrieval", "accuracy", [str(n) for n in range(100)], {}, 0.01),
    "the most frequent tag": ("tagging", "token_accuracy", ["N V N", "N"] * 50, {}, 0.75),
    "spans of tags": ("tagging", "span_f1", ["N V N", "N"] * 50, {}, None),
    "answers in a text": ("qa", "squad_f1", ["x"] * 100, {}, None),
    "questions of a case": ("qa", "error_rate", ["Ann", "Bob"] * 50, {"cluster": CASES}, 0.25),
    "one question a case": ("qa", "error_rate", ["Ann", "Bob"] * 50, {}, None),
    "a pool": ("ranking", "mrr_at_20", ["Q1"] * 100, {"choices": [2] * 100}, 0.75),
    "a pool with two right ones": ("ranking", "map", ["Q1 | Q2"] * 100, {"choices": [2] * 100}, 1.0),
    "a pool of unknown size": ("ranking", "mrr_at_20", ["Q1"] * 100, {}, None),
    "pairs of two corpora": ("mining", "bucc_f1", ["x"] * 100, {}, None),
}


@pytest.mark.parametrize("name", GUESSES)
def test_what_a_guess_scores(tmp_path: Path, name: str) -> None:
    family, metric, gold, columns, wanted = GUESSES[name]
    sweep = study(tmp_path / "s", family, metric, gold, {0.0: 1.0, 0.1: 0.95}, **columns)
    clean, noisy = read_study(sweep, resample=False).places
    if wanted is None:
        assert (clean.chance, clean.at_chance, noisy.drop_rate_above_chance) == (None, None, None)
        return
    score = 1 - wanted if metric == "error_rate" else wanted
    assert clean.chance == pytest.approx(score)
    assert clean.at_chance is (wanted > 0.99)
    if wanted < 0.99:
        assert noisy.drop_rate_above_chance == pytest.approx(1 - (0.95 - wanted) / (1 - wanted))


@pytest.mark.parametrize("resample", [True, False])
def test_near_a_guess_is_said(tmp_path: Path, resample: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """XCOPA at 51 of 50: in the paragraph, the page, the tables and the terminal, with and without intervals."""
    monkeypatch.setattr(predictions, "RESAMPLES", 99)
    columns = {"choices": [2] * 500}
    gold = ["0", "1"] * 250
    sweep = study(tmp_path / "guessing", "multiple_choice", "accuracy", gold, {0.0: 0.51, 0.1: 0.5}, **columns)
    found = read_study(sweep, resample=resample)
    assert [(point.at_chance, point.clean_at_chance) for point in found.points] == [(True, True)] * 2
    assert "No better than guessing without noise" in headline(found).paragraph
    assert "(51.0, a guess 50.0)" in headline(found).paragraph
    html = page(found, "", "digest", [])
    assert "51.0†" in html and "† No better than a guess (50.0)" in html
    for name in ("scores.csv", "curves.csv"):
        rows = list(csv.DictReader(io.StringIO(tables(found)[name])))
        assert {(row["chance"], row["at_chance"], row["clean_at_chance"]) for row in rows} == {("0.5", "True", "True")}
    text = terminal(sweep)
    assert "51.0†" in text and "† no better than a guess (xnli 50.0)" in text


def test_noise_that_takes_all_is_said(tmp_path: Path) -> None:
    sweep = study(tmp_path / "s", "classification", "accuracy", ["a", "b"] * 250, {0.0: 0.9, 0.1: 0.7, 0.2: 0.52})
    found = read_study(sweep, resample=False)
    assert [(p.at_chance, p.clean_at_chance) for p in found.points] == [(False, False), (False, False), (True, False)]
    paragraph = headline(found).paragraph
    assert "No better than guessing with noise" in paragraph and "xnli · char 0.2" in paragraph
    assert "without noise" not in paragraph
    assert "90.0 " in terminal(sweep) and "52.0†" in terminal(sweep)
    fine = study(tmp_path / "fine", "classification", "accuracy", ["a", "b"] * 250, {0.0: 0.9, 0.1: 0.7})
    assert "†" not in terminal(fine) and "guess" not in headline(read_study(fine, resample=False)).paragraph


def test_less_is_better(tmp_path: Path) -> None:
    """An error rate of 100 is no better than any guess, one of 0 is."""
    for right, near in ((0.0, True), (1.0, False)):
        sweep = study(
            tmp_path / str(right), "qa", "error_rate", ["Ann", "Bob"] * 50, {0.0: right, 0.1: right}, cluster=CASES
        )
        point = read_study(sweep, resample=False).points[0]
        assert (point.at_chance, point.chance and point.chance.score) == (near, 0.75)


def test_right_answers_that_cannot_be_read_are_a_problem(tmp_path: Path) -> None:
    sweep = study(tmp_path / "s", "multiple_choice", "accuracy", ["0", "1"], {0.0: 1.0}, choices=[2, 0])
    [problem] = read_study(sweep).problems
    assert "the chance level is not known: no examples, or one without choices" in problem.what


def terminal(sweep: Path) -> str:
    console = Console(width=120, file=io.StringIO())
    console.print(report.terminal_table(sweep))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("relevant", "pool", "cutoff"), [(1, 10, 20), (3, 10, 5), (4, 12, 3), (10, 10, 4), (2, 30, 20)]
)
def test_a_random_order_scores_what_is_expected(relevant: int, pool: int, cutoff: int) -> None:
    draw = random.Random(0)
    ids = [str(n) for n in range(pool)]
    right = ids[:relevant]
    sums = [0.0, 0.0]
    for _ in range(3000):
        draw.shuffle(ids)
        sums[0] += ranking.average_precision(ids, right, cutoff)
        sums[1] += ranking.reciprocal_rank(ids, right, cutoff)
    assert chance.average_precision(relevant, pool, cutoff) == pytest.approx(sums[0] / 3000, abs=0.02)
    assert chance.reciprocal_rank(relevant, pool, cutoff) == pytest.approx(sums[1] / 3000, abs=0.02)


def test_near_is_a_matter_of_how_many_items() -> None:
    assert chance.near(0.54, 0.5, 500) and not chance.near(0.55, 0.5, 500)
    assert chance.near(0.6, 0.5, 50) and chance.near(0.3, 0.5, 10**6)
    assert not chance.near(0.0001, 0.0, 10) and chance.near(0.0, 0.0, 10)


def test_how_many_choices_there_are_is_recorded() -> None:
    columns: dict[str, Any] = {"query": ["a", "b"], "choices": [["x", "y"], ["x", "y", "z"]]}
    assert MultipleChoiceModule.choices(SimpleNamespace(), columns) == [2, 3]  # type: ignore[arg-type]
    pool: Any = SimpleNamespace(candidates=Candidates(["1", "2", "3"], None))  # type: ignore[arg-type]
    assert DualEncoderModule.choices(pool, columns) == [3, 3]
    pool.candidates = None
    assert DualEncoderModule.choices(pool, columns) is None
