"""Noise in training: other noise in every epoch, the same in every run, and no stage built twice because of it."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from tests.e2e.world import cells, data, words
from tests.unit import sweep_factory
from xtreme_noise import cli, report, results
from xtreme_noise.config import compose
from xtreme_noise.config.schema import TrainNoiseConfig
from xtreme_noise.data.training_noise import LanguageExamples, TrainingNoise, training_noise
from xtreme_noise.errors import NotApplicable
from xtreme_noise.report.statistics import MEASURES
from xtreme_noise.report.study import read_study
from xtreme_noise.stages.evaluate import identify
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.store import digest

WORDS = "the quick brown fox jumps over the lazy dog and runs away from the old farmer".split()


def part(language: str = "en", n: int = 60) -> LanguageExamples:
    texts = [" ".join(WORDS[i % 5 : i % 5 + 9]) for i in range(n)]
    rows = {"id": [str(i) for i in range(n)], "text": texts, "label": [i % 2 for i in range(n)]}
    return LanguageExamples(language, datasets.Dataset.from_dict(rows))


def noise(**chosen: Any) -> TrainingNoise:
    values: dict[str, Any] = {"families": {"char": {}}, "level": 0.1} | chosen
    found = training_noise(TrainNoiseConfig(**values), "target", "toy", "classification", "text")
    assert found is not None
    return found


def test_every_epoch_is_new_and_every_run_the_same() -> None:
    parts = [part("en"), part("de")]
    first, achieved = noise().epoch(parts, 0, 3)
    assert achieved == pytest.approx(0.1, abs=0.01)
    assert first["text"] == noise().epoch(parts, 0, 3)[0]["text"]
    second, _ = noise().epoch(parts, 1, 3)
    assert sum(a != b for a, b in zip(first["text"], second["text"], strict=True)) > 100
    assert first["text"] != noise(seed=1).epoch(parts, 0, 3)[0]["text"]
    assert list(first["id"]) == list(parts[0].data["id"]) * 2 and list(first["label"]) == [0, 1] * 60
    assert first.features == parts[0].data.features


def test_share_and_schedule() -> None:
    clean = part(n=400)
    half, achieved = noise(share=0.5).epoch([clean], 0, 4)
    changed = [a != b for a, b in zip(half["text"], clean.data["text"], strict=True)]
    assert 0.4 < sum(changed) / 400 < 0.6 and achieved == pytest.approx(0.1, abs=0.01)
    other = noise(share=0.5).epoch([clean], 1, 4)[0]
    assert changed != [a != b for a, b in zip(other["text"], clean.data["text"], strict=True)]
    growing = noise(schedule="linear")
    assert [growing.level_at(epoch, 4) for epoch in range(4)] == pytest.approx([0.025, 0.05, 0.075, 0.1])
    assert growing.epoch([clean], 0, 4)[1] == pytest.approx(0.025, abs=0.005)


def test_a_share_that_has_nothing_to_act_on_stays_clean() -> None:
    """Of 200 texts two have capitals: a tenth of them seldom has one."""
    texts = ["all is small", "Capital Letters", "Capital Letters", *["so is this"] * 197]
    rows = {"id": [str(i) for i in range(200)], "text": texts}
    whole = LanguageExamples("en", datasets.Dataset.from_dict(rows | {"label": [0] * 200}))
    lower = noise(families={"case": {}}, share=0.1, level=0.2)
    found = [lower.epoch([whole], epoch, 9)[0]["text"][:] for epoch in range(9)]
    assert any(some == texts for some in found) and any(some != texts for some in found)
    none = LanguageExamples("en", whole.data.select([0, *range(3, 200)]))
    with pytest.raises(NotApplicable):
        lower.epoch([none], 0, 9)


@pytest.mark.parametrize("name", ["level", "schedule", "share", "seed", "field"])
def test_whatever_changes_the_weights_is_in_the_key(name: str) -> None:
    other: dict[str, Any] = {"level": 0.2, "schedule": "linear", "share": 0.3, "seed": 9, "field": "text_pair"}
    one = noise()
    assert one.key({}) != dataclasses.replace(one, **{name: other[name]}).key({})


@pytest.mark.usefixtures("workdir")
def test_a_study_with_and_without(tmp_path: Path, store_path: Path) -> None:
    """Two models, one clean training set; the same command again reuses both; the record says what noise there was."""
    root = data(tmp_path / "data")
    job = words(root, "task=xnli", "languages=[en]", "noise.levels=[0,0.1]")
    assert cli.main([*job, "-m", "train_noise=none,char", "task.recipe.epochs=2", "sweep=s"]) == 0
    stages = sorted(store_path.glob("stages/*/training.json"))
    facts = [json.loads(path.read_text()) for path in stages]
    assert len(facts) == 2
    (noisy,) = [fact for fact in facts if fact["noise"]]
    assert noisy["noise"] == "char/v1" or noisy["noise"].startswith("char/v")
    assert len(noisy["noise_achieved"]) == 2 and all(0.02 < level < 0.08 for level in noisy["noise_achieved"])
    rows = cells(Path("s"))
    assert {row["train_noise"] for row in rows} == {"none", "char@0.05"} and len(rows) == 4
    assert len({row["signature"] for row in rows}) == 4
    assert cli.main([*job, "train_noise=char", "task.recipe.epochs=2", "sweep=t"]) == 0
    assert sorted(store_path.glob("stages/*/training.json")) == stages


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train_noise.level=0", "train_noise.level"),
        ("train_noise.share=0", "above 0"),
        ("train_noise.schedule=linea", "linear"),
        ("train_noise.stages=[targets]", "target"),
        ("train_noise.field=tokens", "noise fields"),
        ("train_noise.leve=0.1", "train_noise.level"),
        ("train_noise.families.char.swop=1", "swap"),
    ],
)
def test_mistakes_are_found_before_anything_is_loaded(
    override: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["mode=plan", "task=xnli", "train_noise=char", f"++{override}"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.usefixtures("workdir")
def test_noise_in_both_stages() -> None:
    stages = "train_noise.stages=[intermediate,target]"
    [job] = compose.jobs(["task=xnli", "intermediate=nli", "intermediate.arm=english", "train_noise=char", stages])
    assert job.train_noise.stages == ["intermediate", "target"]


@pytest.mark.usefixtures("workdir")
def test_noise_is_named_where_something_is_trained_with_it() -> None:
    arm, both = ["intermediate=nli", "intermediate.arm=english"], ["intermediate", "target"]
    [xnli, tatoeba, after] = compose.jobs(["task=xnli,tatoeba", "train_noise=char"], multirun=True) + compose.jobs(
        ["task=tatoeba", *arm, "train_noise=char"]
    )
    [in_both] = compose.jobs(["task=xnli", *arm, "train_noise=char", f"train_noise.stages=[{','.join(both)}]"])
    assert in_both.trained_with() == "char@0.05 (intermediate and target)"
    labels = {
        (cfg.task.name, cfg.intermediate.title, " ".join(stages)): dataclasses.replace(
            cfg, train_noise=dataclasses.replace(cfg.train_noise, stages=stages)
        ).trained_with()
        for cfg in (xnli, tatoeba, after)
        for stages in (["target"], ["intermediate"], both, both[::-1])
    }
    assert {key for key, label in labels.items() if label != "none"} == {
        ("xnli", "none", "target"), ("xnli", "none", "intermediate target"), ("xnli", "none", "target intermediate"),
        ("tatoeba", "nli/english", "intermediate"), ("tatoeba", "nli/english", "intermediate target"),
        ("tatoeba", "nli/english", "target intermediate"),
    }  # fmt: skip
    assert {labels[key] for key in labels if key[:2] == ("xnli", "none")} == {"none", "char@0.05"}
    assert {labels[key] for key in labels if key[1] != "none"} == {"none", "char@0.05 (intermediate)"}


@pytest.mark.usefixtures("workdir")
def test_a_model_that_is_not_trained_is_one_system(tmp_path: Path) -> None:
    """Noise for a training that there is not: the same cells as without, counted once."""
    source = ["source=files", f"source.root={data(tmp_path / 'data')}"]
    command = ["task=tatoeba", "model=tiny", "languages=[de]", "train_noise=none,char", *source]
    for number, cfg in enumerate(compose.jobs(command, multirun=True)):
        found = Plan(cfg)
        done = [
            identify(cfg, cell).values()
            | {"cell": digest(found.cell_key(cell, held_out(cfg, "de"))), "status": "ok", "score": 0.5, "error": None}
            for cell in found.cells
        ]
        job = tmp_path / "s" / "jobs" / str(number) / results.JOB
        job.parent.mkdir(parents=True)
        job.write_text(json.dumps({"finished": 1.0, "stages": [], "cells": done}))
    assert results.finish(tmp_path / "s") == results.Completion(len(found.cells), 0, 0, 0)
    study = read_study(tmp_path / "s", resample=False)
    assert not study.problems and not study.contrasts and len(study.jobs) == 2
    assert {place.system.arm for place in study.places} == {"none"}


@pytest.mark.usefixtures("workdir")
def test_a_training_language_the_noise_cannot_act_in(capsys: pytest.CaptureFixture[str]) -> None:
    command = ["mode=plan", "task=xnli", "intermediate=nli", "intermediate.arm=multilingual", "train_noise=keyboard"]
    assert cli.main([*command, "train_noise.stages=[intermediate]"]) == 2
    assert "cannot act in 'zh'" in capsys.readouterr().err


@pytest.mark.pictures
def test_the_report_has_it_as_a_system_of_its_own(tmp_path: Path) -> None:
    sweep = sweep_factory.make(
        tmp_path / "s", sweep_factory.Spec(train_noises=("none", "char@0.05"), noises=("char",), levels=(0.1,))
    )
    report.write(sweep)
    with (sweep / "tables" / "arms.csv").open(encoding="utf-8") as stream:
        arms = list(csv.DictReader(stream))
    noise, page = "none + char@0.05 in training", (sweep / "report.html").read_text()
    assert "nli/english + char@0.05 in training" in {row["arm"] for row in arms}
    # What it does by itself is compared with no training before the target's, and with each arm of every kind.
    against = {(row["reference"], row["kind"]) for row in arms if row["arm"] == noise}
    assert against == {("none", "none"), ("nli/english", "nli"), ("nli/multilingual", "nli")}
    rows = [row for row in arms if row["arm"] == noise and row["reference"] == "nli/english"]
    assert {row["measure"] for row in rows} == set(MEASURES)
    assert all(row["interval"] and float(row["difference_low"]) <= float(row["difference"]) for row in rows)
    assert "noise in training, no intermediate training minus English" in page


def test_what_is_compared_where_arms_are_trained_with_noise(tmp_path: Path) -> None:
    """The question is asked of them too, with the same noise in both; and each is compared with itself without."""
    spec = sweep_factory.Spec(
        intermediates=("none", "nli/english", "nli/multilingual", "nli/native"),
        train_noises=("none", "char", "keyboard"), noises=("char",), levels=(0.1,), items=40, languages=("en", "de"),
    )  # fmt: skip
    study = read_study(sweep_factory.make(tmp_path / "s", spec))
    found = {(row.arm.intermediate, row.reference.intermediate) for row in study.contrasts}
    noisy = [f"{{}} + {name} in training" for name in ("char", "keyboard")]
    wanted = {(other, "none") for other in ("nli/english", "nli/multilingual", "nli/native")}
    wanted |= {(other, "nli/english") for other in ("nli/multilingual", "nli/native")}
    for name in noisy:
        wanted |= {(name.format(arm), name.format("nli/english")) for arm in ("nli/multilingual", "nli/native")}
        wanted |= {(name.format(arm), arm) for arm in ("nli/english", "nli/multilingual", "nli/native")}
        wanted |= {(name.format(arm), "none") for arm in ("nli/english", "nli/multilingual", "nli/native")}
        wanted |= {(name.format("none"), arm) for arm in spec.intermediates}
    assert found == wanted
    assert sum(row.main for row in study.contrasts if row.measure == "drop_rate") == 6


@pytest.mark.pictures
def test_the_question_is_answered_where_all_arms_have_noise(tmp_path: Path) -> None:
    spec = sweep_factory.Spec(train_noises=("char",), noises=("char",), levels=(0.1,), items=40)
    sweep = sweep_factory.make(tmp_path / "s", spec)
    report.write(sweep)
    page = (sweep / "report.html").read_text()
    assert "none of 1 comparison (one per task and kind of intermediate task) is tested" in page
    assert "multilingual and noise in training minus English and noise in training" in page
    assert (sweep / "figures" / "multilingual_minus_english.png").is_file()
