"""The primary effect by other methods: languages drawn too, and a mixed model of single answers."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise import cli, report
from xtreme_noise.analysis import mixed, over_languages
from xtreme_noise.analysis.mixed import Answers
from xtreme_noise.report import build, sensitivity
from xtreme_noise.report.effects import Effect
from xtreme_noise.report.headline import headline
from xtreme_noise.report.page import page
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables

SMALL: dict[str, Any] = {
    "items": 60, "languages": ("en", "de", "sw"), "noises": ("char",), "levels": (0.1, 0.2), "seed_sd": 0.02,
    "intermediates": ("nli/english", "nli/multilingual"),
}  # fmt: skip
BY_METHOD = "Log-odds lost by other methods"
few_resamples = resampled(299)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("three") / "s", Spec(**(SMALL | {"seeds": (0, 1, 2)})))


@pytest.fixture(scope="module")
def study(sweep: Path) -> StudyResults:
    return read_study(sweep, sensitivity=True)


def effect(study: StudyResults, method: str, family: str = "sensitivity") -> Effect:
    [found] = [e for e in study.effects if (e.family, e.method, e.scale) == (family, method, "log_odds_lost")]
    return found


def answers(interaction: float, seed: int = 0, items: int = 60) -> Answers:
    """Items of unequal difficulty in three languages; noise costs .6 and 1.2, in the arm so much more on average: in
    the first of two runs .3 less, in the other .3 more.
    """
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(range(items), range(3), (0, 1), range(3), range(2), indexing="ij")
    item, language, arm, condition, run = (axis.ravel() for axis in axes)
    cost = np.array([0.0, 0.6, 1.2])[condition] + arm * np.array([0.0, 0.5, 1.5])[condition] * interaction
    cost += arm * (condition > 0) * np.array([-0.3, 0.3])[run]
    logit = 1.2 + 1.5 * rng.normal(size=items)[item] + 0.5 * rng.normal(size=3)[language] - 0.3 * arm - cost
    right = rng.uniform(size=len(logit)) < 1 / (1 + np.exp(-logit))
    return Answers(right, arm.astype(bool), condition, item, language, run)


@pytest.mark.parametrize("interaction", [-0.6, 0.0, 0.8])
def test_a_mixed_model_recovers_the_interaction(interaction: float) -> None:
    """Its sign is that of the primary effect: positive, the arm loses more."""
    found = mixed.fit(answers(interaction))
    assert found is not None and 0.1 < found.se < 0.3
    assert abs(found.difference - interaction) < 1.96 * found.se
    assert found.difference == pytest.approx(found.arm - found.reference)
    assert found.difference == pytest.approx(np.mean(found.by_run))
    assert abs(found.by_run[1] - found.by_run[0] - 0.6) < 4 * found.se
    assert abs(found.reference - 0.9) < 4 * found.se
    assert mixed.fit(answers(interaction)) == found, "deterministic"


def test_a_start_that_leads_nowhere_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    some = answers(0.5, items=20)
    found = mixed.fit(some)
    assert found is not None
    checked: list[bool] = []

    def refuses_one(model: Any, result: Any) -> bool:
        checked.append(at_mode(model, result))
        return len(checked) > 1

    at_mode = mixed._at_mode
    monkeypatch.setattr(mixed, "_at_mode", refuses_one)
    again = mixed.fit(some)
    assert again is not None and again.difference == pytest.approx(found.difference, abs=1e-3) and len(checked) == 2
    monkeypatch.setattr(mixed, "LONGEST", 2)
    monkeypatch.setattr(mixed, "_at_mode", at_mode)
    assert mixed.fit(some) is None, "stopped before the mode"


def test_no_interaction_without_wrong_answers_or_without_one_of_the_four_groups() -> None:
    some = answers(0.5, items=20)
    assert mixed.fit(replace(some, right=np.ones_like(some.right))) is None
    with pytest.raises(ValueError, match="clean and noisy answers of both arms"):
        mixed.fit(replace(some, condition=np.maximum(some.condition, 1)))


def test_languages_are_drawn_by_hand() -> None:
    drawn = over_languages.counts(["b", "a", "c"], 400, seed=1, stream="t")
    again = over_languages.counts(["c", "a", "b"], 400, seed=1, stream="t")
    assert all(np.array_equal(drawn[name], again[name]) for name in "abc")
    assert np.array_equal(sum(drawn.values()), np.full(400, 3.0))
    assert np.var(drawn["a"]) == pytest.approx(2 / 3, abs=0.1), "with replacement"
    assert not np.array_equal(over_languages.counts(["a", "b", "c"], 400, seed=1, stream="u")["a"], drawn["a"])
    scores = {"a": np.full(400, 0.2), "b": np.full(400, 0.5)}
    found = over_languages.mean(scores, drawn)
    none = drawn["a"] + drawn["b"] == 0
    assert none.any() and np.isnan(found[none]).all()
    whole = ~none
    wanted = (0.2 * drawn["a"] + 0.5 * drawn["b"])[whole] / (drawn["a"] + drawn["b"])[whole]
    assert found[whole] == pytest.approx(wanted)


def test_an_interval_over_languages_has_their_degrees_of_freedom() -> None:
    drawn = np.random.default_rng(0).normal(size=(3, 2_000))
    values = np.array([0.1, 0.1, 0.1])
    found = over_languages.over_languages(values, drawn, 4)
    assert found.df == pytest.approx(3) and found.se == pytest.approx(np.std(drawn.mean(axis=0), ddof=1))
    few = over_languages.over_languages(values[:2], drawn[:2], 4)
    assert few.conditional and few.p is None and few.low is not None
    assert over_languages.over_languages(values, drawn, 2).low is None


def test_both_stand_beside_the_primary_effect(study: StudyResults) -> None:
    primary = effect(study, "paired bootstrap", "primary")
    languages, model = (effect(study, name) for name in ("hierarchical bootstrap", "logistic mixed model"))
    assert languages.value == primary.value and languages.by_seed == primary.by_seed
    assert languages.difference.value == primary.difference.value
    assert (languages.difference.item_se or 0) > (primary.difference.item_se or 0)
    assert (languages.difference.df or 0) < (primary.difference.df or 0)
    assert model.difference.value is not None and primary.difference.value is not None
    assert model.difference.value < primary.difference.value < 0, "given the item: farther from 0"
    assert list(model.by_seed) == ["0", "1", "2"] and model.difference.p is not None
    assert model.difference.value == pytest.approx(np.mean(list(model.by_seed.values())))
    rows = list(csv.DictReader(io.StringIO(tables(study)["effects.csv"])))
    order = [(row["family"], row["method"]) for row in rows if row["scale"] == "log_odds_lost"][:3]
    assert order == [("primary", "paired bootstrap"), *(("sensitivity", e.method) for e in (languages, model))]
    intervals = {row["method"]: row["interval"] for row in rows if row["family"] == "sensitivity"}
    assert intervals == {
        "hierarchical bootstrap": "over training seeds, over languages", "logistic mixed model": "over training seeds"
    }  # fmt: skip
    assert {row["p_adjusted"] + row["smallest_difference"] for row in rows if row["family"] == "sensitivity"} == {""}


def test_they_are_on_the_page_and_change_no_answer(study: StudyResults, sweep: Path) -> None:
    plain = read_study(sweep)
    assert [e for e in study.effects if e.family != "sensitivity"] == plain.effects
    assert headline(study) == headline(plain)
    assert BY_METHOD in page(study, "", "digest", []) and BY_METHOD not in page(plain, "", "digest", [])


def test_one_seed_is_conditional(tmp_path: Path) -> None:
    languages = ("en", "de", "ar", "hi", "th", "sw")
    found = read_study(make(tmp_path / "s", Spec(**(SMALL | {"languages": languages, "items": 40}))), sensitivity=True)
    for method in ("hierarchical bootstrap", "logistic mixed model"):
        one = effect(found, method)
        assert one.difference.conditional and one.difference.p is None and one.difference.low is not None
    assert "conditional on these runs, over languages" in tables(found)["effects.csv"]


def test_what_cannot_be_computed_says_why(tmp_path: Path, sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = Spec(
        **(SMALL | {"tasks": {"udpos": "tagging"}, "languages": ("en", "de"), "levels": (0.2,), "models": ("a", "b")})
    )
    found = read_study(make(tmp_path / "s", spec), sensitivity=True)
    notes = {e.method: e.note for e in found.effects if e.family == "sensitivity"}
    assert notes == {
        "hierarchical bootstrap": "needs three languages, and there are 2",
        "logistic mixed model": "not defined for span_f1: an example is not simply right or wrong",
    }
    assert sorted(e.model for e in found.effects if e.family == "sensitivity") == ["a", "a", "b", "b"]
    monkeypatch.setattr(mixed, "STARTS", ())
    stuck = effect(read_study(sweep, sensitivity=True), "logistic mixed model")
    assert stuck.note == "did not converge" and stuck.value is stuck.difference.value is None
    row, _ = [r for r in csv.DictReader(io.StringIO(tables(found)["effects.csv"])) if "not defined" in r["note"]]
    assert row["difference"] == row["value"] == row["interval"] == ""
    assert "not defined for span_f1" in page(found, "", "digest", [])
    monkeypatch.setattr(sensitivity, "MOST_ANSWERS", 10)
    large = effect(read_study(sweep, sensitivity=True), "logistic mixed model")
    assert large.note == "not fitted: 3,240 answers to 60 items, more than 10 or 2,000"


def test_answers_that_noise_families_share_count_once(tmp_path: Path) -> None:
    spec = Spec(**(SMALL | {"noises": ("char", "keyboard"), "levels": (0.2,), "items": 30}))
    study = read_study(make(tmp_path / "s", spec))
    seen: list[Answers] = []

    def keep(some: Answers) -> None:
        seen.append(some)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed, "fit", keep)
        read_study(study.sweep, sensitivity=True)
    [some] = seen
    assert np.bincount(some.condition).tolist() == [180, 180, 180], "30 items, 3 languages, 2 arms"
    assert (some.item.max(), some.language.max(), some.arm.mean()) == (29, 2, 0.5)
    right = {(c.intermediate, c.noise): c.score for c in study.cells if c.language == "sw"}
    for number, noise in enumerate(("clean", "char", "keyboard")):
        for arm, name in enumerate(("nli/english", "nli/multilingual")):
            where = (some.condition == number) & (some.arm == bool(arm)) & (some.language == 2)
            assert some.right[where].mean() == pytest.approx(right[name, noise])


def test_a_report_is_written_again_when_they_are_asked_for(tmp_path: Path) -> None:
    sweep = make(tmp_path / "s", Spec(**(SMALL | {"levels": (0.2,), "items": 30})))
    pages = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mixed, "STARTS", ())
        patch.setattr("xtreme_noise.report.figures.figures", lambda _: {})
        patch.setattr("xtreme_noise.report.scripts.vega_library", str)
        for wanted in (False, True, True, False):
            made: list[int] = []
            patch.setattr(build, "tables", lambda study, made=made: made.append(1) or tables(study))
            pages.append(report.write(sweep, sensitivity=wanted).read_text(encoding="utf-8"))
            assert (BY_METHOD in pages[-1]) == wanted
            assert len(made) == (0 if pages[-2:-1] == pages[-1:] else 1), "kept if it is the same"
    assert pages[0] == pages[3] and pages[1] == pages[2]
    assert json.loads((sweep / ".report.json").read_text())["sensitivity"] is False


def test_a_command_asks_for_them(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(workdir / "s", Spec(**(SMALL | {"levels": (0.2,), "items": 9})))
    asked: list[bool] = []

    def conclude(sweep: Path, *, sensitivity: bool) -> SimpleNamespace:
        asked.append(sensitivity)
        return SimpleNamespace(page=sweep, table="", problems=0, headline=[], not_run=0, wanted=1)

    monkeypatch.setattr(report, "conclude", conclude)
    for more in ([], ["report.sensitivity=true"]):
        assert cli.main(["mode=report", f"sweep={workdir / 's'}", *more]) == 0
    assert asked == [False, True]
