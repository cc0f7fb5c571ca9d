"""Sweeps with little, nothing or broken things in them: a sensible report, never a crash, never a guess."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tests.unit.sweep_factory import Spec, make
from xtreme_noise import report
from xtreme_noise.errors import DataError
from xtreme_noise.report import predictions
from xtreme_noise.report.figures import figures
from xtreme_noise.report.headline import headline
from xtreme_noise.report.page import page
from xtreme_noise.report.panels import Panel
from xtreme_noise.report.predictions import match
from xtreme_noise.report.seen_unseen import UNKNOWN
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables

pytestmark = pytest.mark.pictures

SMALL: dict[str, Any] = {"items": 40, "languages": ("en", "de", "sw"), "noises": ("char",)}


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested here does not depend on their number, and there are many sweeps."""
    monkeypatch.setattr(predictions, "RESAMPLES", 99)


def rendered(sweep: Path) -> tuple[StudyResults, str]:
    """The page, without the seconds that bundling the chart library takes."""
    study = read_study(sweep)
    return study, page(study, "", "digest", sorted(tables(study)))


def fail(row: dict[str, Any]) -> tuple[str, str | None]:
    return ("error", f"RuntimeError: {row['language']}")


def missing_german(row: dict[str, Any]) -> tuple[str, str | None]:
    return ("missing", "no such file") if row["language"] == "de" else ("ok", None)


def nothing_to_act_on(row: dict[str, Any]) -> tuple[str, str | None]:
    return ("n/a", "no letters") if row["noise"] != "clean" else ("ok", None)


def english_arm_fails(row: dict[str, Any]) -> tuple[str, str | None]:
    return ("error", "CUDA out of memory") if row["arm"] == "english" else ("ok", None)


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "one arm": ({"intermediates": ("nli/english",)}, "no cell of the multilingual arm was measured"),
    "no intermediate arm": ({"intermediates": ("none",)}, "no cell of the english or the multilingual arm"),
    "only level 0": ({"noises": ()}, "only level 0 was measured"),
    "one noisy level": (
        {"levels": (0.1,)},
        "none of 1 comparison (one per task and kind of intermediate task) is tested",
    ),
    "one language": ({"languages": ("en",)}, "of 1 comparison"),
    "one language, not English": ({"languages": ("sw",)}, "of 1 comparison"),
    "everything failed": ({"status": fail}, "none of 27 cells finished"),
    "a language missing": ({"status": missing_german}, "2 of 3 languages"),
    "noise not applicable": ({"status": nothing_to_act_on}, "only level 0 was measured"),
    "one arm failed": ({"status": english_arm_fails}, "no cell of the english arm was measured"),
    "two models": ({"models": ("e5_small", "xlmr_base")}, "xnli · xlmr_base · char 0.1"),
    "two kinds": (
        {"intermediates": ("nli/english", "nli/multilingual", "qa/english", "qa/multilingual")},
        "char 0.1 · qa",
    ),
    "arms of different kinds": ({"intermediates": ("nli/english", "qa/multilingual")}, "share no kind"),
    "an unknown arm": ({"intermediates": ("none", "nli/mlm")}, "no cell of the english arm"),
    "three seeds": (
        {"seeds": (0, 1, 2), "noise_seeds": (0, 1)},
        "of 1 comparison (one per task and kind of intermediate task), the",
    ),
    "one item": ({"items": 1}, "xnli"),
    "retrieval": ({"tasks": {"tatoeba": "retrieval"}}, "tatoeba · char 0.1"),
    "a name that is markup": ({"tasks": {"$x_{1}$ [bold] <b>": "qa"}}, "$x_{1}$ [bold] &lt;b&gt;"),
}


WITH_FIGURES = {"only level 0", "everything failed", "two models", "two kinds", "a name that is markup"}


