"""The report of a synthetic sweep with every accident in it: numbers, escaping, files, and when it is not rewritten."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.files import csv_rows
from tests.unit import sweep_factory
from tests.unit.sweep_factory import full
from xtreme_noise import report, store
from xtreme_noise.errors import DataError
from xtreme_noise.report import files, predictions
from xtreme_noise.report.cells import read_cells, several_models

pytestmark = pytest.mark.pictures

COLUMNS = {
    "cells.csv": "cell,task,family,language,language_name,script,model,intermediate,kind,arm,train_noise,"
    "train_language,seen,noise,level,noise_seed,seed,metric,score,n,test_size,limit,achieved,changed,word_change_rate,fertility,flip_rate,right_to_wrong,"
    "wrong_to_right,capacity,status,error,seconds,forward_tokens,forward_seconds,noise_seconds,token_change_rate,"
    "windows,calibrated_by,saturated,label_preserving,stage,shots,sampling,zero_shot_task,hardware,"
    "precision,signature,thresholds,extra",
    "scores.csv": "task,family,model,intermediate,arm,language,language_name,script,seen,noise,level,metric,status,"
    "cells,expected,n,score,score_low,score_high,drop,drop_rate,drop_rate_above_chance,achieved,changed,word_change_rate,"
    "fertility,flip_rate,right_to_wrong,wrong_to_right,seconds,chance,at_chance,clean_at_chance,interval",
    "curves.csv": "task,model,intermediate,arm,noise,level,metric,score,score_low,score_high,drop,drop_low,drop_high,"
    "drop_rate,drop_rate_low,drop_rate_high,drop_rate_above_chance,retention_area,retention_area_low,"
    "retention_area_high,cross_lingual_gap,achieved,word_change_rate,flip_rate,right_to_wrong,wrong_to_right,"
    "languages,languages_wanted,languages_in_mean,languages_left_out,seeds,noise_seeds,resamples,"
    "chance,at_chance,clean_at_chance,log_odds_lost,log_odds_lost_low,log_odds_lost_high,drop_rate_above_chance_low,"
    "drop_rate_above_chance_high,interval",
    "arms.csv": "task,model,noise,kind,arm,reference,measure,level,value,reference_value,difference,difference_low,"
    "difference_high,p,p_holm,tests_in_family,languages,languages_wanted,languages_in_mean,seeds,resamples,"
    "clean_at_chance,interval",
    "effects.csv": "family,task,model,kind,arm,reference,scale,value,reference_value,difference,difference_low,"
    "difference_high,interval,p,p_adjusted,tests_in_family,smallest_difference,standard_error,degrees_of_freedom,"
    "item_standard_error,seed_sd,seeds,by_seed,noises,levels,languages,languages_in_mean,resamples,method,note,"
    "below_gate",
    "seeds.csv": "task,model,intermediate,kind,arm,noise,level,seed,metric,score,log_odds_lost,drop_rate,"
    "drop_rate_above_chance,drop,languages",
    "seen.csv": "seen,task,model,noise,kind,arm,reference,measure,level,value,reference_value,difference,"
    "difference_low,difference_high,p,p_holm,tests_in_family,languages,languages_wanted,languages_in_mean,seeds,"
    "resamples,clean_at_chance,interval",
    "xtreme_r.csv": "model,intermediate,arm,noise,level,kind,name,score,partial,parts,wanted,missing",
    "worst_case.csv": "task,model,intermediate,arm,measure,level,noise,share,value,value_low,value_high,interval,bias,"
    "noises,languages,languages_in_mean,seeds,resamples",
    "corruption_error.csv": "task,model,intermediate,arm,reference,noises,levels,measure,value,value_low,value_high,"
    "interval,languages,languages_in_mean,seeds,resamples",
    "effective_robustness.csv": "task,model,intermediate,arm,baseline,noise,level,metric,clean,noisy,clean_log_odds,"
    "noisy_log_odds,residual,residual_low,residual_high,interval,outside,slope,intercept,baselines,languages,"
    "languages_in_mean,seeds,resamples",
    "gains.csv": "task,model,intermediate,kind,arm,what,value,reference_value,difference,difference_low,"
    "difference_high,interval,p,p_adjusted,tests_in_family,languages,languages_in_mean,seeds,resamples,below_gate",
    "completeness.csv": "task,model,intermediate,arm,noise,ok,error,missing,n/a,not_run",
    "cost.csv": "task,model,noise,cells,seconds,forward_seconds,noise_seconds,noise_share",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep folder with its report."""
    sweep = full(tmp_path_factory.mktemp("sweeps") / "full")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "RESAMPLES", 999)  # enough for what is tested, and quicker
        assert report.write(sweep) == sweep / "report.html"
    return sweep


