"""mode=power: designs from a pilot or from shipped variances, what they cost and what they would see."""

from __future__ import annotations

import csv
import json
import math
import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.sweep_factory import Spec, make, resampled
from xtreme_noise import cli
from xtreme_noise.analysis.components import Components, components, variance_limit, with_seed_variance
from xtreme_noise.analysis.planning import as_drop_rate, precision
from xtreme_noise.analysis.power import smallest_difference
from xtreme_noise.analysis.seeds import median_unbiased
from xtreme_noise.commands import designs, power
from xtreme_noise.config.schema import PowerConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.record import CellRecord
from xtreme_noise.report.pilot import Pilot, PilotComparison, read_pilots
from xtreme_noise.report.study import read_study
from xtreme_noise.results.table import read_cells

PARTS = Components(0.04, 0.01, 2.0, 4.0, 1.0, 3.0)
SIZES: dict[str, Any] = {
    "items": 90,
    "languages": ("en", "de", "sw"),
    "noises": ("char",),
    "levels": (0.1,),
    "seed_sd": 0.02,
}
TRAINING = {"none": 0.0, "nli/english": 100.0, "nli/multilingual": 140.0}  # seconds of the intermediate stage
few_resamples = resampled(299)


def pilot(folder: Path, **spec: Any) -> Path:
    """A finished study with the records of its jobs: a target stage takes 50 seconds, a cell 1.5."""
    sweep = make(folder, Spec(**(SIZES | {"seeds": (0, 1, 2, 3)} | spec)))
    jobs: dict[tuple[str, str, int], list[CellRecord]] = defaultdict(list)
    for cell in read_cells(sweep):
        jobs[cell.task, cell.intermediate, cell.seed].append(cell)
    for number, ((task, arm, seed), cells) in enumerate(jobs.items()):
        parent = "pretrained" if arm == "none" else arm
        stages = [{"digest": f"{task}{arm}{seed}", "stage": task, "parent": parent, "seed": seed, "seconds": 50.0}]
        if arm != "none":
            own = {"digest": f"{arm}{seed}", "stage": arm, "parent": "pretrained", "seed": seed}
            stages.append(own | {"seconds": TRAINING[arm] + seed})
        record = {"finished": number, "stages": stages, "cells": [cell.values() for cell in cells]}
        (sweep / "jobs" / f"{number:08d}").mkdir()
        (sweep / "jobs" / f"{number:08d}" / "job.json").write_text(json.dumps(record), encoding="utf-8")
    return sweep


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pilot(tmp_path_factory.mktemp("four") / "study", tasks={"xnli": "classification", "udpos": "tagging"})


def of(sweep: Path, task: str) -> Pilot:
    [found] = [one for one in read_pilots(sweep)[0] if one.task == task]
    return found


def test_only_seeds_is_the_t_test() -> None:
    """Without item errors the plan is the noncentral t of the report's smallest difference."""
    found = precision(Components(0.09, 0.0, 0.0, 0.0, 0.0, 0.0), 5, 100, 4)
    deviation = 0.3 / math.sqrt(5)
    cautious = deviation * math.sqrt(median_unbiased(4))
    assert found.smallest() == pytest.approx(smallest_difference(cautious, 4, deviation), rel=1e-6)
    assert found.seed_share == pytest.approx(1.0) and found.power(found.smallest()) == pytest.approx(0.8)
    assert 0.03 < found.power(0.0) < 0.05, "the variance over seeds is not underestimated"


def test_only_items_is_the_t_test() -> None:
    found = precision(Components(0.0, 0.0, 4.0, 0.0, 0.0, 0.0), 5, 400, 4)
    assert found.deviation == pytest.approx(0.1) and found.seed_share == pytest.approx(0.0)
    assert found.smallest() == pytest.approx(smallest_difference(0.1, 399), rel=1e-3)
    assert found.smallest() < precision(Components(0.0, 0.0, 4.0, 0.0, 0.0, 0.0), 5, 400, 4, sources=0.01).smallest()


def test_nothing_varies() -> None:
    found = precision(Components(0.0, 0.0, 0.0, 0.0, 0.0, 0.0), 3, 10, 1)
    assert (found.smallest(), found.power(0.1)) == (0.0, 1.0)


