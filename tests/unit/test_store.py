from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from functools import partial
from pathlib import Path

import pytest

from tests import damage as damages
from xtreme_noise.errors import UserError
from xtreme_noise.store import MANIFEST, Store, damage, digest, write_atomic


def _make(directory: Path) -> None:
    (directory / "weights.bin").write_bytes(b"x" * 1000)


def test_digest_ignores_key_order_and_sees_values() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 1.5})
    assert digest({"seed": 0}) != digest({"seed": None})


def test_build_once_then_reuse(tmp_path: Path) -> None:
    store, calls = Store(tmp_path), []

    def make(directory: Path) -> None:
        calls.append(1)
        _make(directory)

    first = store.build("stages", {"n": 1}, make)
    assert store.build("stages", {"n": 1}, make) == first
    assert Store(tmp_path).build("stages", {"n": 1}, make) == first
    assert store.build("stages", {"n": 2}, make) != first
    assert len(calls) == 2


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("No space left on device")])
def test_failure_leaves_nothing(tmp_path: Path, error: Exception) -> None:
    store = Store(tmp_path)

    def fail(directory: Path) -> None:
        _make(directory)
        raise error

    with pytest.raises(UserError, match=f"{tmp_path}: the disk of the store is full.*No space left"):
        store.build("cells", {"n": 1}, fail)
    assert store.find("cells", {"n": 1}) is None
    assert [path.name for path in (tmp_path / "cells").iterdir() if path.is_dir()] == []
    assert store.build("cells", {"n": 1}, _make).is_dir()


@pytest.mark.parametrize("harm", damages.KINDS)
def test_damage_is_found_and_built_again(tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    path = Store(tmp_path).build("stages", {"n": 1}, _make)
    damages.KINDS[harm](path)
    assert damage(path) is not None
    fresh = Store(tmp_path)
    assert fresh.build("stages", {"n": 1}, _make) == path
    assert damage(path) is None
    assert (path / "weights.bin").read_bytes() == b"x" * 1000
    assert Store(tmp_path).find("stages", {"n": 1}) == path
    [line] = [record.getMessage() for record in caplog.records if record.name == "xtreme_noise.store"]
    assert line.startswith(f"{path} is damaged (") and "building it again" in line and "\n" not in line
    assert [aside.name for aside in (tmp_path / "damaged").glob("*/*")] == [path.name], "kept, not deleted"


def test_a_file_that_a_kind_must_have(tmp_path: Path) -> None:
    """Also where the manifest is right in itself."""
    store = Store(tmp_path)
    path = store.build("cells", {"n": 1}, _make, ("weights.bin",))
    content = json.loads((path / MANIFEST).read_text())
    content["files"] = {"other": hashlib.sha256(b"").hexdigest()}
    damages.sign(content)
    (path / MANIFEST).write_text(json.dumps(content))
    (path / "weights.bin").rename(path / "weights")
    (path / "other").touch()
    assert Store(tmp_path).find("cells", {"n": 1}) == path
    assert Store(tmp_path).find("cells", {"n": 1}, ("weights.bin",)) is None


def test_a_manifest_without_its_checksum_is_damaged(tmp_path: Path) -> None:
    path = Store(tmp_path).build("stages", {"n": 1, "x": [1.5, None, "ü"]}, _make)
    assert damage(path) is None
    content = json.loads((path / MANIFEST).read_text())
    del content["sha256"]
    (path / MANIFEST).write_text(json.dumps(content))
    assert damage(path) == f"{MANIFEST} was changed"


def test_two_artifacts_in_each_others_place(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, other = (store.build("cells", {"n": n}, partial(_number, n)) for n in (1, 2))
    damages.swap(one, other)
    fresh = Store(tmp_path)
    for n in (1, 2):
        path = fresh.build("cells", {"n": n}, partial(_number, n))
        assert (path / "score").read_text() == str(n)


def _number(n: int, directory: Path) -> None:
    (directory / "score").write_text(str(n))


def test_one_file_alone_is_looked_at(tmp_path: Path) -> None:
    def make(directory: Path) -> None:
        _make(directory)
        (directory / "facts.json").write_text("{}")

    store = Store(tmp_path)
    assert not store.there("stages", {"n": 1})
    path = store.build("stages", {"n": 1}, make)
    assert store.there("stages", {"n": 1})
    assert store.peek("stages", {"n": 1}, "facts.json") == path / "facts.json"
    assert store.peek("stages", {"n": 2}, "facts.json") is None
    (path / "weights.bin").write_bytes(b"")
    assert store.peek("stages", {"n": 1}, "facts.json") == path / "facts.json"
    (path / "facts.json").write_text("{")
    assert store.there("stages", {"n": 1}), "files are not looked at"
    assert Store(tmp_path).peek("stages", {"n": 1}, "facts.json") is None
    assert not path.exists()
    path.mkdir()
    assert not store.there("stages", {"n": 1})


def test_the_last_damaged_things_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xtreme_noise.store.KEPT", 3)
    for n in range(5):
        path = Store(tmp_path).build("cells", {"n": 1}, partial(_number, n))
        (path / "score").write_text(f"damaged {n}")
        assert Store(tmp_path).find("cells", {"n": 1}) is None
    assert {path.read_text() for path in (tmp_path / "damaged").rglob("score")} == {f"damaged {n}" for n in (2, 3, 4)}


def test_a_key_that_json_does_not_keep(tmp_path: Path) -> None:
    """It would be another one when it is read, and the artifact of another place."""
    with pytest.raises(TypeError, match="names that are not text"):
        Store(tmp_path).build("cells", {"n": {10: 1, 9: 2}}, _make)


def _slow_build(root: str, log: str) -> None:
    def make(directory: Path) -> None:
        with Path(log).open("a") as stream:
            stream.write("built\n")
        time.sleep(0.5)
        _make(directory)

    Store(root).build("stages", {"n": 1}, make)


def test_several_processes_build_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    workers = [context.Process(target=_slow_build, args=(str(tmp_path / "s"), str(log))) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert log.read_text() == "built\n"


def test_leftovers_of_a_killed_builder_are_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    leftover = store.path("stages", {"n": 1}).parent / f".{digest({'n': 1})}.dead"
    leftover.mkdir(parents=True)
    (leftover / "half").write_text("half")
    store.build("stages", {"n": 1}, _make)
    assert not leftover.exists()


def test_write_atomic_keeps_the_old_file_on_failure(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_atomic(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(path, "half \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["record.json"]