@pytest.mark.parametrize("name", list(CASES))
def test_sensible_report(tmp_path: Path, name: str) -> None:
    changes, expected = CASES[name]
    sweep = make(tmp_path / "sweep", Spec(**(SMALL | changes)))
    study, html = rendered(sweep)
    assert expected in html
    assert "<h2>Signatures</h2>" in html
    Console(file=io.StringIO()).print(report.terminal_table(sweep))
    if name in WITH_FIGURES:
        assert all(content for content in figures(study).values())


def test_a_hostile_name_does_not_end_the_chart_data(tmp_path: Path) -> None:
    """Task names are in the charts' data block: nothing in it may close the element it stands in."""
    hostile = "</script><img src=x onerror=alert(1)><!--<script>"
    _, html = rendered(make(tmp_path / "sweep", Spec(**(SMALL | {"tasks": {hostile: "qa"}}))))
    assert "<img" not in html
    assert html.count("<script") == html.count("</script>") == 3
    assert "\\u003c/script\\u003e" in html


def test_no_cell_at_all(tmp_path: Path) -> None:
    """Every job died while it was planned."""
    sweep = make(tmp_path / "sweep", Spec(tasks={}))
    (sweep / "jobs" / "a1b2c3" / "failure.txt").write_text("Traceback\nModelUnavailable: fetch it with <cmd>\n")
    _, html = rendered(sweep)
    assert "1 failure" in html
    assert "ModelUnavailable: fetch it with &lt;cmd&gt;" in html
    assert "The study has no cells." in html


def test_killed_cells_are_counted_as_not_run(tmp_path: Path) -> None:
    def killed(row: dict[str, Any]) -> bool:
        return bool(row["language"] == "sw" and row["noise"] == "char" and row["arm"] == "multilingual")

    study, html = rendered(make(tmp_path / "sweep", Spec(**(SMALL | {"skip": killed}))))
    assert "No record of 2 cells" in html
    assert "Swahili (not run everywhere)" in html
    assert all(panel.languages == ("de", "en") for panel in study.panels)


def shared(study: StudyResults, arm: str, reference: str) -> Panel:
    """What the two were compared over."""
    (panel,) = {
        id(c.panel): c.panel for c in study.contrasts if (c.arm.arm, c.reference.arm) == (arm, reference)
    }.values()
    return panel


def test_level_that_one_arm_lacks_is_in_no_mean(tmp_path: Path) -> None:
    def lacks(row: dict[str, Any]) -> bool:
        return bool(row["arm"] == "english" and row["level"] == 0.1)

    study, html = rendered(make(tmp_path / "sweep", Spec(**(SMALL | {"skip": lacks}))))
    assert [panel.levels for panel in study.panels] == [(0.0, 0.05)]
    assert "not common to all arms and left out: level 0.1" in html
    assert shared(study, "multilingual", "english").levels == (0.0, 0.05)
    assert shared(study, "multilingual", "none").levels == (0.0, 0.05, 0.1)


def test_what_a_third_system_lacks_takes_nothing_from_a_contrast(tmp_path: Path) -> None:
    """The means of the tables are over what all systems have; two arms are compared over what the two have."""

    def lacks(row: dict[str, Any]) -> bool:
        return bool(row["arm"] == "none" and (row["seed"] == 1 or row["language"] == "sw"))

    study, html = rendered(make(tmp_path / "sweep", Spec(**(SMALL | {"skip": lacks, "seeds": (0, 1)}))))
    assert [(panel.seeds, panel.languages) for panel in study.panels] == [((0,), ("de", "en"))]
    assert "left out: seed 1" in html and "Swahili (not run everywhere)" in html
    question, control = shared(study, "multilingual", "english"), shared(study, "multilingual", "none")
    assert (question.seeds, question.languages, question.wanted) == ((0, 1), ("de", "en", "sw"), 3)
    assert (control.seeds, control.languages, control.wanted) == ((0,), ("de", "en"), 3)
    assert "One training seed" not in headline(study).paragraph
    (row,) = [c for c in study.contrasts if c.panel is question and (c.measure, c.level) == ("score", 0.1)]
    own = [c.score for c in study.cells if (c.arm, c.level) == ("multilingual", 0.1)]
    assert len(own) == 6 and row.value == pytest.approx(sum(score or 0.0 for score in own) / 6)


