"""Whole studies on small files with the tiny model: every family, reuse, crashes, failures, order."""

from __future__ import annotations

import gc
import json
import os
import shutil
import time
import weakref
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from transformers import AutoModelForSequenceClassification

from tests import program
from tests.e2e.world import cells, main, nli, words, write
from xtreme_noise.config import loader, strict
from xtreme_noise.data import examples
from xtreme_noise.metrics.accuracy import Accuracy
from xtreme_noise.results.items import JobItems
from xtreme_noise.stages import evaluate, fit, model_cache, training_run
from xtreme_noise.stages.predictor import Predictor

NAMES = ("task", "language", "intermediate", "noise", "level", "noise_seed")


def identity(rows: Sequence[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {tuple(row[name] for name in NAMES) for row in rows}


@pytest.mark.parametrize(
    ("task", "languages"),
    [
        ("xnli", "en,de"),
        ("udpos", "en,de"),
        ("xquad", "en,de"),
        ("tatoeba", "de"),
    ],
)
def test_every_family_from_command_to_report(
    root: Path, task: str, languages: str, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [f"task={task}", f"languages=[{languages}]", "noise=[char,keyboard]", "noise.levels=[0,0.1]", "sweep=s"]
    main(root, *overrides)
    rows = cells(Path("s"))
    count = len(languages.split(","))
    assert len(rows) == count * 3 and len(identity(rows)) == len(rows)
    copies = JobItems(Path("s")).of(row["cell"] for row in rows)
    for row in rows:
        assert row["status"] == "ok" and 0 <= row["score"] <= 1 and row["n"] > 0
        scored = pq.read_table(Path("s/predictions") / f"{row['cell']}.parquet").to_pylist()
        assert len(scored) == row["n"]
        copy = copies[row["cell"]]
        assert [r["id"] for r in scored] == copy.id.to_pylist()
        assert [r["num"] for r in scored] == copy.num.tolist() and [r["den"] for r in scored] == copy.den.tolist()
        total = sum(r["num"] for r in scored) / max(1e-9, sum(r["den"] for r in scored))
        assert row["score"] == pytest.approx(total, abs=1e-6)
        assert f"task:{task}/v1" in row["signature"] and f"level:{row['level']:g}" in row["signature"]
        if row["noise"] == "clean":
            assert row["achieved"] == 0 and row["flip_rate"] == 0 and row["fertility"] == 1
        else:
            assert 0 < row["achieved"] < 0.2 and row["changed"] > 0 and json.loads(row["samples"])
    for name in ("report.html", "tables/cells.csv", "tables/stages.csv"):
        assert (Path("s") / name).is_file()
    assert "report.html" in capsys.readouterr().out


def test_second_run_trains_and_forwards_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ["task=xnli", "languages=[en,de]", "noise=[char]", "noise.levels=[0,0.1]", "sweep=s"]
    main(root, *overrides)
    before = cells(Path("s"))

    def forbidden(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("a finished study must not be computed again")

    monkeypatch.setattr(fit, "fit", forbidden)
    monkeypatch.setattr(Predictor, "encode", forbidden)
    main(root, *overrides)
    assert cells(Path("s")) == before


def test_files_are_merged_once_and_a_job_is_checked_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    merged: list[Any] = []
    checked: list[int] = []
    merge, check = ConfigLoaderImpl._compose_config_from_defaults_list, strict.check

    def merging(self: Any, *how: Any) -> Any:
        merged.append(how)
        return merge(self, *how)

    def seen(cfg: Any, sources: Any) -> Any:
        found = check(cfg, sources)
        checked.append(found.seed)
        return found

    monkeypatch.setattr(ConfigLoaderImpl, "_compose_config_from_defaults_list", merging)
    monkeypatch.setattr(strict, "check", seen)
    loader._merged.clear()  # or the files merged for another test are taken
    main(root, "task=xnli", "languages=[en]", "noise.levels=[0]", "sweep=s", "-m", "seed=1,2")
    assert len(merged) == 2  # what every job begins with, and all files
    assert checked == [1, 2]
    assert {row["seed"] for row in cells(Path("s"))} == {1, 2}


def test_stages_are_shared_and_open_with_from_pretrained(root: Path, store_path: Path) -> None:
    main(root, "task=xnli", "languages=[en]", "noise.levels=[0]", "sweep=a")
    main(root, "task=xnli", "languages=[de]", "noise=[keyboard]", "noise.levels=[0,0.1]", "sweep=b")
    (stage,) = [path for path in (store_path / "stages").iterdir() if path.is_dir()]
    model = AutoModelForSequenceClassification.from_pretrained(stage)
    assert model.config.id2label == {0: "entailment", 1: "neutral", 2: "contradiction"}
    main(root, "task=xnli", "languages=[en]", "noise.levels=[0]", "seed=0", "sweep=c")
    assert len([path for path in (store_path / "stages").iterdir() if path.is_dir()]) == 2


def test_changed_training_data_are_another_stage(root: Path, store_path: Path) -> None:
    main(root, "task=xnli", "languages=[en]", "noise.levels=[0]", "sweep=a")
    path = root / "lingnli/train.en.jsonl.gz"

    write(path, nli("en", 60, 1001))
    main(root, "task=xnli", "languages=[en]", "noise.levels=[0]", "sweep=a")
    assert len([p for p in (store_path / "stages").iterdir() if p.is_dir()]) == 2
    assert len(cells(Path("a"))) == 1, "the same cell of another stage counts once, the newer one"


def test_multirun_over_evaluation_axes_shares_one_fit(root: Path, store_path: Path) -> None:
    main(root, "-m", "task=xnli", "noise=char,keyboard", "language=en,de", "noise.level=0,0.1", "sweep=m")
    rows = cells(Path("m"))
    assert len(rows) == 2 * 3, "a clean cell is shared by both noise families"
    assert len([path for path in (store_path / "stages").iterdir() if path.is_dir()]) == 1
    main(root, "task=xnli", "languages=[de,en]", "noise=[keyboard,char]", "noise.levels=[0.1,0]", "sweep=g")
    scores = {tuple(r[n] for n in NAMES): (r["cell"], r["score"]) for r in rows}
    assert {tuple(r[n] for n in NAMES): (r["cell"], r["score"]) for r in cells(Path("g"))} == scores


def test_what_is_remembered_of_a_language_does_not_grow_with_its_cells(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    real = Predictor.predict

    def predict(self: Predictor, columns: Any) -> list[str]:
        counts.append(self.remembered())
        return real(self, columns)

    monkeypatch.setattr(Predictor, "predict", predict)
    monkeypatch.setattr(evaluate, "AHEAD", 1)
    main(root, "task=xnli", "languages=[en]", "noise=[char]", "noise.levels=[0,0.2,0.4,0.6]", "sweep=s")
    clean, *noisy = counts[-4:]
    assert all(clean < count <= 2 * clean for count in noisy)


def test_one_model_at_a_time_stays_in_memory(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning's trainer and a trained module refer to each other; no other model needs the garbage collector."""
    opened: list[weakref.ref[Any]] = []
    real = training_run.open_module

    def open_module(*args: Any, **options: Any) -> Any:
        module = real(*args, **options)
        opened.append(weakref.ref(module))
        return module

    monkeypatch.setattr(training_run, "open_module", open_module)
    gc.disable()
    try:
        main(root, "-m", "task=xnli", "languages=[en]", "noise.levels=[0]", "seed=1,2", "sweep=s")
        kept = [module() is not None for module in opened]
    finally:
        gc.enable()
    assert kept == [False, False, False, True], "trained, evaluated; twice"


def test_a_cell_alone_is_the_cell_of_a_grid(root: Path, tmp_path: Path) -> None:
    """Order, neighbours and process change no byte of a prediction."""
    common = ["task=xnli", "noise=[char]"]
    main(root, *common, "languages=[en,de]", "noise.levels=[0,0.05,0.1]", f"store={tmp_path / 'one'}", "sweep=grid")
    alone = words(root, *common, "language=de", "noise.level=0.1", f"store={tmp_path / 'two'}", "sweep=alone")
    done = program.run(*alone)
    assert done.returncode == 0, done.stderr[-5000:]
    grid = {(r["language"], r["noise"], r["level"]): r for r in cells(Path("grid"))}
    for row in cells(Path("alone")):
        other = grid[row["language"], row["noise"], row["level"]]
        assert row["cell"] == other["cell"] and row["signature"] == other["signature"]
        one, two = (pq.read_table(Path(s) / "predictions" / f"{row['cell']}.parquet") for s in ("grid", "alone"))
        assert one.equals(two)


def test_missing_language_is_named_and_the_run_goes_on(root: Path, store_path: Path) -> None:
    overrides = ["task=xnli", "languages=[sw,en]", "noise.levels=[0,0.1]", "sweep=s"]
    main(root, *overrides)
    states = {(row["language"], row["status"]) for row in cells(Path("s"))}
    assert states == {("en", "ok"), ("sw", "missing")}
    assert "test.sw.jsonl.gz" in Path("s/report.html").read_text(encoding="utf-8")
    main(root, *overrides, "strict=true", code=1)
    main(root, *overrides[:1], "languages=[en,sw]", "seed=1", "strict=true", "mode=plan", code=1)
    main(root, *overrides[:1], "languages=[en,sw]", "seed=1", "strict=true", "sweep=strict", code=1)
    assert len([path for path in (store_path / "stages").iterdir() if path.is_dir()]) == 1, "of seed 1 none is trained"
    main(root, *overrides[:1], "languages=[sw]", *overrides[2:3], "sweep=nothing", code=1)


def test_a_bad_file_fails_its_cells_and_spares_the_rest(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any]] = [{"premise": "a", "hypothesis": "b", "label": 7}]
    write(root / "xnli/test.de.jsonl.gz", rows)
    read: list[str] = []
    real = examples.normalise

    def normalise(*args: Any, **others: Any) -> Any:
        read.append(others["what"])
        return real(*args, **others)

    monkeypatch.setattr(examples, "normalise", normalise)
    overrides = ["task=xnli", "languages=[de,en]", "noise.levels=[0,0.1]", "sweep=s"]
    main(root, *overrides, code=1)
    found = cells(Path("s"))
    assert {(row["language"], row["status"]) for row in found} == {("de", "error"), ("en", "ok")}
    error = next(row["error"] for row in found if row["status"] == "error")
    assert "test.de.jsonl.gz, line 1: label 7 is out of range" in error
    assert "label 7 is out of range" in capsys.readouterr().err
    html = Path("s/report.html").read_text(encoding="utf-8")
    assert "label 7 is out of range" in html
    assert read.count("files:xnli/test.de.jsonl.gz") == 1, "a file is parsed once, not for every cell"
    [logged] = Path("s/jobs").glob("*/xtreme_noise.log")
    told = [line for line in logged.read_text(encoding="utf-8").splitlines() if "label 7 is out of range" in line]
    assert [line.split("]")[1] for line in told] == ["[xtreme_noise.stages.evaluate"], "once"

    write(root / "xnli/test.de.jsonl.gz", nli("de", 20))
    main(root, *overrides)
    assert {row["status"] for row in cells(Path("s"))} == {"ok"}


def test_training_on_the_test_set_is_refused_before_training(
    root: Path, store_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(root / "xquad/test.en.jsonl.gz", root / "squad/train.en.jsonl.gz")
    main(root, "task=xquad", "languages=[en]", "noise.levels=[0]", "sweep=s", code=1)
    assert "training examples occur in the test set" in capsys.readouterr().err
    assert not (store_path / "stages").exists() or not any(p.is_dir() for p in (store_path / "stages").iterdir())


def test_arms_are_of_one_size(root: Path, store_path: Path) -> None:
    arms = ["intermediate.size.train=20", "intermediate.size.dev=6", "intermediate.arms.multilingual.languages=[en,zh]"]
    overrides = ["task=xnli", "languages=[en]", "noise.levels=[0]", "sweep=s"]
    main(root, *overrides, "intermediate=nli", "intermediate.arm=multilingual", *arms)
    main(root, *overrides, "intermediate=nli", "intermediate.arm=english", *arms[:2])
    stages = [json.loads((p / "training.json").read_text()) for p in (store_path / "stages").iterdir() if p.is_dir()]
    assert sorted((s["stage"], s["examples"]) for s in stages if "nli/" in s["stage"]) == [
        ("nli/english", 20),
        ("nli/multilingual", 20),
    ]
    assert {row["intermediate"] for row in cells(Path("s"))} == {"nli/english", "nli/multilingual"}
    for path in list((store_path / "stages").iterdir()):
        if path.is_dir() and "nli/" in json.loads((path / "training.json").read_text())["stage"]:
            shutil.rmtree(path)
    more = ["noise.levels=[0,0.1]", "noise=[char]"]
    main(root, *overrides, *more, "intermediate=nli", "intermediate.arm=english", *arms[:2])
    assert len([p for p in (store_path / "stages").iterdir() if p.is_dir()]) == 2, "what is on top of it is there"
    main(
        root,
        *overrides[:-1],
        "intermediate=nli",
        "intermediate.arm=multilingual",
        "intermediate.size.train=200",
        *arms[1:],
        code=1,
    )


def test_another_command_of_a_study_is_compared_with_the_first(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = ["task=xnli", "languages=[en]", "noise.levels=[0]", "intermediate.size.dev=6", "sweep=s"]
    english = ["intermediate=nli", "intermediate.arm=english"]
    both = ["intermediate=nli", "intermediate.arm=multilingual", "intermediate.arms.multilingual.languages=[en,zh]"]
    main(root, *study, *english, "intermediate.size.train=61", code=1)  # there are 60: it has no finished cell
    main(root, *study, *english, "intermediate.size.train=20", code=1)  # what failed stays in the report
    capsys.readouterr()
    for mode in ("run", "plan"):
        main(root, *study, *both, "intermediate.size.train=24", f"mode={mode}", code=2)
        said = capsys.readouterr().err
        assert "s contains jobs of earlier commands" in said and "intermediate.size.train: 20 and 24" in said
        main(root, *study, *english, "intermediate.size.train=24", f"mode={mode}", code=2)
        assert "differ in intermediate.size.train (20, 24)" in capsys.readouterr().err
    assert {row["intermediate"] for row in cells(Path("s"))} == {"nli/english"}
    moved = shutil.copytree(root, root.parent / "moved")
    main(moved, *study, *both, "intermediate.size.train=20", "mode=plan")
    main(root, *study, *english, "intermediate.size.train=20", code=1)


@pytest.mark.parametrize("task", ["xquad", "udpos", "tatoeba"])
def test_an_intermediate_task_of_another_family(root: Path, task: str) -> None:
    """The encoder is carried on, the head is not: neither its labels nor their number."""
    sizes = ["intermediate.size.train=12", "intermediate.size.dev=6"]
    main(
        root,
        f"task={task}",
        "language=de",
        "noise.levels=[0]",
        "intermediate=nli",
        "intermediate.arm=english",
        *sizes,
        "sweep=s",
    )
    assert [row["status"] for row in cells(Path("s"))] == ["ok"]


def test_a_damaged_stage_is_found_and_trained_again(root: Path, store_path: Path) -> None:
    main(root, "task=xnli", "languages=[en]", "noise.levels=[0]", "sweep=s")
    (stage,) = [path for path in (store_path / "stages").iterdir() if path.is_dir()]
    weights = stage / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    model_cache._last.clear()  # a new process would start without it
    main(root, "task=xnli", "languages=[de]", "noise.levels=[0]", "sweep=s")
    assert {row["language"] for row in cells(Path("s"))} == {"en", "de"}
    assert any((store_path / "damaged").iterdir())


def test_a_model_that_cannot_be_opened_is_opened_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []

    def broken(path: Path, *_: Any, **__: Any) -> None:
        opened.append(path)
        raise RuntimeError("broken")

    monkeypatch.setattr(training_run, "open_module", broken)
    main(root, "task=xnli", "languages=[en,de]", "noise.levels=[0,0.1,0.2]", "sweep=s", code=1)
    assert len(opened) == 1
    assert {(row["status"], row["error"]) for row in cells(Path("s"))} == {("error", "RuntimeError: broken")}


def test_a_score_that_is_no_share_is_not_stored(root: Path, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Accuracy.score
    monkeypatch.setattr(Accuracy, "score", lambda *arguments: replace(real(*arguments), score=1.3))
    main(root, "task=tatoeba", "languages=[de]", "noise.levels=[0]", "sweep=s", code=1)
    [row] = cells(Path("s"))
    assert row["error"].endswith("is 1.3: a score must be from 0 to 1")
    assert not list(store_path.glob("cells/*/record.json"))
    [pack] = store_path.glob("packs/*.zip")
    assert {name.split("/")[0] for name in zipfile.ZipFile(pack).namelist()} == {"predictions"}


def test_a_full_disk_keeps_what_is_finished(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ["task=xnli", "languages=[en,de]", "noise=[char]", "noise.levels=[0,0.1]", "sweep=s"]
    real = pq.write_table
    written: list[str] = []

    def full(table: Any, where: Any, **kwargs: Any) -> None:
        if isinstance(where, Path) and where.name == "predictions.parquet":
            if len(written) == 2:
                raise OSError(28, "No space left on device")
            written.append(str(where))
        real(table, where, **kwargs)

    monkeypatch.setattr(pq, "write_table", full)
    main(root, *overrides, code=1)
    states = [(r["language"], r["noise"], r["status"]) for r in cells(Path("s"))]
    assert sorted(states) == [
        ("de", "char", "error"),
        ("de", "clean", "error"),
        ("en", "char", "ok"),
        ("en", "clean", "ok"),
    ]
    assert any("No space left on device" in (row["error"] or "") for row in cells(Path("s")))
    monkeypatch.undo()
    os.environ["XTREME_NOISE_STORE"] = str(root.parent / "store")
    os.chdir(root.parent / "work")
    main(root, *overrides)
    assert {row["status"] for row in cells(Path("s"))} == {"ok"} and len(cells(Path("s"))) == 4


def test_kill_9_and_go_on(root: Path, store_path: Path) -> None:
    """Killed at moments spread over the run; the last run finishes and equals one that was never killed."""
    study = ["task=xnli", "languages=[en,de]", "noise=[char]", "noise.levels=[0,0.05,0.1]"]
    overrides = [*study, f"store={store_path}", "sweep=s"]
    for moment in ("stages", "cells"):
        process = program.start(*words(root, *overrides))
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if (store_path / moment).is_dir():
                break
            time.sleep(0.005)
        process.kill()
        process.wait()
    main(root, *overrides)
    assert [p for p in store_path.rglob(".*") if p.is_dir() and p.parent.name in ("stages", "cells")] == []
    main(root, *study, f"store={store_path.parent / 'fresh'}", "sweep=t")
    measured = ("cell", "score", "n", "achieved", "flip_rate", "signature", "status")
    interrupted, straight = ([[row[n] for n in measured] for row in cells(Path(s))] for s in ("s", "t"))
    assert interrupted == straight and len(straight) == 6
