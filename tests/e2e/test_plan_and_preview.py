"""mode=plan and mode=preview: what they say, and that they leave nothing trained or evaluated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.world import QUICK, main, nli, write
from xtreme_noise import cli


def test_plan_counts_and_runs_nothing(root: Path, store_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = ["task=xnli", "languages=[en,de,sw]", "noise=[char]", "noise.levels=[0,0.1]", "sweep=s"]
    arms = ["intermediate=nli", "intermediate.arm=english", "intermediate.size.train=20", "intermediate.size.dev=6"]
    main(root, "mode=plan", *study, *arms)
    before = capsys.readouterr().out
    assert "test.sw.jsonl.gz: no such file" in before and "Nothing was run" in before
    many = [
        "intermediate=nli",
        "intermediate.arm=multilingual",
        "intermediate.arms.multilingual.languages=[en,zh]",
        *arms[2:],
    ]
    main(root, "mode=plan", *study, *many)
    assert "20 examples (en 10, zh 10), " in capsys.readouterr().out
    assert before.count("to train") == 3, "the heading and two stages"
    for kind in ("stages", "cells", "predictions"):
        assert not (store_path / kind).exists()
    main(root, *study, *arms)
    capsys.readouterr()
    main(root, "mode=plan", *study, *arms)
    after = capsys.readouterr().out
    assert after.count("there") >= 2 and after.count("to train") == 1
    assert "less than a minute" in after


def test_plan_says_what_cannot_run(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arm = ["mode=plan", "task=xnli", "languages=[en]", "intermediate=nli", "intermediate.arm=english"]
    main(root, *arm, "intermediate.size.train=61", code=1)
    assert "cannot run: files:lingnli/train.en.jsonl.gz: 60 examples, 61 are needed" in capsys.readouterr().out
    write(root / "xnli/test.en.jsonl.gz", [*nli("en", 5), *nli("en", 2, 1010)])
    main(root, *arm, "intermediate.size.train=20", code=1)
    assert "2 of 60 training examples occur in the test set" in capsys.readouterr().out
    (root / "lingnli/train.en.jsonl.gz").unlink()
    main(root, "mode=plan", "task=xnli", "languages=[en]", code=1)
    assert "train.en.jsonl.gz" in capsys.readouterr().out


def test_plan_names_what_all_languages_lack(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One file that repairs every test set: nothing goes on without it, and it is what is missing."""
    for code in ("et", "id"):
        write(root / f"xcopa/test.{code}.jsonl.gz", nli("de", 4))
    main(root, "mode=plan", "task=xcopa", "languages=[et,id]", code=1)
    shown = capsys.readouterr().out
    missing = f"{root}/copa/test.en.jsonl.gz: no such file (which repairs xcopa/test.{{language}}.jsonl.gz)"
    assert f"cannot run: xcopa: all of the data are missing: {missing}\n" in shown and "goes on without" not in shown


def test_training_and_test_sets_in_folders_of_their_own(root: Path, tmp_path: Path) -> None:
    shutil.move(root / "xnli", tmp_path / "tests" / "xnli")
    shutil.move(root / "lingnli", tmp_path / "training" / "lingnli")
    shutil.copytree(tmp_path / "tests" / "xnli", tmp_path / "training" / "xnli")
    (tmp_path / "training" / "xnli" / "test.de.jsonl.gz").unlink()
    (tmp_path / "tests" / "xnli" / "validation.en.jsonl.gz").unlink()
    roots = f"source.root=[{tmp_path}/training,{tmp_path}/tests]"
    words = [*QUICK, "task=xnli", "languages=[de]", "noise.level=0", "mode=plan"]
    assert cli.main([*words, f"source.root={tmp_path}/training"]) == 1
    assert cli.main([*words, f"source.root={tmp_path}/tests"]) == 1
    assert cli.main([*words, roots]) == 0


def test_plan_of_shots_names_every_stage_in_full(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root / "xnli/validation.de.jsonl.gz", nli("de", 20, 300))
    write(root / "xnli/validation.zh.jsonl.gz", nli("zh", 20, 300))  # and there is no test set in zh
    study = ["mode=plan", "task=xnli", "languages=[de,zh]", "shots.k=10", "shots.sampling=shortest"]
    main(root, *study, "noise.levels=[0]")
    shown = capsys.readouterr()
    assert "reading the data of 1 job" in shown.err
    [few] = [line for line in shown.out.splitlines() if "few-shot" in line]
    assert few.startswith("xnli, 10 shortest shots in de "), "a file is wide enough for any name"
    main(root, *study, "languages=[zh]", code=1)
    nothing = capsys.readouterr().out
    assert "cannot run: xnli, 10 shortest shots: all of the data are missing" in nothing and "to train" not in nothing
    assert "in zh" not in few and "test.zh.jsonl.gz: no such file" in shown.out


def test_preview_marks_edits_and_tells_the_level(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(root / "xnli/test.de.jsonl.gz", nli("de", 60))
    main(root, "mode=preview", "task=xnli", "language=de", "noise=keyboard", "noise.level=0.1")
    shown = capsys.readouterr().out
    assert shown.count("clean") >= 12 and "{+" in shown and "[-" in shown
    assert "achieved grapheme error 0." in shown and "word-change rate" in shown
    main(root, "mode=preview", "task=udpos", "language=de", "noise=char", "noise.level=0.2")
    assert "{+" in capsys.readouterr().out
    main(root, "mode=preview", "task=udpos", "language=de", "noise=[punctuation,char]", "noise.level=0.2")
    shown = capsys.readouterr().out
    assert "n/a: noise family 'punctuation' has nothing to act on" in shown and "{+" in shown