@pytest.fixture
def sweep(written: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil; times are kept, so that its report is up to date."""
    copy = tmp_path / written.name
    shutil.copytree(written, copy)
    return copy


def rows(sweep: Path, name: str, **where: str) -> list[dict[str, str]]:
    return csv_rows(sweep / "tables" / name, **where)


class Page(HTMLParser):
    """Elements, ids, attributes and texts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.scripts: list[tuple[dict[str, Any], str]] = []
        self._script: dict[str, Any] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "script":
            self._script = dict(attrs)
            self.scripts.append((self._script, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)
        else:
            self.text.append(data)


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    return Page((written / "report.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_columns_of_the_tables(written: Path, name: str) -> None:
    assert (written / "tables" / name).read_text(encoding="utf-8").splitlines()[0] == COLUMNS[name]


def test_curve_is_the_mean_over_languages_complete_in_all_arms(written: Path) -> None:
    """Hindi failed in one arm only, and is therefore in the mean of none."""
    (point,) = rows(written, "curves.csv", task="xnli", intermediate="none", noise="char", level="0.1")
    assert point["languages_in_mean"].split() == ["ar", "de", "en", "zh"]
    assert (point["languages"], point["languages_wanted"]) == ("4", "6")
    assert "hi: failed in nli/english" in point["languages_left_out"]
    assert "th: data missing" in point["languages_left_out"]
    cells = rows(written, "cells.csv", task="xnli", intermediate="none", noise="char", level="0.1")
    wanted = [float(c["score"]) for c in cells if c["language"] in ("ar", "de", "en", "zh")]
    assert float(point["score"]) == pytest.approx(sum(wanted) / 4)
    assert float(point["score_low"]) < float(point["score"]) < float(point["score_high"])
    (clean,) = rows(written, "curves.csv", task="xnli", intermediate="none", noise="char", level="0.0")
    assert float(point["drop_rate"]) == pytest.approx(1 - float(point["score"]) / float(clean["score"]))
    guess = 67 / 200  # of three labels the most frequent one, in every language
    assert float(point["chance"]) == pytest.approx(guess)
    above = 1 - (float(point["score"]) - guess) / (float(clean["score"]) - guess)
    assert float(point["drop_rate_above_chance"]) == pytest.approx(above)


def test_not_applicable_languages_are_left_out_of_that_family_only(written: Path) -> None:
    (keyboard,) = rows(written, "curves.csv", task="xnli", intermediate="none", noise="keyboard", level="0.1")
    assert keyboard["languages_in_mean"].split() == ["ar", "de", "en"]
    assert "zh: noise not applicable" in keyboard["languages_left_out"]


def test_multilingual_against_english(written: Path) -> None:
    """The synthetic multilingual arm loses less; the contrast finds it, on the same languages in both arms."""
    (row,) = rows(
        written, "arms.csv", task="udpos", noise="char", arm="nli/multilingual", reference="nli/english",
        measure="drop_rate", level="0.2",
    )  # fmt: skip
    assert float(row["difference"]) == pytest.approx(float(row["value"]) - float(row["reference_value"]))
    assert float(row["difference_high"]) < 0
    assert (row["p"], row["interval"]) == ("", "conditional on these runs"), "one training seed is no test"
    curves = {
        arm: rows(written, "curves.csv", task="udpos", noise="char", level="0.2", intermediate=arm)[0]["drop_rate"]
        for arm in ("nli/english", "nli/multilingual")
    }
    assert float(row["value"]) == pytest.approx(float(curves["nli/multilingual"]))
    assert float(row["reference_value"]) == pytest.approx(float(curves["nli/english"]))


def test_seen_languages_apart_from_the_others(written: Path) -> None:
    """English is on neither side: the English arm has seen it too, and the target is trained in it."""
    whole = rows(written, "arms.csv", task="xnli", noise="char", level="0.1", measure="drop_rate", kind="nli")
    [both] = [row for row in whole if (row["arm"], row["reference"]) == ("nli/multilingual", "nli/english")]
    sides = {}
    for side in ("seen", "unseen"):
        [sides[side]] = rows(
            written, "seen.csv", seen=side, task="xnli", noise="char", level="0.1", measure="drop_rate"
        )
    languages = {side: set(row["languages_in_mean"].split()) for side, row in sides.items()}
    assert languages == {"seen": {"de"}, "unseen": {"ar", "zh"}}
    assert {"en", "de", "ar", "zh"} == set(both["languages_in_mean"].split())
    assert {row["languages_wanted"] for row in sides.values()} == {both["languages_wanted"]}
    assert sides["seen"]["difference"] != sides["unseen"]["difference"]
    seen = {row["language"]: row["seen"] for row in rows(written, "scores.csv", intermediate="nli/multilingual")}
    assert (seen["de"], seen["hi"]) == ("True", "False")
    assert {row["seen"] for row in rows(written, "cells.csv", intermediate="none")} == {""}
    page = (written / "report.html").read_text(encoding="utf-8")
    assert "unseen languages: " in page and "Not compared apart" not in page


def test_completeness_counts_every_cell(written: Path) -> None:
    table = rows(written, "completeness.csv")
    statuses = Counter(row["status"] for row in rows(written, "cells.csv"))
    assert {status: sum(int(row[status]) for row in table) for status in statuses} == statuses
    assert sum(int(row["not_run"]) for row in table) == 0


def test_the_share_of_noise_in_the_time(written: Path, page: Page) -> None:
    (clean,) = rows(written, "cost.csv", task="xnli", noise="clean")
    (char,) = rows(written, "cost.csv", task="xnli", noise="char")
    assert (clean["noise_share"], float(clean["seconds"])) == ("0.0", 1.5 * int(clean["cells"]))
    assert float(char["noise_share"]) == pytest.approx(0.05 / 1.5)
    cells = [row for row in rows(written, "cells.csv", status="ok") if row["noise"] != "clean"]
    assert sum(int(row["cells"]) for row in rows(written, "cost.csv")) > len(cells)
    share = 0.05 * len(cells) / sum(float(row["seconds"]) for row in rows(written, "cost.csv"))
    assert f"80.0 % were forward passes and {100 * share:.1f} % making noise" in " ".join(page.text)


def test_failures_come_first(page: Page, written: Path) -> None:
    html = (written / "report.html").read_text(encoding="utf-8")
    assert html.index('class="problems"') < html.index('class="answer"') < html.index('id="complete"')
    text = " ".join(page.text)
    assert "4 failures" in text
    assert "xnli · Hindi (hi) · e5_small · nli/english · char 0.1" in text
    assert "tests/xnli/th.jsonl.gz does not exist" in text
    assert "keyboard has no layout for zh" in text
    assert "2.13.0" in text
    assert "python -m xtreme_noise +experiment=quickstart 'noise=[char,keyboard]'" in text


def test_noise_that_saturated_is_named(page: Page) -> None:
    text = " ".join(" ".join(page.text).split())
    assert "Noise weaker than asked for" in text
    assert "keyboard level 0.1: ar 0.0" in text


def test_data_is_never_html(page: Page) -> None:
    """The hostile string is in samples, ids and errors; it must be there, and only as text."""
    assert page.tags["script"] == 3
    assert page.tags["img"] == 0
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "<script>alert('xss')</script><img src=x onerror=alert(1)>" in "".join(page.text)


def test_nothing_is_fetched(page: Page) -> None:
    links = [value for _, name, value in page.attributes if name in ("src", "href", "action", "data", "srcset")]
    assert links
    assert all(link.startswith("#") or files.OUTPUT.fullmatch(link) for link in links)
    (policy,) = [v for tag, n, v in page.attributes if tag == "meta" and n == "content" and "default-src" in v]
    assert policy.startswith("default-src 'none';")
    assert "unsafe-eval" not in policy
    assert policy.count("'sha256-") == 2


def test_links_lead_somewhere(page: Page, written: Path) -> None:
    ids = {value for _, name, value in page.attributes if name == "id"}
    for _, name, value in page.attributes:
        if name == "href":
            assert value[1:] in ids if value.startswith("#") else (written / value).is_file()


def test_every_chart_has_its_data_and_its_words(page: Page) -> None:
    (data,) = [code for attributes, code in page.scripts if attributes.get("type") == "application/json"]
    block = json.loads(data)
    specs, charts = block["specs"], block["charts"]
    places = [int(value) for _, name, value in page.attributes if name == "data-chart"]
    # per task 2 curves, 2 x 3 heat maps, 2 scatter plots; one forest plot
    assert sorted(places) == list(range(len(charts))) == list(range(2 * 10 + 1))
    assert {chart["spec"] for chart in charts} == set(range(len(specs)))
    assert len(specs) < len(charts), "heat maps share theirs"
    for chart in charts:
        lengths = {len(values) for values in chart["columns"].values()}
        assert len(lengths) == 1 and lengths != {0}
    labels = [value for tag, name, value in page.attributes if tag == "div" and name == "aria-label"]
    assert sum("Drop rate" in label or "Score against" in label for label in labels) >= len(charts) - 1


def test_tables_have_captions_and_samples_their_language(page: Page) -> None:
    assert page.tags["caption"] == page.tags["table"] > 10
    assert page.tags["ins"] > 10
    assert page.tags["del"] > 10
    languages = {v for tag, n, v in page.attributes if tag == "td" and n == "lang"}
    assert languages == {"en", "de", "ar", "hi", "zh"}


def test_figures(written: Path) -> None:
    made = sorted(path.name for path in (written / "figures").iterdir())
    stems = [f"{kind}_{task}_e5_small" for kind in ("curves", "heat") for task in ("udpos", "xnli")]
    stems.append("multilingual_minus_english")
    assert made == sorted(f"{stem}.{kind}" for stem in stems for kind in ("png", "svg"))
    for path in (written / "figures").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"<?xml")


def test_nothing_is_written_when_nothing_changed(sweep: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in sweep.rglob("*")}
    job = sweep / "jobs" / "a1b2c3" / "job.json"
    job.write_text(json.dumps(json.loads(job.read_text()) | {"finished": 12345.0}))  # a repeated run does this
    before[job] = job.stat().st_mtime_ns
    report.write(sweep)
    assert {path: path.stat().st_mtime_ns for path in sweep.rglob("*")} == before


def _lose_a_table(sweep: Path) -> None:
    (sweep / "tables" / "curves.csv").unlink()


def _cut_the_page(sweep: Path) -> None:
    (sweep / "report.html").write_text("<p>half")


def _fail_a_job(sweep: Path) -> None:
    (sweep / "jobs" / "a1b2c3" / "failure.txt").write_text("Traceback ...\nModelUnavailable: no such model\n")


def _touch_predictions(sweep: Path) -> None:
    os.utime(next((sweep / "predictions").iterdir()), ns=(1, 1))


def _spoil_the_sidecar(sweep: Path) -> None:
    (sweep / files.SIDECAR).write_text("[1, 2")


@pytest.mark.parametrize("change", [_lose_a_table, _cut_the_page, _fail_a_job, _touch_predictions, _spoil_the_sidecar])
def test_not_current_after_a_change(sweep: Path, change: Any) -> None:
    assert files.is_current(sweep, files.inputs_digest(sweep))
    change(sweep)
    assert not files.is_current(sweep, files.inputs_digest(sweep))


def test_old_files_of_the_report_go_and_others_stay(sweep: Path) -> None:
    (sweep / "tables" / "stages.csv").write_text("digest\n")
    outputs = {"report.html": b"new", "tables/cells.csv": b"new"}
    files.write_outputs(sweep, outputs, "digest")
    left = sorted(str(p.relative_to(sweep)) for folder in ("tables", "figures") for p in (sweep / folder).iterdir())
    assert left == ["tables/cells.csv", "tables/stages.csv"]
    assert files.is_current(sweep, "digest")


def test_a_sidecar_cannot_delete_what_is_not_the_reports(sweep: Path) -> None:
    """A sweep folder may come from somebody else."""
    precious = sweep.parent / "precious.txt"
    precious.write_text("mine")
    (sweep / files.SIDECAR).write_text(json.dumps({"inputs": "x", "outputs": {"../precious.txt": 4}}))
    files.write_outputs(sweep, {"report.html": b"new"}, "digest")
    assert precious.read_text() == "mine"


def test_a_failed_write_leaves_the_old_page(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (sweep / "report.html").read_bytes()

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        store.write_bytes(sweep / "report.html", b"new")
    assert (sweep / "report.html").read_bytes() == before
    assert not list(sweep.glob(".report.html.*"))


def test_terminal_table(written: Path) -> None:
    console = Console(width=200, file=io.StringIO())
    console.print(report.terminal_table(written))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    (point,) = rows(written, "curves.csv", task="xnli", intermediate="nli/english", noise="char", level="0.2")
    wanted = [f"{100 * float(point[name]):.1f}" for name in ("score", "drop_rate")]
    (line,) = [row for row in text.splitlines() if "nli/english" in row and all(w in row for w in wanted)]
    assert "4/6" in line
    assert "19 ok, 1 failed, 4 missing" in line
    (reason,) = {row["error"] for row in rows(written, "cells.csv") if row["status"] == "missing"}
    assert f"missing: {reason}" in text


def test_what_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no cells\.parquet"):
        report.write(tmp_path)
    (tmp_path / "cells.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match="cannot be read"):
        report.terminal_table(tmp_path)


def test_models_trained_differently_under_one_name_are_a_problem(tmp_path: Path) -> None:
    """As two commands leave them that write into one study: each by itself has nothing wrong."""
    spec = sweep_factory.Spec(
        intermediates=("none",), noises=("char",), levels=(0.1,), languages=("en", "de"), items=20
    )
    found, problems = read_cells(sweep_factory.make(tmp_path / "s", spec))
    assert not problems
    signed = [replace(cell, stage=f"{cell.language}1") for cell in found]
    kept, [problem] = several_models(signed)
    assert not kept and "xnli" in problem.where and "stage de1: de; stage en1: en" in problem.what
    for fine in ({"stage": "en1"}, {"shots": 5}):
        same = [replace(cell, **fine) for cell in signed]
        assert several_models(same) == (same, [])