def test_variances_of_a_design_by_hand() -> None:
    """2 seeds, 10 items, 5 languages: items (2 + 4/5 + (1 + 3/5) / 2) / 10, runs .04 + .01/5 + (1 + 3/5) / 10."""
    assert PARTS.of_items(2, 10, 5) == pytest.approx(0.36)
    assert PARTS.of_runs(10, 5) == pytest.approx(0.202)
    assert PARTS.of_mean(2, 10, 5) == pytest.approx(0.36 + 0.042 / 2)
    more = with_seed_variance(PARTS, 0.302, 10, 5)
    assert more.seeds == pytest.approx(0.14) and replace(more, seeds=PARTS.seeds) == PARTS
    assert with_seed_variance(PARTS, 0.0, 10, 5).seeds == 0.0


@pytest.mark.parametrize("change", ["seeds", "items", "languages"])
def test_more_of_anything_sees_more(change: str) -> None:
    size = {"seeds": 4, "items": 50, "languages": 4}
    less, more = (precision(PARTS, **(size | {change: count})) for count in (size[change], 2 * size[change]))
    assert more.smallest() < less.smallest()


def test_limits_of_a_variance() -> None:
    """R: 2 * 1.5 / qchisq(c(.975, .2, .025), 2)."""
    limits = [variance_limit(1.5, 2, share) for share in (0.025, 0.8, 0.975)]
    assert limits == pytest.approx([0.40663, 6.7221, 59.2466], rel=1e-4)


def test_one_language_and_items_that_runs_share() -> None:
    """Two runs with the same replicates share all of the item error; one language has nothing to tell apart."""
    rng = np.random.default_rng(1)
    drawn = np.repeat(rng.normal(size=(1, 1, 999)), 2, axis=0)
    found = components(np.array([[1.0], [3.0]]), drawn, 50)
    assert found.items == pytest.approx(50 * np.var(drawn[0, 0], ddof=1)) and found.seeds == pytest.approx(2.0)
    assert (found.seeds_by_language, found.items_by_language, found.items_by_run_and_language) == (0.0, 0.0, 0.0)
    assert found.items_by_run == pytest.approx(0.0, abs=1e-9)


def test_log_odds_as_a_drop_rate() -> None:
    """From .8 to .6; one more unit of log-odds makes it .6 -> 1 / (1 + e/1.5)."""
    assert as_drop_rate(0.8, 0.6, 1.0) == pytest.approx((0.6 - 1 / (1 + math.e / 1.5)) / 0.8)
    assert as_drop_rate(0.8, 0.6, 0.0) == pytest.approx(0.0)


def test_a_pilot_repeats_the_errors_of_its_report(four: Path) -> None:
    """The components, put together at the pilot's own size, are the standard errors of the report."""
    for effect in read_study(four).effects:
        if effect.family != "primary" or effect.scale != "log_odds_lost":
            continue
        [one] = of(four, effect.task).comparisons
        parts, difference = one.components, effect.difference
        assert (one.arm, one.reference, one.smallest) == (effect.arm, effect.reference, effect.smallest)
        assert (one.seeds, one.languages, one.items, one.sources) == (4, 3, 90, 1.0)
        assert one.seed_variance == pytest.approx((difference.seed_sd or 0) ** 2)
        again = math.sqrt(parts.of_items(4, 90, 3)) / (difference.item_se or 0)
        assert again == pytest.approx(1.0, rel=0.05) or (parts.items == 0 and 1.0 < again < 1.25)
        assert parts.of_runs(90, 3) == pytest.approx(one.seed_variance, rel=0.1) or parts.seeds == 0
        assert one.clean == pytest.approx(_mean(four, effect.task, 0.0)) and one.noisy < one.clean


def _mean(sweep: Path, task: str, level: float) -> float:
    own = [c for c in read_cells(sweep) if (c.task, c.intermediate, c.level) == (task, "nli/english", level)]
    return float(np.mean([cell.score for cell in own]))


def test_what_a_pilot_costs(four: Path) -> None:
    """NLI is trained once for both tasks: (100 + 140 + 3) + 6 targets of 50 s, and 1.5 s for a cell of 90 examples."""
    both, found = read_pilots(four)[0], of(four, "xnli")
    assert found.training["nli/english"] == {"xnli on nli/english": 50.0, "nli/english on pretrained": 101.5}
    assert list(found.testing.values()) == pytest.approx([1.5 / 90] * 3) and found.cells == 2
    sizes = [designs.Size(90, 3), designs.Size(45, 2)]
    tested = 3 * 2 * 1.5 * (3 + 1)  # arms x cells x seconds x languages
    assert designs.hours(both, 4, sizes) == pytest.approx(4 * (243 + 300 + tested) / 3600)


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = cli.main(["mode=power", *words])
    said = capsys.readouterr()
    return code, re.sub(r"\s+", " ", said.out + said.err)