def test_a_clean_difference_is_one_test_whatever_the_noise(tmp_path: Path) -> None:
    """It stands once per noise family; where a family leaves a language out it is another one."""

    def nothing_in_swahili(row: dict[str, Any]) -> tuple[str, str | None]:
        return ("n/a", "no layout") if row["noise"] == "keyboard" and row["language"] == "sw" else ("ok", None)

    for status, tests in ((None, 3), (nothing_in_swahili, 4)):
        few = {"noises": ("char", "keyboard"), "levels": (0.1,), "status": status, "seeds": (0, 1, 2)}
        spec = Spec(**(SMALL | few))
        study = read_study(make(tmp_path / f"{tests}", spec))
        own = [c for c in study.contrasts if c.measure == "score" and c.reference.arm == "english"]
        assert [c.level for c in own] == [0.0, 0.1, 0.0, 0.1]
        assert {c.tests for c in own} == {tests}
        assert all(c.p_holm is not None for c in own)
        assert {c.tests for c in study.contrasts if c.measure == "drop_rate"} == {2}


def test_every_multilingual_arm_is_counted(tmp_path: Path) -> None:
    arms = ("nli/english", "nli/multilingual", "nli/native")
    found = headline(read_study(make(tmp_path / "sweep", Spec(**(SMALL | {"intermediates": arms})))))
    assert "of 2 comparisons (one per task and kind of intermediate task)" in found.paragraph
    assert "Multilingual or native minus English" in found.paragraph
    named = ["xnli · nli/multilingual minus nli/english", "xnli · nli/native minus nli/english"]
    assert [name in line for name, line in zip(named, found.lines, strict=True)] == [True, True]


def test_languages_that_both_arms_are_trained_in_are_on_no_side(tmp_path: Path) -> None:
    """Where nothing else is left on a side, the page says so."""
    only_english, html = rendered(make(tmp_path / "english", Spec(**(SMALL | {"seen": ("en",)}))))
    assert not only_english.by_seen.sides and "unseen languages:" not in html
    assert "Not compared separately, no seen language beside en: xnli (nli/multilingual)." in html

    sweep = make(tmp_path / "target", Spec(**SMALL))
    assert set(read_study(sweep).by_seen.sides) == {"seen", "unseen"}
    make(sweep, Spec(**SMALL, train_language="de"))
    assert read_study(sweep).by_seen.lacking == {"no seen language beside de, en": ["xnli (nli/multilingual)"]}

    table = pq.read_table(sweep / "cells.parquet")  # a study of before
    pq.write_table(table.drop_columns(["seen"]), sweep / "cells.parquet")
    assert list(read_study(sweep).by_seen.lacking) == [UNKNOWN]


def _one_prediction_file(sweep: Path, language: str = "de") -> Path:
    cells = pq.read_table(sweep / "cells.parquet").to_pylist()
    cell = next(c for c in cells if c["language"] == language and c["level"] == 0.1)
    return sweep / "predictions" / f"{cell['cell']}.parquet"


def _other_ids(path: Path) -> None:
    table = pq.read_table(path)
    ids = ["someone else", *table["id"].to_pylist()[1:]]
    pq.write_table(table.set_column(0, "id", pa.array(ids)), path)


def _twice_the_same_id(path: Path) -> None:
    table = pq.read_table(path)
    ids = table["id"].to_pylist()
    pq.write_table(table.set_column(0, "id", pa.array([ids[1], *ids[1:]])), path)


def _shorter(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.slice(0, len(table) - 1), path)


def _other_scores(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.set_column(2, "num", pa.array([1.0] * len(table))), path)


