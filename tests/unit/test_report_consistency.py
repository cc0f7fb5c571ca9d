"""Consistency in the report: pairs of languages, clean and noisy input, means, arms, and what lacks or is damaged."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from altair import LayerChart
from sklearn.metrics import cohen_kappa_score

from tests.files import csv_rows
from tests.unit import sweep_factory
from tests.unit.sweep_factory import Spec
from tests.unit.test_analysis_consistency import naive
from xtreme_noise import report
from xtreme_noise.report.consistency_views import maps, sheets, tables
from xtreme_noise.report.formatting import percent
from xtreme_noise.report.language_charts import consistency_charts
from xtreme_noise.report.names import Names
from xtreme_noise.report.study import read_study
from xtreme_noise.results import class_scores, nearest
from xtreme_noise.results.class_scores import ClassScores
from xtreme_noise.results.nearest import Nearest
from xtreme_noise.store import write_atomic

few_resamples = sweep_factory.resampled(200)
LABELS = ["entailment", "neutral", "contradiction"]
SPEC = Spec(
    languages=("en", "de", "zh"), noises=("char",), levels=(0.1,), seeds=(42, 43, 44), noise_seeds=(0, 1), items=40,
)  # fmt: skip


def add(sweep: Path, classes: list[str]) -> Path:
    """Class scores for every cell, of the same items in all languages."""
    shared = np.random.default_rng(0).normal(size=(SPEC.items, len(classes)))

    def scores(cell: dict[str, Any], table: dict[str, Any]) -> ClassScores:
        own = np.random.default_rng(int(cell["cell"], 16)).normal(size=shared.shape) * (0.5 + 3 * cell["level"])
        logits = shared + own
        for row, prediction in zip(logits, table["prediction"], strict=True):
            row[classes.index(prediction)] = row.max()  # equal to another class, as rounding can make it
        logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return ClassScores(table["id"], list(logs.astype(np.float16)), classes)

    return _each(sweep, lambda path, cell, table: class_scores.write(path, scores(cell, table)))


def add_nearest(sweep: Path) -> Path:
    """20 of 50 candidates, the same pool in all languages."""

    def lists(cell: dict[str, Any], table: dict[str, Any]) -> Nearest:
        shared = np.random.default_rng(0).normal(size=(SPEC.items, 50))
        logits = shared + np.random.default_rng(int(cell["cell"], 16)).normal(size=shared.shape) * (0.5 + cell["level"])
        best = np.argsort(-logits, axis=1)[:, :20]
        return Nearest(table["id"], [[f"c{n}" for n in row] for row in best], 50)

    return _each(sweep, lambda path, cell, table: nearest.write(path, lists(cell, table)))


def _each(sweep: Path, write: Callable[..., None]) -> Path:
    (sweep / "class_scores").mkdir()
    for cell in cells(sweep):
        table = pq.read_table(sweep / "predictions" / f"{cell['cell']}.parquet").to_pydict()
        write(sweep / "class_scores" / f"{cell['cell']}.parquet", cell, table)
    return sweep


def cells(sweep: Path, **where: Any) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(sweep / "cells.parquet").to_pylist()
    return [row for row in table if all(row[name] == value for name, value in where.items())]


FIVE = [*LABELS, "d", "e"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add(sweep_factory.make(tmp_path_factory.mktemp("consistency") / "s", SPEC), FIVE)


@pytest.fixture
def sweep(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "s"))


def rows(sweep: Path, **where: str) -> list[dict[str, str]]:
    return csv_rows(sweep / "tables" / "consistency.csv", **where)


def order(sweep: Path, **where: Any) -> tuple[list[list[int]], list[bool]]:
    """The ranking of every item in a cell, with its prediction first, and whether that is right."""
    [cell] = cells(sweep, **where)
    scores = class_scores.read(sweep / "class_scores" / f"{cell['cell']}.parquet")
    table = pq.read_table(sweep / "predictions" / f"{cell['cell']}.parquet").to_pydict()
    found = []
    for row, prediction in zip(scores.table, table["prediction"], strict=True):
        first = FIVE.index(prediction)
        found.append([first, *(n for n in np.argsort(-row, kind="stable").tolist() if n != first)])
    return found, table["correct"]


def between(one: tuple[list[list[int]], list[bool]], other: tuple[list[list[int]], list[bool]], kind: str) -> float:
    return float(np.mean([naive(*pair, kind) for pair in zip(one[0], other[0], strict=True)]))


def test_the_tables_and_the_page(sweep: Path) -> None:
    report.write(sweep)
    arm: dict[str, Any] = {"intermediate": "nli/english"}
    noisy = [arm | {"level": 0.1, "noise": "char", "seed": s, "noise_seed": n} for s in (42, 43, 44) for n in (0, 1)]
    clean = [arm | {"level": 0.0, "seed": s} for s in (42, 43, 44)]
    assert len(rows(sweep)) == 3 * (2 * (3 + 1) + (3 + 1)), "arms; pairs and their mean at two levels; languages"
    for level, places in (("0.0", clean), ("0.1", noisy)):
        pair = {"compared": "languages", "language": "de", "other_language": "zh"}
        [row] = rows(sweep, **pair, level=level, intermediate="nli/english")
        both = [(order(sweep, language="de", **at), order(sweep, language="zh", **at)) for at in places]
        for column, kind in (("rankc_softmax", "softmax"), ("rankc_norm1", "norm1"), ("rankc_norm2", "norm2"),
                             ("rbo", "rbo")):  # fmt: skip
            assert float(row[column]) == pytest.approx(np.mean([between(*two, kind) for two in both])), column
        jaccard = [sum(np.array(a[1]) & b[1]) / sum(np.array(a[1]) | b[1]) for a, b in both]
        assert float(row["overlap"]) == pytest.approx(np.mean(jaccard))
        assert float(row["accuracy"]) == pytest.approx(np.mean([np.mean(one[1]) for one, _ in both]))
        assert float(row["other_accuracy"]) == pytest.approx(np.mean([np.mean(two[1]) for _, two in both]))
        agreed = [np.mean([a[0] == b[0] for a, b in zip(one[0], two[0], strict=True)]) for one, two in both]
        assert float(row["agreement"]) == pytest.approx(np.mean(agreed)) and row["kappa"] == ""
        random = float(row["random"])
        assert random == pytest.approx(naive_random(5), abs=1e-9) and row["candidates"] == "5.0"
        assert (row["measure"], row["value"]) == ("rankc_softmax", row["rankc_softmax"])
        assert float(row["above_random"]) == pytest.approx((float(row["value"]) - random) / (1 - random))
        assert float(row["value_low"]) < float(row["value"]) < float(row["value_high"])
        assert (row["seeds"], row["noise_seeds"], row["resamples"]) == ("3", "2", "200")
        some = rows(sweep, compared="languages", level=level, intermediate="nli/english")
        assert [(one["language"], one["other_language"]) for one in some] == [
            ("", ""), ("de", "en"), ("de", "zh"), ("en", "zh"),
        ]  # fmt: skip
        assert float(some[0]["value"]) == pytest.approx(np.mean([float(one["value"]) for one in some[1:]]))
        assert some[0]["parts"] == "3"
    [row] = rows(sweep, compared="clean and noisy", language="de", intermediate="nli/english")
    before = {at["seed"]: order(sweep, language="de", **at) for at in clean}
    wanted = np.mean([between(before[at["seed"]], order(sweep, language="de", **at), "softmax") for at in noisy])
    assert float(row["value"]) == pytest.approx(wanted) and row["level"] == "0.1"
    page = (sweep / "report.html").read_text(encoding="utf-8")
    assert 'id="consistency"' in page and 'href="#consistency"' in page and "Consistency lost to noise" in page
    assert "between languages, 3 pairs" in page and "clean with noisy, 3 languages" in page


def test_the_table_of_means_has_accuracy_beside_them(sweep: Path) -> None:
    study = read_study(sweep)
    [table] = tables(study.consistency.points, Names.of(study.cells))
    assert [row[0].text for row in table.rows[::2]] == ["none", "nli/english", "nli/multilingual"]
    scores = {(p.system.intermediate, p.level): p.score.value for p in study.points}
    for row in table.rows:
        shown = {percent(point.value.value): point for point in study.consistency.points if not point.language}
        assert row[2].text == percent(scores[row[0].text, float(row[1].text)])
        assert shown[row[3].text].system.intermediate == row[0].text and row[3].note.startswith("[")
    assert [cell.text for cell in table.rows[0][6:]] == ["–"] * 3 and table.rows[1][6].text != "–"


def naive_random(n: int) -> float:
    weights = [math.exp(n - j) for j in range(n)]
    return sum(w / sum(weights) * j / n for j, w in enumerate(weights, 1))


def test_heat_maps_of_the_clean_and_of_the_noisiest_input(sweep: Path) -> None:
    points = read_study(sweep).consistency.points
    drawn = consistency_charts(maps(points))
    assert [chart.title for chart in drawn] == [
        f"{arm}, {what}" for arm in ("none", "nli/english", "nli/multilingual") for what in ("clean", "char 0.1")
    ]  # fmt: skip
    for chart, diagonal in ((drawn[2], 0), (drawn[3], 3)):
        found = {(row["language"], row["other"]): row["rate"] for row in chart.spec["datasets"]["rows"]}
        assert len(found) == 6 + diagonal and found["German", "Chinese"] == found["Chinese", "German"]
        LayerChart.from_dict(chart.spec)
    [pair] = [p for p in points if (p.language, p.other, p.level) == ("de", "zh", 0.1) and p.system.arm == "english"]
    assert found["German", "Chinese"] == pytest.approx(pair.above_random, abs=1e-4)
    assert f"Chinese Chinese: {100 * found['Chinese', 'Chinese']:.0f}" in chart.alt
    assert "German German:" in chart.alt and "German German:" not in drawn[2].alt


def test_arms_are_compared_with_the_inference_over_seeds(sweep: Path) -> None:
    study = read_study(sweep)
    for name, text in sheets(study.consistency).items():
        write_atomic(sweep / "tables" / name, text)
    table = csv_rows(sweep / "tables" / "consistency_arms.csv")
    assert {(row["arm"], row["reference"]) for row in table} == {
        ("nli/multilingual", "nli/english"), ("nli/english", "none"), ("nli/multilingual", "none"),
    }  # fmt: skip
    [row] = csv_rows(sweep / "tables" / "consistency_arms.csv", family="primary")
    means = [
        rows(sweep, compared="clean and noisy", language="", intermediate=arm)[0]
        for arm in (row["arm"], row["reference"])
    ]
    assert [float(row["lost"]), float(row["reference_lost"])] == pytest.approx(
        [1 - float(one["value"]) for one in means]
    )
    assert float(row["difference"]) == pytest.approx(float(row["lost"]) - float(row["reference_lost"]))
    by_seed = [float(part.split(": ")[1]) for part in row["by_seed"].split("; ")]
    assert np.mean(by_seed) == pytest.approx(float(row["difference"]), abs=1e-6) and len(by_seed) == 3
    [found] = [one for one in study.consistency.contrasts if one.group.family == "primary"]
    assert found.difference.seed_sd == pytest.approx(np.std(by_seed, ddof=1), rel=1e-4)
    assert found.difference.p is not None and float(row["p"]) == pytest.approx(found.difference.p)
    assert (row["tests_in_family"], row["p_adjusted"]) == ("1", row["p"])
    assert (row["languages"], row["levels"], row["noises"]) == ("de en zh", "0.1", "char")


def test_three_classes_are_compared_by_agreement_and_kappa(tmp_path: Path) -> None:
    spec = Spec(languages=("en", "de"), noises=("char",), levels=(0.1,), items=SPEC.items, intermediates=("none",))
    sweep = add(sweep_factory.make(tmp_path / "s", spec), LABELS)
    report.write(sweep)
    [row] = rows(sweep, compared="languages", language="de", level="0.0")
    found = []
    for code in ("de", "en"):
        [cell] = cells(sweep, language=code, level=0.0)
        found.append(pq.read_table(sweep / "predictions" / f"{cell['cell']}.parquet")["prediction"].to_pylist())
    assert row["measure"] == "agreement" and row["rankc_softmax"] == row["random"] == ""
    assert float(row["value"]) == pytest.approx(np.mean([a == b for a, b in zip(*found, strict=True)]))
    assert float(row["kappa"]) == float(row["above_random"]) == pytest.approx(cohen_kappa_score(*found))
    assert row["interval"] == "conditional on these runs"
    assert not csv_rows(sweep / "tables" / "consistency_arms.csv"), "one system"


def test_lists_of_the_nearest_candidates(tmp_path: Path) -> None:
    spec = Spec(
        tasks={"lareqa": "ranking"}, languages=("en", "de"), noises=("char",), levels=(0.1,), items=SPEC.items,
        intermediates=("none",),
    )  # fmt: skip
    sweep = add_nearest(sweep_factory.make(tmp_path / "s", spec))
    report.write(sweep)
    assert not (sweep / "tables" / "calibration.csv").exists()
    [row] = rows(sweep, compared="languages", language="de", level="0.0")
    files = [cells(sweep, language=code, level=0.0)[0]["cell"] for code in ("de", "en")]
    lists = [nearest.read(sweep / "class_scores" / f"{name}.parquet").ranked for name in files]
    for column, kind in (("rankc_norm1", "norm1"), ("rbo", "rbo"), ("rankc_softmax", "softmax")):
        one, other = ([[int(name[1:]) for name in ranked] for ranked in own] for own in lists)
        wanted = np.mean([naive(a, b, kind) for a, b in zip(one, other, strict=True)])
        assert float(row[column]) == pytest.approx(wanted), column
    assert (row["measure"], row["candidates"]) == ("rankc_norm1", "50.0")
    assert float(row["random"]) == pytest.approx(sum((21 - j) / 210 * j / 50 for j in range(1, 21)))
    [cell] = cells(sweep, language="de", level=0.1)
    (sweep / "class_scores" / f"{cell['cell']}.parquet").write_bytes(b"PAR1")
    [problem] = read_study(sweep).problems
    assert "cannot be read" in problem.what


def test_languages_without_common_items_are_compared_with_noise_alone(tmp_path: Path) -> None:
    spec = Spec(
        tasks={"tatoeba": "retrieval"}, languages=("en", "de"), noises=("char",), levels=(0.1,), items=SPEC.items,
        intermediates=("none",),
    )  # fmt: skip
    sweep = sweep_factory.make(tmp_path / "s", spec)
    for cell in cells(sweep):
        path = sweep / "predictions" / f"{cell['cell']}.parquet"
        table = pq.read_table(path)
        names = [f"{cell['language']}|{name}" for name in table["id"].to_pylist()]
        pq.write_table(table.set_column(1, "cluster", [names]), path)
    add_nearest(sweep)
    study = read_study(sweep)
    assert not study.problems
    assert {point.compared for point in study.consistency.points} == {"clean and noisy"}
    assert len(study.consistency.points) == 3
    report.write(sweep)
    assert "clean with noisy, 2 languages" in (sweep / "report.html").read_text(encoding="utf-8")


def test_tokens_are_compared_with_noise_alone(tmp_path: Path) -> None:
    """The tokens of two translations are not aligned."""
    spec = Spec(
        tasks={"udpos": "tagging"}, languages=("en", "de"), noises=("char",), levels=(0.1,), items=SPEC.items,
        intermediates=("none",),
    )  # fmt: skip
    sweep = sweep_factory.make(tmp_path / "s", spec)
    tags = ["NOUN", "VERB", "ADJ", "X"]

    def write(path: Path, cell: dict[str, Any], table: dict[str, Any]) -> None:
        rng = np.random.default_rng(int(cell["cell"], 16))
        rows = [rng.dirichlet(np.ones(4), 2) for _ in table["id"]]
        named = [" ".join(tags[n] for n in row.argmax(axis=1)) for row in rows]
        whole = pq.read_table(sweep / "predictions" / path.name)
        for column in ("prediction", "gold"):
            whole = whole.set_column(whole.column_names.index(column), column, [named])
        pq.write_table(whole, sweep / "predictions" / path.name)
        logs = [np.log(row).ravel().astype(np.float16) for row in rows]
        class_scores.write(path, ClassScores(table["id"], logs, tags))

    study = read_study(_each(sweep, write))
    assert {point.compared for point in study.consistency.points} == {"clean and noisy"}
    [de] = [point for point in study.consistency.points if point.language == "de"]
    one, other = (
        class_scores.read(
            sweep / "class_scores" / f"{cells(sweep, language='de', level=level)[0]['cell']}.parquet"
        ).table
        for level in (0.0, 0.1)
    )
    pairs = zip(np.argsort(-one, axis=1), np.argsort(-other, axis=1), strict=True)
    assert len(one) == 2 * SPEC.items
    assert de.value.value == pytest.approx(np.mean([naive(a.tolist(), b.tolist(), "softmax") for a, b in pairs]))


def test_nothing_without_stored_scores(sweep: Path) -> None:
    shutil.rmtree(sweep / "class_scores")
    report.write(sweep)
    assert "consistency of rankings" not in (sweep / "report.html").read_text(encoding="utf-8").lower()
    assert not list(sweep.glob("tables/consistency*"))


def test_means_are_over_languages_with_scores_in_every_arm(sweep: Path) -> None:
    for cell in cells(sweep, intermediate="nli/english", language="zh", level=0.1, seed=44):
        (sweep / "class_scores" / f"{cell['cell']}.parquet").unlink()
    study = read_study(sweep)
    assert not study.problems
    assert {point.panel.languages for point in study.consistency.points} == {("de", "en")}
