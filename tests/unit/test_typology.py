"""Correlates of losses in a study of 26 languages: outcomes, mode=typology, tables, charts and the page."""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit import sweep_factory
from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise import cli
from xtreme_noise.analysis.robustness import log_odds
from xtreme_noise.languages import LANGUAGES, XTREME_R
from xtreme_noise.languages.features import features
from xtreme_noise.record import CellRecord
from xtreme_noise.report import build, files, typology
from xtreme_noise.report.names import Names
from xtreme_noise.report.panels import systems
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.styles import styles
from xtreme_noise.report.typology import BETWEEN, CHANGED, CLEAN, ROBUSTNESS, TRANSFER, Outcome
from xtreme_noise.report.typology_charts import typology_charts
from xtreme_noise.report.typology_views import about, correlation_table, regression_table, regressions, title
from xtreme_noise.results.table import read_cells

CODES = [*XTREME_R[:25], "en"] if "en" not in XTREME_R[:25] else list(XTREME_R[:26])
FAR = {code: 0.5 * features()[code].syn for code in CODES}  # a language is the harder, the farther its syntax is
SPEC: dict[str, Any] = {
    "languages": CODES, "far": FAR, "noises": ("char",), "levels": (0.1,), "items": 80,
    "intermediates": ("none", "nli/english", "nli/multilingual"),
}  # fmt: skip
few_resamples = resampled(99)
Made = Callable[..., Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Studies in languages beyond those of the factory."""
    every = {code: (LANGUAGES[code].name, LANGUAGES[code].script, "a text of words") for code in (*XTREME_R, "ca")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep_factory, "LANGUAGES", every)
        yield lambda name="study", **spec: make(tmp_path_factory.mktemp("made") / name, Spec(**(SPEC | spec)))


@pytest.fixture(scope="module")
def sweep(made: Made) -> Path:
    return made()


@pytest.fixture(scope="module")
def study(sweep: Path, few_resamples: None) -> StudyResults:  # noqa: ARG001
    return read_study(sweep)


def one(study: StudyResults, kind: str, system: str) -> Outcome:
    [found] = [o for o in study.typology if (o.kind, o.system.intermediate) == (kind, system)]
    return found


def cells(sweep: Path) -> dict[tuple[str, str, float], CellRecord]:
    return {(cell.intermediate, cell.language, cell.level): cell for cell in read_cells(sweep)}


def test_an_outcome_for_each_loss_and_system(study: StudyResults) -> None:
    systems = ["none", "nli/english", "nli/multilingual"]
    assert [(o.kind, o.name) for o in study.typology] == [
        *((kind, name) for kind in (TRANSFER, ROBUSTNESS) for name in systems),
        (BETWEEN, "nli/multilingual minus nli/english"),
    ]
    for outcome in study.typology:
        assert outcome.languages == tuple(sorted(set(CODES) - {"en"}))
        assert outcome.families[:2] == ("IE", "Afro-Asiatic") and outcome.left_out == ()
        assert outcome.predictors == typology.PREDICTORS[: 7 if outcome.kind == TRANSFER else 8]


def test_losses_by_hand(study: StudyResults, sweep: Path) -> None:
    found = cells(sweep)

    def odds(system: str, code: str, level: float) -> float:
        return float(log_odds(found[system, code, level].score or 0.0, 80))

    transfer, lost, apart = (
        one(study, *place) for place in ((TRANSFER, "none"), (ROBUSTNESS, "none"), (BETWEEN, "nli/multilingual"))
    )
    for place, code in enumerate(transfer.languages):
        english, own = (found["none", name, 0.0].score or 0.0 for name in ("en", code))
        assert transfer.values[place] == pytest.approx(english - own)
        losses = {s: odds(s, code, 0.0) - odds(s, code, 0.1) for s in ("none", "nli/english", "nli/multilingual")}
        assert lost.values[place] == pytest.approx(losses["none"])
        assert lost.clean[place] == pytest.approx(odds("none", code, 0.0))
        assert apart.values[place] == pytest.approx(losses["nli/multilingual"] - losses["nli/english"])
        arms = [odds(name, code, 0.0) for name in ("nli/english", "nli/multilingual")]
        assert apart.clean[place] == pytest.approx(np.mean(arms))
        scores = [found[name, code, 0.0].score or 0.0 for name in ("nli/english", "nli/multilingual")]
        assert apart.properties[CLEAN][place] == pytest.approx(np.mean(scores))


def test_variances_are_those_of_items(study: StudyResults) -> None:
    """Of a share of 80 items p (1 - p) / 80; the error of English, common to all languages, is not in it."""
    found = one(study, TRANSFER, "none")
    share = 1 / (1 + np.exp(-found.clean))
    assert found.variances == pytest.approx(share * (1 - share) / 80, rel=0.6)
    assert found.variances.mean() == pytest.approx(float((share * (1 - share) / 80).mean()), rel=0.15)
    assert 0 < found.reliability < 1


def test_what_correlations_hold_constant(study: StudyResults) -> None:
    """Of transfer, the clean score is the loss itself, and there is no noise; regressions never get the clean score,
    whose error the loss contains."""
    transfer, lost = one(study, TRANSFER, "none"), one(study, ROBUSTNESS, "none")
    assert transfer.given == () and lost.given == (CLEAN, CHANGED)
    assert transfer.regressors == transfer.predictors == typology.PREDICTORS[:-1]
    assert lost.regressors == (*typology.PREDICTORS, CHANGED)
    assert transfer.line is None and lost.line is not None
    assert lost.smallest > transfer.smallest


def test_what_a_loss_goes_with_is_found(study: StudyResults) -> None:
    found = one(study, TRANSFER, "none")
    others = [one.value for name, one in found.correlations.items() if name not in ("syn", "tokens")]
    assert found.correlations["syn"].value > max(others), "tokens go with syntax too here"
    assert found.correlations["syn"].value > 0.8 and found.correlations["syn"].p_adjusted < 0.01
    assert found.ridge is not None and found.ridge.held_out > 0.3


def test_sizes_of_languages_without_pretraining(study: StudyResults) -> None:
    found = one(study, TRANSFER, "none")
    sizes = dict(zip(found.languages, found.properties["size"], strict=True))
    assert sizes["ht"] == pytest.approx(math.log(0.05)) == min(sizes.values())
    assert sizes["de"] == pytest.approx(math.log(66.6))


def test_what_is_not_known_everywhere_is_left_out(made: Made) -> None:
    """The fertility of a language, a language without features, and one whose cells are missing."""

    def without(row: dict[str, Any]) -> tuple[str, str | None]:
        return ("missing", "no file") if row["language"] == "de" else ("ok", None)

    sweep = made(intermediates=("none",), languages=[*CODES, "ca"], far=FAR | {"ca": 0.1}, status=without)
    rows = [
        cell.values() | {"fertility": None if cell.language == "fi" else cell.fertility} for cell in read_cells(sweep)
    ]
    sweep_factory.write_rows(sweep, [row | {"samples": None, "extra": None} for row in rows])
    outcomes = read_study(sweep).typology
    assert [o.kind for o in outcomes] == [TRANSFER, ROBUSTNESS]
    transfer, lost = outcomes
    assert transfer.left_out == () and lost.left_out == ("fertility",) and "left out: fertility" in about(lost)
    assert all(not {"de", "ca", "en"} & set(outcome.languages) for outcome in outcomes)


def test_tokens_are_those_of_the_same_sentences(study: StudyResults, made: Made) -> None:
    found = one(study, TRANSFER, "none")
    tokens = [round(80 * (20 + 10 * FAR[code])) for code in found.languages]
    english = round(80 * (20 + 10 * FAR["en"]))
    assert found.properties["tokens"] == pytest.approx(np.log(np.array(tokens) / english))
    alone = made(intermediates=("none",), languages=[code for code in CODES if code != "en"])
    assert read_study(alone).typology[0].left_out == ("tokens",), "English is not there to compare with"


def test_without_english_there_is_no_transfer(made: Made) -> None:
    sweep = made(intermediates=("none",), languages=[code for code in CODES if code != "en"])
    assert [o.kind for o in read_study(sweep).typology] == [ROBUSTNESS]


def test_noise_families_share_their_languages(made: Made) -> None:
    """Robustness is over languages with every noise family; transfer needs none."""

    def status(row: dict[str, Any]) -> tuple[str, str | None]:
        return ("n/a", "no layout") if row["noise"] == "keyboard" and row["language"] == "ar" else ("ok", None)

    sweep = made(intermediates=("none",), noises=("char", "keyboard"), status=status)
    transfer, lost = read_study(sweep).typology
    assert "ar" in transfer.languages and "ar" not in lost.languages
    found = {(c.language, c.noise): float(log_odds(c.score or 0.0, 80)) for c in read_cells(sweep) if c.status == "ok"}
    losses = [found["de", "clean"] - found["de", noise] for noise in ("char", "keyboard")]
    assert dict(zip(lost.languages, lost.values, strict=True))["de"] == pytest.approx(np.mean(losses))


def test_a_study_with_few_languages_has_none(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    """The report from 20, the mode from 10 languages; below, it says what so few could show."""
    few = made(languages=[*[c for c in CODES if c != "en"][:12], "en"], intermediates=("none",))
    assert read_study(few).typology == []
    assert cli.main(["mode=typology", f"sweep={few}"]) == 0
    assert "12 languages of 5 families (9 with a relative among them)" in capsys.readouterr().out
    fewer = made(languages=["en", "de", "fr"], intermediates=("none",))
    assert cli.main(["mode=typology", f"sweep={fewer}"]) == 2
    said = capsys.readouterr().err
    assert "too few languages: at most 2 besides English" in said and "task=sib200 show 0.39" in said


def test_the_mode_prints_and_writes(sweep: Path, study: StudyResults, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=typology", f"sweep={sweep}"]) == 0
    said = capsys.readouterr().out
    for outcome in study.typology:
        for text in (title(outcome, Names.of(study.cells)), about(outcome), regressions(outcome)):
            assert text in said
    assert "without shared error" in said and "families left out" in said
    tables = {path.stem: _rows(path.read_text(encoding="utf-8")) for path in (sweep / "tables").glob("typology*.csv")}
    assert set(tables) == {"typology", "typology_regressions", "typology_languages"}
    assert len(tables["typology"]) == 3 * 7 + 4 * 8 and len(tables["typology_regressions"]) == 7 * 2
    assert len(tables["typology_languages"]) == 7 * 25
    first, syn = study.typology[0], study.typology[0].correlations["syn"]
    row = tables["typology"][0]
    assert row["outcome"] == "transfer loss" and row["predictor"] == "syn"
    assert float(row["correlation"]) == syn.value and float(row["p_adjusted"]) == syn.p_adjusted
    assert int(row["languages"]) == 25 and float(row["smallest_correlation"]) == first.smallest
    assert first.ridge is not None
    own = tables["typology_languages"][0]
    assert own["language"] == "af" and own["family"] == "IE: Germanic" and own["script"] == "Latn"
    assert float(own["value"]) == first.values[0] and float(own["ridge_held_out"]) == first.ridge.predicted[0]
    assert own[CLEAN] == "" and tables["typology_languages"][-1][CLEAN] != ""
    held_out = float(tables["typology_regressions"][0]["r_squared_held_out"])
    assert tables["typology_regressions"][0]["method"] == "ridge" and held_out == first.ridge.held_out


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_mode_leaves_the_report_current(sweep: Path) -> None:
    """Both write the same tables."""
    build.build(sweep)
    before = {path.name: path.read_bytes() for path in (sweep / "tables").glob("typology*.csv")}
    assert len(before) == 3 and cli.main(["mode=typology", f"sweep={sweep}"]) == 0
    assert before == {path.name: path.read_bytes() for path in (sweep / "tables").glob("typology*.csv")}
    assert files.is_current(sweep, files.inputs_digest(sweep))


def test_a_report_is_not_current_with_other_features(
    sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "xtreme_noise"
    for part in ("report", "analysis", "languages"):
        shutil.copytree(Path(files.__file__).parent.parent / part, package / part)
    (package / "__init__.py").touch()
    monkeypatch.setattr(files, "__file__", str(package / "report" / "files.py"))
    before = files.inputs_digest(sweep)
    assert files.inputs_digest(sweep) == before
    table = package / "languages" / "features.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("0.1506", "0.1507"), encoding="utf-8")
    assert files.inputs_digest(sweep) != before


def test_charts(study: StudyResults) -> None:
    """What altair validates, and what a screen reader reads."""
    import altair

    looks = styles(systems(study.cells))
    kinds = [[o for o in study.typology if o.kind == kind] for kind in (TRANSFER, ROBUSTNESS, BETWEEN)]
    drawn = [typology_charts(same, looks) for same in kinds]
    assert [len(some) for some in drawn] == [2, 3, 3], "the clean score is no axis of transfer"
    for chart in (chart for some in drawn for chart in some):
        altair.Chart.from_dict(chart.spec)
    loss, forest, predicted = drawn[1]
    first = kinds[1][0]
    assert first.line is not None and first.ridge is not None
    assert f"none: slope {first.line[0]:+.2f}".replace("-", "−") in loss.alt
    assert len(loss.spec["datasets"]["rows"]) == len(predicted.spec["datasets"]["rows"]) == 3 * 25
    ends = loss.spec["layer"][0]["data"]["values"][:2]
    for end in ends:
        assert end["loss"] == pytest.approx(first.line[1] + first.line[0] * end["clean"])
    rows = forest.spec["datasets"]["rows"]
    assert len(rows) == 3 * 8 and rows[0]["r"] == pytest.approx(first.correlations["syn"].value, abs=1e-3)
    row = predicted.spec["datasets"]["rows"][0]
    assert (row["predicted"], row["measured"]) == pytest.approx((first.ridge.predicted[0], first.values[0]), abs=1e-3)


def test_tables_of_the_page(study: StudyResults) -> None:
    names = Names.of(study.cells)
    same = [o for o in study.typology if o.kind == ROBUSTNESS]
    table = correlation_table(same, names)
    assert [row[0].text for row in table.rows] == ["SYN", "PHO", "INV", "FAM", "GEO", "SIZE", "TOKENS", "fertility"]
    assert all(len(row) == 1 + 2 * 3 for row in table.rows) and "robustness loss" in table.caption
    for row in regression_table(list(study.typology), names).rows:
        assert len(row) == 9 and row[1].text == "25"


@pytest.mark.pictures
def test_the_page(study: StudyResults) -> None:
    from xtreme_noise.report.page import page

    html = page(study, "", "digest", [])
    assert 'id="typology"' in html and 'href="#typology"' in html
    assert html.count("Robustness loss against clean score, by language") >= 1
    few = page(replace(study, typology=[]), "", "digest", [])
    assert 'id="typology"' not in few and 'href="#typology"' not in few