@pytest.mark.usefixtures("workdir")
def test_a_plan_from_a_pilot(four: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = command(capsys, f"sweep={four}", "power.hours=1.5", "power.difference=0.3")
    assert code == 0
    assert "xnli · nli/multilingual minus nli/english: 4 seeds x 90 items x 3 languages; standard deviation" in said
    assert "95 % interval" in said and "3 degrees of freedom" in said and "power for 0.3" in said
    assert re.search(r"(Seeds first|over test items): \d+ seeds x \d+ items x \d languages in 1\.\d hours", said)
    assert "at most the items of the pilot (" in said and "Fewer are another question" in said
    rows = list(csv.DictReader((four / "tables" / "power.csv").open(encoding="utf-8")))
    assert tuple(rows[0]) == power.COLUMNS and {row["task"] for row in rows} == {"xnli", "udpos"}
    assert all(float(row["hours"]) <= 1.5 and 20 <= int(row["items"]) <= 90 for row in rows)
    assert {row["languages"] for row in rows} == {"2", "3"}
    assert all(float(row["smallest_difference"]) <= float(row[power.COLUMNS[9]]) for row in rows)
    worst = [max(float(row["smallest_difference"]) for row in pair) for pair in zip(rows[::2], rows[1::2], strict=True)]
    assert worst == sorted(worst)
    before = (four / "tables" / "power.csv").read_bytes()
    assert command(capsys, f"sweep={four}", "power.hours=1.5", "power.difference=0.3")[0] == 0
    assert (four / "tables" / "power.csv").read_bytes() == before


@pytest.mark.usefixtures("workdir")
def test_tasks_arms_and_sizes(four: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = "power.arms=[nli/english,nli/multilingual]"
    sizes = ("power.items=300", "power.languages=[6]", "power.hours=5")
    code, said = command(capsys, f"sweep={four}", "power.tasks=[udpos]", arms, *sizes)
    assert code == 0 and "(2 arms, 2 cells in each language" in said and "xnli" not in said
    rows = list(csv.DictReader((four / "tables" / "power.csv").open(encoding="utf-8")))
    assert {row["languages"] for row in rows} == {"6"} and max(int(row["items"]) for row in rows) == 300
    assert "power.items=..." not in said and "another question" not in said


MISTAKES = {
    "power.hours=0.001": ["power.hours=0.001 is too little for any study: 3 seeds with 20 items", "take 0."],
    "power.hours=2 power.tasks=[xnl]": ["power.tasks", "has no 'xnl'", "did you mean 'xnli'?"],
    "power.hours=2 power.arms=[none,nli/english]": ["leaves no comparison of", "name nli/multilingual and nli/english"],
    "power.hours=2 power.arms=[nli/englsh]": ["did you mean 'nli/english'?"],
    "-m power.hours=2,3": ["mode=power makes one plan"],
    "power.hours=2 task=xnli": ["task=xnli does nothing with sweep=", "power.tasks"],
}


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("words", MISTAKES)
def test_wrong_wishes(words: str, four: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = command(capsys, f"sweep={four}", *words.split())
    assert code == 2 and said.startswith("xtreme-noise: ") and all(part in said for part in MISTAKES[words]), said


BAD_PILOTS: dict[str, tuple[dict[str, Any], str]] = {
    "one seed": ({"seeds": (0,)}, "one training seed in common"),
    "one arm": ({"intermediates": ("nli/english",)}, "compares no arm with the English arm of its kind"),
    "no arms": ({"intermediates": ("none", "nli/english")}, "it has: none, nli/english"),
    "no noise": ({"noises": ()}, "compares no arm"),
}


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("name", BAD_PILOTS)
def test_what_is_no_pilot(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, why = BAD_PILOTS[name]
    code, said = command(capsys, f"sweep={pilot(tmp_path / 's', **spec)}", "power.hours=2")
    assert code == 2 and "is no pilot: xnli, e5_small: " in said and why in said


@pytest.mark.usefixtures("workdir")
def test_a_pilot_with_pieces_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = pilot(tmp_path / "s", items=30)
    code, said = command(capsys, f"sweep={tmp_path / 'nowhere'}", "power.hours=2")
    assert code == 2 and "contains no results" in said
    for file in (sweep / "predictions").iterdir():
        file.unlink()
    code, said = command(capsys, f"sweep={sweep}", "power.hours=2")
    assert code == 2 and "it has no predictions that can be read" in said
    bare = make(tmp_path / "bare", Spec(**(SIZES | {"seeds": (0, 1)})))
    code, said = command(capsys, f"sweep={bare}", "power.hours=2")
    assert code == 2 and "jobs/ has no record of the training of none" in said


@pytest.mark.usefixtures("workdir")
def test_two_seeds_are_a_pilot_with_a_lower_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = command(capsys, f"sweep={pilot(tmp_path / 's', seeds=(0, 1), items=30)}", "power.hours=2")
    assert code == 0 and "1 degree of freedom" in said and "could have seen at best" in said
    left = pilot(tmp_path / "t", items=30, tasks={"xnli": "classification", "udpos": "tagging"}, skip=_udpos_english)
    code, said = command(capsys, f"sweep={left}", "power.hours=2")
    assert code == 0 and "left out: udpos, e5_small: it compares no arm" in said


def _udpos_english(row: dict[str, Any]) -> bool:
    return bool(row["task"] == "udpos" and row["arm"] == "english")


def test_settings_are_checked() -> None:
    from xtreme_noise.config import compose

    for words, part in {
        "": "power.hours is needed by mode=power",
        "power.hours=0": "power.hours (command line: power.hours=0) must be greater than 0",
        "power.hours=1 power.difference=-1": "power.difference",
        "power.hours=1 power.items=1": "must be at least 2",
        "power.hours=1 power.tasks=[]": "is empty: name at least one",
        "power.hours=1 power.arms=[a,a]": "names 'a' twice",
        "power.hours=1 power.languages=[0]": "must be at least 1",
        "power.hours=1 model=tiny": "does nothing in mode=power",
    }.items():
        with pytest.raises(ConfigError, match=re.escape(part)):
            compose.jobs(["mode=power", *words.split()])


def test_the_best_design_is_named_in_a_sentence() -> None:
    one = PilotComparison("nli/native", "nli/english", 3, 13, 100, 1.0, replace(PARTS, seeds=0.1), 0.12, 0.8, 0.6, 0.6)
    study = Pilot("xnli", "m", [one], {"nli/native": {"x": 3600.0}}, {"nli/native": 0.0}, 4, [])
    best = designs.designs([study], PowerConfig(hours=8.2))[0]
    assert power.advice(best) == (
        f"Seeds first: 8 seeds x 100 items x 13 languages in 8.0 hours would see a difference of "
        f"{best.worst.smallest:.2f} log-odds ({100 * best.worst.drop_rate:.1f} points of drop rate); the pilot could "
        "have seen 0.60."
    )
    assert best.worst.cautious > best.worst.smallest


@pytest.fixture
def measured(four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shipped variances of xnli and udpos."""
    from tools import ship_pilots

    for module in (power, ship_pilots):
        monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped.json")
    ship_pilots.main(str(four), "a study of the tests")


@pytest.mark.usefixtures("workdir", "measured")
def test_a_plan_from_shipped_variances(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = command(capsys, "task=udpos", "power.hours=2", "power.difference=0.5")
    assert code == 0 and said.startswith("shipped variances: a study of the tests udpos · nli/multi")
    assert re.search(r"\d+ seeds x \d+ items x 3 languages in [0-2]\.\d hours would see a difference of 0\.\d\d", said)
    code, both = command(capsys, "-m", "task=udpos,xnli", "power.hours=2")
    assert code == 0 and "xnli costs" in both and "xnli" not in said


@pytest.mark.usefixtures("workdir", "measured")
def test_a_task_that_was_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = command(capsys, "task=xcopa", "power.hours=2")
    assert code == 2 and "no variances of task=xcopa are shipped (those of udpos, xnli are): run a pilot" in said
    assert "mode=power sweep=/its/folder power.hours=2" in said


def test_what_is_shipped_is_whole() -> None:
    for pilot in power.shipped().values():
        assert pilot.made and pilot.machines and len(pilot.training) >= 2
        for one in pilot.comparisons:
            assert one.seeds >= 3 and one.seed_variance > 0 and 0 < one.noisy <= one.clean <= 1


def test_a_pilot_can_be_shipped(four: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tools/ship_pilots.py writes is read back as it was, and another task stays."""
    from tools import ship_pilots

    path = tmp_path / "shipped.json"
    path.write_text(json.dumps({"pilots": [{"task": "zzz"}]}), encoding="utf-8")
    monkeypatch.setattr(ship_pilots, "SHIPPED", path)
    ship_pilots.main(str(four), "made for a test")
    assert [entry["task"] for entry in json.loads(path.read_text())["pilots"]] == ["udpos", "xnli", "zzz"]
    path.write_text(json.dumps({"pilots": json.loads(path.read_text())["pilots"][:2]}), encoding="utf-8")
    monkeypatch.setattr(power, "SHIPPED", path)
    assert power.shipped()["xnli"] == replace(of(four, "xnli"), made="made for a test")
