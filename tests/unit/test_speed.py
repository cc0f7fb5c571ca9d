"""Speeds of this kind of machine, in the store; what a machine is said to be."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.e2e.world import QUICK, nli, write
from xtreme_noise import cli, hardware
from xtreme_noise.record import CellRecord
from xtreme_noise.report.training import mixed, sizes
from xtreme_noise.results import read_record
from xtreme_noise.stages import speed
from xtreme_noise.store import Store


def test_speeds_add_up_by_machine_model_and_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    assert speed.known(store, "cpu", "tiny", "train") is None
    speed.note(store, "cpu", "tiny", "train", 10_000, 10.0)
    speed.note(store, "cpu", "tiny", "train", 30_000, 10.0)
    speed.note(store, "cpu", "tiny", "train", 100, 1000.0)  # says nothing
    assert speed.known(store, "cpu", "tiny", "train") == 2000
    assert speed.known(store, "cpu", "tiny", "infer") is None
    speed.note(store, "cpu", "tiny", "train", 2_000_000, 1000.0)
    speed.note(store, "cpu", "tiny", "train", 1_000_000, 100.0)
    assert speed.known(store, "cpu", "tiny", "train") == pytest.approx((1_020_000 + 1_000_000) / (510 + 100))
    monkeypatch.setattr(hardware, "kind", lambda _: "another machine")
    assert speed.known(store, "cpu", "tiny", "train") is None


def test_the_most_memory_of_a_process_with_a_model(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert speed.memory(store, "tiny") is None
    speed.note(store, "cpu", "tiny", "infer", 5000, 2)
    used = speed.memory(store, "tiny")
    assert used is not None and 0.05 < used < 50 and speed.memory(store, "e5_small") is None
    (tmp_path / speed.MEMORY).write_text('{"tiny": 90.0}')
    speed.note(store, "cpu", "tiny", "infer", 5000, 2)
    assert speed.memory(store, "tiny") == 90.0
    for damaged in ("", "[]", '{"tiny": 0.0}', '{"tiny": "much"}'):
        (tmp_path / speed.MEMORY).write_text(damaged)
        assert speed.memory(store, "tiny") is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"m": {"tiny": {"train": [1]}}}', '{"m": {"tiny": {"train": [0, 1]}}}', "[" * 10**5]
)
def test_a_damaged_file_is_measured_anew(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "kind", lambda _: "m")
    (tmp_path / speed.FILE).write_text(text)
    assert speed.known(Store(tmp_path), "cpu", "tiny", "train") is None
    speed.note(Store(tmp_path), "cpu", "tiny", "train", 5000, 2)
    assert speed.known(Store(tmp_path), "cpu", "tiny", "train") == 2500


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("sse avx2 avx512f avx512_bf16 amx_bf16", "amx"),
        ("avx2 avx512f avx512_bf16", "avx512_bf16"),
        ("avx2 avx512f", "avx512"),
        ("sse4_2 avx2", "avx2"),
    ],
)
def test_the_widest_instructions(flags: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_cpu", lambda: {"flags": flags, "model name": "P"})
    assert hardware.instructions() == expected
    assert hardware.kind("cpu") == f"P {expected}"


def test_a_study_says_where_it_ran_and_plans_with_its_speed(
    workdir: Path, store_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = workdir.parent / "data"
    for name, count in (("xnli/test", 40), ("lingnli/train", 200), ("xnli/validation", 8)):
        write(root / f"{name}.en.jsonl.gz", nli("en", count, len(name)))
    study = ["task=xnli", "languages=[en]", "noise=char", "noise.levels=[0,0.1]", f"source.root={root}", *QUICK]
    assert cli.main([*study, "task.size.train=null", "sweep=s"]) == 0
    [record] = [read_record(path) for path in Path("s").glob("jobs/*/job.json")]
    here = hardware.kind()
    assert {(cell.hardware, cell.precision) for cell in record["cells"]} == {(here, "32-true")}
    assert all("|prec:32-true/32-true|" in str(cell.signature) for cell in record["cells"])
    job = json.loads(next(Path("s").glob("jobs/*/job.json")).read_text())
    assert job["hardware"]["cores"] >= 1 and job["stages"][0]["hardware"] == here
    assert f"tokens/s (tiny, {here}, 32-true)" in Path("s/report.html").read_text(encoding="utf-8")
    [stage] = csv.DictReader(Path("s/tables/stages.csv").read_text().splitlines())
    assert [stage[name] for name in ("model", "seed", "parent", "hardware", "precision")] == [
        "tiny", "42", "pretrained", here, "32-true",
    ]  # fmt: skip
    assert (store_path / stage["folder"]).is_dir()
    assert json.loads((store_path / speed.FILE).read_text())[here]["tiny"].keys() == {"infer", "train"}
    capsys.readouterr()
    assert cli.main([*study, "task.size.train=null", "seed=1", "mode=plan"]) == 0
    said = capsys.readouterr().out
    assert f"tiny: training in 32-true, inference in 32-true ({here})" in said
    assert "that this machine has reached" in said


def test_arms_of_a_seed_that_were_not_computed_alike_are_named() -> None:
    def cell(arm: str, seed: int, hardware: str, stage: str) -> CellRecord:
        return CellRecord(
            task="xnli", language="de", model="m", intermediate=arm, kind=arm, arm="english", noise="clean", level=0.0,
            noise_seed=0, seed=seed, status="ok", score=0.5, cell="c", hardware=hardware, precision="32-true",
            stage=stage,
        )  # fmt: skip

    stages = [
        {"digest": "s", "hardware": "B amx", "precision": "bf16-mixed"},
        {"digest": "t", "hardware": "A avx2", "precision": "32-true"},
    ]
    cells = [
        *(cell(arm, 1, "A avx2", "t") for arm in ("none", "nli")),
        cell("none", 2, "A avx2", "t"),
        cell("nli", 2, "B amx", "t"),
        *(cell(arm, 3, "A avx2", stage) for arm, stage in (("none", "t"), ("nli", "s"))),
    ]
    assert mixed(cells, stages) == [
        "xnli, m, seed 2, inference: A avx2, 32-true (none); B amx, 32-true (nli)",
        "xnli, m, seed 3, training: A avx2, 32-true (none); B amx, bf16-mixed (nli)",
    ]


def test_what_intermediate_stages_learned_is_said_by_seed() -> None:
    def stage(score: str, **more: str) -> dict[str, str]:
        sizes = {"examples": "1200", "tokens": "9000", "updates": "38"}
        return {"role": "intermediate", "stage": "slots/english", "dev_metric": "span_f1", "dev_score": score, **sizes,
                **more}  # fmt: skip

    said = "slots/english: 1,200 examples, 9,000 tokens, 38 updates"
    one, two = stage("0.615"), stage("0.7")
    assert sizes([one, {**two, "role": "target"}, two]) == [f"{said}; learned (dev): span_f1 61.5, span_f1 70.0"]
    for damaged in (stage(""), stage("x"), stage("[0.5]"), stage("7")):
        assert sizes([damaged]) == [said]
