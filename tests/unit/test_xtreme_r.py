"""XTREME-R's scores: what is whole, what is not, and that nothing partial is shown as the whole."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.unit import sweep_factory
from xtreme_noise.analysis.xtreme_r import GROUPS, TASKS, Score, scores
from xtreme_noise.config import compose
from xtreme_noise.metrics import names as metric_names
from xtreme_noise.report import xtreme_r
from xtreme_noise.report.names import Names
from xtreme_noise.report.page import page
from xtreme_noise.report.study import read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.stages.evaluate import identify
from xtreme_noise.stages.plan import Cell

FAMILIES = {"classification": "classification", "structured": "tagging", "qa": "qa", "retrieval": "retrieval"}


def full(value: float = 0.5) -> dict[str, dict[str, float]]:
    return {name: dict.fromkeys(task.languages, value) for name, task in TASKS.items()}


def named(found: list[Score], name: str) -> Score:
    return next(score for score in found if score.name == name)


def test_the_ten_tasks() -> None:
    assert len(TASKS) == 10 and GROUPS == ("classification", "structured", "qa", "retrieval")
    counts = {name: len(task.languages) for name, task in TASKS.items()}
    assert counts == {
        "xnli": 15, "xcopa": 11, "udpos": 38, "wikiann": 48, "xquad": 12, "mlqa": 7, "tydiqa": 9,
        "tatoeba_squad": 41, "mewslix": 11, "lareqa": 11,
    }  # fmt: skip
    assert {task.metric for task in TASKS.values()} <= set(metric_names())


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("name", sorted(TASKS))
def test_the_languages_are_those_of_the_task(name: str) -> None:
    [job] = compose.jobs([f"task={name}"])
    assert sorted(job.task.languages) == sorted(TASKS[name].languages)


def test_means_of_means() -> None:
    values = full()
    values["xnli"] = dict(zip(values["xnli"], [n / 100 for n in range(60, 75)], strict=True))
    values["xcopa"] = dict.fromkeys(values["xcopa"], 0.57)
    found = scores(values)
    assert named(found, "xnli").score == pytest.approx(0.67)
    assert named(found, "classification").score == pytest.approx(0.62), "of two tasks, not of 26 languages"
    assert named(found, "overall").score == pytest.approx((0.67 + 0.57 + 8 * 0.5) / 10), "of tasks, not of groups"
    assert all(score.missing == () and score.partial == score.score for score in found)


def test_one_language_short_is_not_the_whole() -> None:
    values = full()
    del values["udpos"]["wo"]
    values["udpos"]["fr"] = 0.13
    found = scores(values)
    udpos, group, overall = (named(found, name) for name in ("udpos", "structured", "overall"))
    assert udpos.score is None and list(map(str, udpos.missing)) == ["wo"] and (udpos.parts, udpos.wanted) == (37, 38)
    assert udpos.partial == pytest.approx((36 * 0.5 + 0.13) / 37)
    assert group.score is None and list(map(str, group.missing)) == ["udpos without wo"] and group.parts == 1
    assert overall.score is None and list(map(str, overall.missing)) == ["udpos without wo"]
    assert named(found, "qa").score == 0.5


def test_a_task_short_and_languages_of_others() -> None:
    values = full()
    del values["mewslix"]
    values["xquad"]["pl"] = 0.0
    values["intents"] = {"en": 0.0}
    found = scores(values)
    assert list(map(str, named(found, "retrieval").missing)) == ["mewslix"] and named(found, "retrieval").score is None
    assert named(found, "retrieval").partial == 0.5
    assert named(found, "xquad").score == 0.5, "pl is not one of its languages"
    assert named(scores({}), "overall").partial is None


# -- over a sweep ------------------------------------------------------------------------------------------------


def sweep(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda row: row) -> Path:
    """Every task in every language, clean and char 0.1, one system; `change` may spoil or drop (None) a cell."""
    rows: list[dict[str, Any]] = []
    for task in TASKS.values():
        for code in task.languages:
            for noise, level, score in (("clean", 0.0, 0.8), ("char", 0.1, 0.6)):
                row: dict[str, Any] = {
                    "cell": f"{len(rows):016x}", "task": task.name, "family": FAMILIES[task.group], "language": code,
                    "language_name": code, "script": "Latn", "model": "m", "intermediate": "none",
                    "kind": "none", "arm": "none",
                    "noise": noise, "level": level, "noise_seed": 0, "seed": 42, "metric": task.metric,
                    "score": score, "n": 10, "status": "ok", "samples": "[]", "signature": f"cell {len(rows)}",
                    "extra": json.dumps({"exact_match": score - 0.2} if task.group == "qa" else {}),
                }  # fmt: skip
                if (changed := change(row)) is not None:
                    rows.append(changed)
    sweep_factory.write_rows(folder, rows)
    return folder


def table(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    text = tables(read_study(folder, resample=False))["xtreme_r.csv"]
    return {(row["noise"], row["name"]): row for row in csv.DictReader(text.splitlines())}


def test_a_whole_sweep(tmp_path: Path) -> None:
    found = table(sweep(tmp_path))
    assert float(found["clean", "xnli"]["score"]) == pytest.approx(0.8)
    assert float(found["clean", "xquad"]["score"]) == pytest.approx(0.7), "mean of F1 and exact match"
    assert float(found["char", "qa"]["score"]) == pytest.approx(0.5)
    assert float(found["char", "overall"]["score"]) == pytest.approx((7 * 0.6 + 3 * 0.5) / 10)


def test_what_does_not_count(tmp_path: Path) -> None:
    def spoil(row: dict[str, Any]) -> dict[str, Any] | None:
        noisy = row["noise"] == "char"
        if row["task"] == "xnli" and row["language"] == "zh" and noisy:
            return row | {"status": "n/a", "score": None}
        if row["task"] == "mlqa" and row["language"] == "de" and noisy:
            return row | {"extra": "{}"}  # no exact match: no score of QA
        if row["task"] == "tydiqa":
            return row | {"metric": "mlqa_f1"}  # another number
        if row["task"] == "tatoeba_squad":
            return row | {"task": "tatoeba"}  # another task
        return None if row["task"] == "xcopa" and row["language"] == "ht" else row

    folder = sweep(tmp_path, spoil)
    found = table(folder)
    assert found["char", "xnli"]["score"] == "" and found["char", "xnli"]["missing"] == "zh"
    assert float(found["char", "xnli"]["partial"]) == pytest.approx(0.6)
    assert float(found["clean", "xnli"]["score"]) == pytest.approx(0.8)
    assert found["char", "mlqa"]["missing"] == "de" and found["clean", "mlqa"]["missing"] == ""
    assert found["clean", "tydiqa"]["partial"] == "" and found["clean", "tatoeba_squad"]["partial"] == ""
    assert found["clean", "classification"]["missing"] == "xcopa without ht"
    assert found["clean", "overall"]["score"] == "" and float(found["clean", "structured"]["score"]) == 0.8
    study = read_study(folder, resample=False)
    lines = dict(xtreme_r.lacks(study))
    assert lines["xcopa"] == "ht" and lines["not in this study"] == "tydiqa, tatoeba_squad"
    view = xtreme_r.table(study, Names.of(study.cells))
    assert view is not None
    heads = [name for name, _ in view.heads[0]]
    clean, char = (dict(zip(heads, row, strict=True)) for row in view.rows)
    assert clean["overall"].text.startswith("(") and clean["overall"].note == "7 of 10 tasks"
    assert not view.folded and "in brackets" in view.caption, "some of its tasks are whole"
    assert (char["xnli"].text, char["xnli"].note) == ("(60.0)", "14 of 15 languages")
    assert clean["xnli"].text == "80.0" and clean["xnli"].note == "" and char["noise"].text == "char 0.1"


def test_a_sample_is_not_the_whole(tmp_path: Path) -> None:
    def cut(row: dict[str, Any]) -> dict[str, Any]:
        if row["task"] == "xnli":
            return row | {"test_size": 10}
        return row | ({"test_size": 500} if row["task"] == "lareqa" else {})  # there are no more than ten: all

    folder = sweep(tmp_path, cut)
    found = table(folder)["clean", "xnli"]
    assert found["score"] == "" and float(found["partial"]) == pytest.approx(0.8)
    assert found["missing"] == "only 10 items of each language"
    for name in ("classification", "overall"):
        row = table(folder)["clean", name]
        assert row["score"] == "" and row["missing"] == "xnli with only 10 items of each language"
        assert int(row["parts"]) == int(row["wanted"]) - 1
    assert all(float(table(folder)["char", name]["score"]) for name in ("xcopa", "lareqa", "retrieval", "qa"))
    study = read_study(folder, resample=False)
    assert dict(xtreme_r.lacks(study)) == {"xnli": "only 10 items of each language"}
    view = xtreme_r.table(study, Names.of(study.cells))
    assert view is not None
    clean = dict(zip([name for name, _ in view.heads[0]], view.rows[0], strict=True))
    assert (clean["xnli"].text, clean["xnli"].note) == ("(80.0)", "15 of 15 languages, only 10 items of each language")
    old = pq.read_table(folder / "cells.parquet").drop_columns("test_size")
    pq.write_table(old, folder / "cells.parquet")
    assert table(folder)["clean", "xnli"]["score"] != "", "studies of before do not say so"


@pytest.mark.usefixtures("workdir")
def test_a_cell_knows_that_its_test_set_is_a_sample() -> None:
    sizes = {name: compose.jobs(["task=xnli", f"preset={name}"])[0] for name in ("full", "two_cores")}
    cell = Cell("de", "clean", 0.0, 0)
    assert {name: identify(cfg, cell).test_size for name, cfg in sizes.items()} == {
        "full": None, "two_cores": sizes["two_cores"].task.size.test,
    }  # fmt: skip
    assert sizes["two_cores"].task.size.test and identify(sizes["two_cores"], cell).task == "xnli"


def test_the_page_has_the_section_only_with_tasks_of_xtreme_r(tmp_path: Path) -> None:
    some = sweep(tmp_path / "some", lambda row: row if row["task"] == "xquad" and row["language"] != "ro" else None)
    html = page(read_study(some, resample=False), "", "", [])
    assert 'id="xtreme-r"' in html and "11 of 12 languages" in html and "(70.0)" in html
    assert re.search(r'<details class="printed"><summary>XTREME-R scores × 100: none is complete <small>', html)
    none = sweep(tmp_path / "none", lambda row: row | {"task": "intents"} if row["task"] == "xcopa" else None)
    study = read_study(none, resample=False)
    assert 'id="xtreme-r"' not in page(study, "", "", [])
    assert len(tables(study)["xtreme_r.csv"].splitlines()) == 1
