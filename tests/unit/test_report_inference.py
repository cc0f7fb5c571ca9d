"""What a study of several training seeds says: effects on every scale, tests, A/A, what it could have seen."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise import report
from xtreme_noise.analysis.seeds import median_unbiased
from xtreme_noise.report import verdict
from xtreme_noise.report.effects import EVERY_SCALE, Effect
from xtreme_noise.report.headline import headline
from xtreme_noise.report.page import page
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables

pytestmark = pytest.mark.pictures

SMALL: dict[str, Any] = {"items": 90, "languages": ("en", "de", "sw"), "seed_sd": 0.02, "levels": (0.1, 0.2)}
FOUR = SMALL | {"tasks": {"xnli": "classification", "udpos": "tagging"}, "seeds": (0, 1, 2, 3), "items": 120}
few_resamples = resampled(499)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return read_study(make(tmp_path_factory.mktemp("four") / "s", Spec(**FOUR)))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    spec = Spec(**(SMALL | {"seeds": (0, 1), "noises": ("char",)}))
    return read_study(make(tmp_path_factory.mktemp("two") / "s", spec))


def csv_rows(study: StudyResults, name: str, **where: str) -> list[dict[str, str]]:
    every = csv.DictReader(io.StringIO(tables(study)[name]))
    return [row for row in every if all(row[key] == value for key, value in where.items())]


def effect(study: StudyResults, scale: str, task: str = "xnli", family: str = "primary") -> Effect:
    [found] = [e for e in study.effects if (e.scale, e.task, e.family) == (scale, task, family)]
    return found


def number(value: float | None) -> float:
    assert value is not None
    return value


def of_seed(study: StudyResults, arm: str, seed: int) -> dict[str, float]:
    """What noise takes of xnli in one seed, from the cells, worked out by hand; a mean over families and levels."""
    mean: dict[tuple[str, float], float] = {}
    for place in {(c.noise, c.level) for c in study.cells}:
        own = [c for c in study.cells if (c.task, c.intermediate, c.seed) == ("xnli", arm, seed)]
        mean[place] = float(np.mean([c.score for c in own if (c.noise, c.level) == place]))
    n, guess = 3 * 120, 40 / 120
    odds = {place: math.log((p * n + 0.5) / (n - p * n + 0.5)) for place, p in mean.items()}
    clean, noisy = ("clean", 0.0), [place for place in mean if place[1] > 0]
    return {
        "log_odds_lost": float(np.mean([odds[clean] - odds[place] for place in noisy])),
        "drop_rate": float(np.mean([1 - mean[place] / mean[clean] for place in noisy])),
        "drop_rate_above_chance": float(
            np.mean([1 - (mean[place] - guess) / (mean[clean] - guess) for place in noisy])
        ),
        "drop": float(np.mean([mean[clean] - mean[place] for place in noisy])),
    }


def test_every_scale_by_hand(study: StudyResults) -> None:
    arms = ("nli/multilingual", "nli/english")
    ours, theirs = ([of_seed(study, arm, seed) for seed in range(4)] for arm in arms)
    for scale in ours[0]:
        found = effect(study, scale)
        apart = [a[scale] - b[scale] for a, b in zip(ours, theirs, strict=True)]
        assert list(found.by_seed.values()) == pytest.approx(apart), scale
        assert found.difference.value == pytest.approx(np.mean(apart))
        assert found.value == pytest.approx(np.mean([a[scale] for a in ours]))
        assert (found.arm, found.reference, found.kind) == (*arms, "nli")
        assert found.difference.seed_sd == pytest.approx(np.std(apart, ddof=1))


def test_wrong_under_noise_of_what_both_have_right(study: StudyResults) -> None:
    found = effect(study, "newly_wrong")
    by_arm: dict[str, list[float]] = {"nli/multilingual": [], "nli/english": []}
    cells = {(c.intermediate, c.language, c.seed, c.noise, c.level): c for c in study.cells if c.task == "xnli"}

    def right(*place: Any) -> Any:
        path = study.sweep / "predictions" / f"{cells[place].cell}.parquet"
        return pq.read_table(path)["correct"].to_numpy(zero_copy_only=False)

    for arm, shares in by_arm.items():
        for language in ("en", "de", "sw"):
            for seed in range(4):
                both = np.logical_and(*(right(one, language, seed, "clean", 0.0) for one in by_arm))
                for noise in ("char", "keyboard"):
                    for level in (0.1, 0.2):
                        shares.append(float((~right(arm, language, seed, noise, level))[both].mean()))
    assert found.value == pytest.approx(np.mean(by_arm["nli/multilingual"]))
    assert found.reference_value == pytest.approx(np.mean(by_arm["nli/english"]))
    assert number(found.difference.low) < number(found.difference.value) < number(found.difference.high)


def test_what_is_neither_right_nor_wrong_is_not_right(tmp_path: Path) -> None:
    """As in BUCC: a sentence without a pair, and rightly so."""
    sweep = make(tmp_path / "s", Spec(languages=("en", "de"), noises=("char",), levels=(0.1,), items=30))
    for path in (sweep / "predictions").glob("*.parquet"):
        table = pq.read_table(path)
        some = [value if number % 3 else None for number, value in enumerate(table["correct"].to_pylist())]
        place = table.column_names.index("correct")
        pq.write_table(table.set_column(place, "correct", pa.array(some, pa.bool_())), path)
    study = read_study(sweep)
    assert not study.problems
    assert not any(right[::3].any() for right in study.evidence["xnli"].correct.values())
    assert number(effect(study, "newly_wrong").value) >= 0


def test_the_variance_has_its_two_parts(study: StudyResults) -> None:
    for row in csv_rows(study, "effects.csv", family="primary"):
        se, items, sd = (float(row[name]) for name in ("standard_error", "item_standard_error", "seed_sd"))
        assert se**2 == pytest.approx(items**2 + median_unbiased(3) * sd**2 / 4)
        assert float(row["degrees_of_freedom"]) >= 3 and float(row["smallest_difference"]) > 2.8 * math.hypot(
            items, sd / 2
        )
        assert (row["interval"], row["seeds"], row["noises"]) == ("over training seeds", "4", "char keyboard")
    for row in csv_rows(study, "arms.csv"):
        assert row["p"] and row["interval"] == "over training seeds"


def test_one_scale_is_tested_in_one_family(study: StudyResults) -> None:
    primary = csv_rows(study, "effects.csv", family="primary")
    assert {row["scale"] for row in primary} == set(EVERY_SCALE)
    tested = [row for row in primary if row["p_adjusted"]]
    assert [(row["task"], row["scale"], row["tests_in_family"]) for row in tested] == [
        ("udpos", "log_odds_lost", "2"), ("xnli", "log_odds_lost", "2")
    ]  # fmt: skip
    for row in tested:
        assert float(row["p"]) <= float(row["p_adjusted"]) <= 1
    others = {row["family"] for row in csv_rows(study, "effects.csv")} - {"primary", "A/A", "seen minus unseen"}
    assert others == {"english against none", "multilingual against none"}
    holm = csv_rows(study, "arms.csv", arm="nli/multilingual", reference="nli/english", measure="log_odds_lost")
    assert {row["tests_in_family"] for row in holm} == {"8"}  # 2 tasks x 2 noise families x 2 levels


def test_seeds_by_themselves(study: StudyResults) -> None:
    """Their mean is what the curves say."""
    [point] = csv_rows(study, "curves.csv", task="xnli", noise="char", level="0.2", intermediate="none")
    own = csv_rows(study, "seeds.csv", task="xnli", noise="char", level="0.2", intermediate="none")
    assert [row["seed"] for row in own] == ["0", "1", "2", "3"]
    for name in ("score", "log_odds_lost", "drop_rate", "drop_rate_above_chance", "drop"):
        assert float(point[name]) == pytest.approx(np.mean([float(row[name]) for row in own])), name


def test_one_system_against_itself(study: StudyResults, two: StudyResults) -> None:
    found = effect(study, "log_odds_lost", family="A/A")
    assert (found.arm, found.reference) == ("none (seeds 0, 2)", "none (seeds 1, 3)")
    values = [of_seed(study, "none", seed)["log_odds_lost"] for seed in range(4)]
    assert found.difference.value == pytest.approx(np.mean(values[::2]) - np.mean(values[1::2]))
    assert found.difference.p is not None and found.p_adjusted is None
    assert not [e for e in two.effects if e.family == "A/A"]
    assert "One system against itself" in page(study, "", "digest", [])
    assert "One system against itself" not in page(two, "", "digest", [])


def test_an_arm_of_any_name_and_noise_in_training(tmp_path: Path) -> None:
    """A native arm is on the multilingual side and named; noise in training is no part of the A/A comparison."""
    arms, trained = ("none", "nli/english", "nli/native"), ("none", "char@0.05")
    spec = Spec(**(SMALL | {"intermediates": arms, "train_noises": trained, "seeds": range(4), "noises": ("char",)}))
    found = read_study(make(tmp_path / "s", spec))
    tested = [
        (e.arm, e.reference, e.tests) for e in found.effects if e.family == "primary" and e.p_adjusted is not None
    ]
    noise = " + char@0.05 in training"
    assert tested == [
        ("nli/native", "nli/english", 2), (f"nli/native{noise}", f"nli/english{noise}", 2)
    ]  # fmt: skip
    itself = [e for e in found.effects if e.family == "A/A"]
    assert {(e.arm, len(e.panels)) for e in itself} == {("none (seeds 0, 2)", 1)}
    assert "multilingual against none" in {e.family for e in found.effects}
    paragraph = headline(found).paragraph
    assert "Native minus English intermediate training" in paragraph and "ultilingual" not in paragraph
    assert {row["arm"] for row in csv_rows(found, "seeds.csv")} == {
        "none", "noise", "english", "english + noise", "native", "native + noise"
    }  # fmt: skip


def test_seen_minus_unseen_is_a_test_of_its_own(study: StudyResults) -> None:
    found = effect(study, "log_odds_lost", family="seen minus unseen")
    assert found.difference.p is not None and found.p_adjusted is not None and found.tests == 2
    assert found.languages == ["de", "sw"]
    assert found.difference.value == pytest.approx(number(found.value) - number(found.reference_value))
    assert "Seen minus unseen languages" in page(study, "", "digest", [])


def test_two_seeds_are_no_test(two: StudyResults) -> None:
    """No p, no verdict, and the label on the page, in the tables and in the terminal."""
    assert {row["p"] + row["p_holm"] for row in csv_rows(two, "arms.csv")} == {""}
    assert {row["p"] + row["p_adjusted"] for row in csv_rows(two, "effects.csv")} == {""}
    label = "conditional on these runs"
    for name in ("scores.csv", "curves.csv", "arms.csv", "seen.csv", "effects.csv"):
        assert {row["interval"] for row in csv_rows(two, name)} == {label}, name
    paragraph = headline(two).paragraph
    assert (
        "Two training seeds: none of 1 comparison (one per task and kind of intermediate task) is tested" in paragraph
    )
    assert label in paragraph and "loses less" not in paragraph
    assert page(two, "", "digest", []).count(label) > 10
    assert label in terminal(two) and "2 training seeds" in terminal(two)


def test_four_seeds_are(study: StudyResults) -> None:
    label = "conditional on these runs"
    assert label not in headline(study).paragraph and label not in terminal(study)
    assert f"intervals are {label}" not in page(study, "", "digest", [])
    assert "adjusted for 2 tests" in headline(study).paragraph


def terminal(study: StudyResults) -> str:
    console = Console(width=120, file=io.StringIO())
    console.print(report.terminal_table(study.sweep))
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_the_headline_has_five_sentences_at_most(study: StudyResults, two: StudyResults, tmp_path: Path) -> None:
    guesses = read_study(make(tmp_path / "s", Spec(**(SMALL | {"ability": -1.0, "noises": ("char",)}))))
    for found in (study, two, guesses):
        paragraph = headline(found).paragraph
        assert len(re.findall(r"\.(?= |$)", paragraph)) <= 5, paragraph
    assert "smallest difference that could have been found (power .8, alpha .05)" in headline(study).paragraph
    assert "test items alone and no seeds considered" in headline(two).paragraph
    wanted = f"{number(effect(study, 'drop_rate').smallest) * 100:.1f} points of drop rate (xnli"
    assert wanted in headline(study).paragraph


def of(study: StudyResults, p: float | None, **signs: float) -> verdict.Verdict:
    """A verdict whose scales have these differences; p: adjusted, of the first."""
    made = []
    for scale in EVERY_SCALE:
        one = effect(study, scale)
        made.append(replace(one, difference=replace(one.difference, value=signs.get(scale, -1.0)), p_adjusted=None))
    made[0] = replace(made[0], p_adjusted=p)
    [found] = verdict.verdicts(made)
    return found


def test_a_direction_needs_all_scales_and_an_adjusted_test(study: StudyResults) -> None:
    assert of(study, 0.04).says == verdict.ARM
    every = dict.fromkeys(EVERY_SCALE, 1.0)
    assert of(study, 0.04, **every).says == verdict.REFERENCE
    assert of(study, 0.06).says == verdict.OPEN
    assert of(study, None).says == verdict.UNTESTED
    against = of(study, 0.001, drop_rate=0.2, drop=0.1)
    assert against.says == verdict.SCALE
    assert [other.scale for other in against.against] == ["drop_rate", "drop"]


def test_scales_that_disagree_are_named(study: StudyResults) -> None:
    turned = [
        replace(e, difference=replace(e.difference, value=-number(e.difference.value)), p_adjusted=None)
        if e.scale == "drop_rate"
        else replace(e, p_adjusted=None if e.p_adjusted is None else 0.001)
        for e in study.effects
    ]
    found = headline(replace(study, effects=turned))
    assert "the direction depends on the scale in 2" in found.paragraph
    assert "the scales disagree: drop rate the other way" in found.lines[0]
    assert "all scales one way" in headline(study).lines[0]