def _broken(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_other_ids, "occur in only one of two cells that must have the same items"),
        (_twice_the_same_id, "not unique"),
        (_shorter, "the predictions give a score of"),
        (_other_scores, "the predictions give a score of 1.0000"),
        (_broken, "cannot be read"),
        (Path.unlink, "is missing"),
    ],
)
def test_unusable_predictions_leave_their_language_out(tmp_path: Path, damage: Any, message: str) -> None:
    sweep = make(tmp_path / "sweep", Spec(**SMALL))
    damage(_one_prediction_file(sweep))
    study = read_study(sweep)
    assert len(study.problems) == 1
    assert message in study.problems[0].what
    assert "xnli · German (de)" in study.problems[0].where
    assert all(panel.languages == ("en", "sw") for panel in study.panels)
    assert all(panel.gaps == {"de": "predictions unusable"} for panel in study.panels)


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    sweep = make(tmp_path / "sweep", Spec(**SMALL))
    before = read_study(sweep)
    path = _one_prediction_file(sweep)
    table = pq.read_table(path)
    pq.write_table(table.take(list(reversed(range(len(table))))), path)
    after = read_study(sweep)
    assert not after.problems
    assert [c.difference for c in after.contrasts] == [c.difference for c in before.contrasts]


def test_matching_is_strict() -> None:
    assert match(["a", "b"], ["b", "a"], "one", "two") == [1, 0]
    with pytest.raises(DataError, match="1 ids occur in only one"):
        match(["a", "b"], ["a"], "one", "two")
    with pytest.raises(DataError, match="2 ids occur in only one"):
        match(["a", "b"], ["a", "c"], "one", "two")
    with pytest.raises(DataError, match="not unique"):
        match(["a", "b"], ["a", "a"], "one", "two")


def test_two_cells_for_one_place_are_both_left_out(tmp_path: Path) -> None:
    sweep = make(tmp_path / "sweep", Spec(**SMALL))
    table = pq.read_table(sweep / "cells.parquet")
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), sweep / "cells.parquet")
    study = read_study(sweep)
    assert len(study.cells) == len(table) - 1
    assert "2 finished cells of the same place" in study.problems[0].what


def test_two_metrics_of_a_task_are_not_averaged(tmp_path: Path) -> None:
    sweep = make(tmp_path / "sweep", Spec(**SMALL))
    table = pq.read_table(sweep / "cells.parquet")
    metric = ["f1" if cell["language"] == "de" else "accuracy" for cell in table.to_pylist()]
    index = table.column_names.index("metric")
    pq.write_table(table.set_column(index, "metric", pa.array(metric)), sweep / "cells.parquet")
    study = read_study(sweep)
    assert study.tasks == ["xnli (accuracy)", "xnli (f1)"]


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    sweep = make(tmp_path / "sweep", Spec(**SMALL))
    table = pq.read_table(sweep / "cells.parquet")
    pq.write_table(table.drop_columns(["signature", "seed"]), sweep / "cells.parquet")
    with pytest.raises(DataError, match="lacks the columns seed, signature"):
        read_study(sweep)


def test_intervals_say_what_one_seed_cannot(tmp_path: Path) -> None:
    one = headline(read_study(make(tmp_path / "one", Spec(**SMALL))))
    three = headline(read_study(make(tmp_path / "three", Spec(**(SMALL | {"seeds": (0, 1, 2)})))))
    assert "One training seed" in one.paragraph
    assert "One training seed" not in three.paragraph


def test_who_guesses_is_not_robust(tmp_path: Path) -> None:
    able = headline(read_study(make(tmp_path / "able", Spec(**SMALL))))
    guesses = headline(read_study(make(tmp_path / "guesses", Spec(**(SMALL | {"ability": -1.0})))))
    assert "No better than guessing" not in able.paragraph
    assert "No better than guessing without noise" in guesses.paragraph
    assert "xnli, intermediate nli/english (" in guesses.paragraph
