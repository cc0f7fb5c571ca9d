"""Packs of the store: many small artifacts in one file, found wherever they are, never wrong."""

from __future__ import annotations

import errno
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xtreme_noise.manifest import MANIFEST
from xtreme_noise.packs import Packs
from xtreme_noise.store import Store

KIND, PACK = "cells", "clean"


def key(number: int) -> dict[str, Any]:
    return {"n": number}


def built(root: Path, *numbers: int) -> Packs:
    packs = Packs(Store(root))
    for number in numbers:
        packs.build(KIND, key(number), PACK, lambda folder, n=number: make(folder, n), ("a", "b"))  # type: ignore[misc]
    return packs


def make(folder: Path, number: int) -> None:
    (folder / "a").write_bytes(bytes([number]) * 50)
    (folder / "b").write_text(f"artifact {number}")


def never(_: Path) -> None:
    raise AssertionError("built again")


def pack(packs: Packs, *numbers: int) -> Path:
    packs.pack(PACK, [(KIND, key(number)) for number in numbers])
    return packs.folder / f"{PACK}.zip"


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_what_is_packed_is_one_file_and_found(tmp_path: Path) -> None:
    packs = built(tmp_path, *range(20))
    before = [packs.read(KIND, key(number), PACK) for number in range(20)]
    assert len(files(tmp_path)) == 20 * 4, "a, b, the manifest and the lock of each"
    pack(packs, *range(20))
    assert files(tmp_path) == [f"packs/{PACK}.zip", "packs/.lock"][::-1]
    for found in (packs, Packs(Store(tmp_path))):
        assert [found.read(KIND, key(number), PACK, ("a", "b")) for number in range(20)] == before
        assert found.there(KIND, key(3), PACK) and not found.there(KIND, key(20), PACK)
        assert found.build(KIND, key(3), PACK, never) == before[3]
    assert set(before[3] or ()) == {"a", "b", MANIFEST}


def test_the_same_artifacts_are_the_same_bytes(tmp_path: Path) -> None:
    first = pack(built(tmp_path / "1", 1, 2, 3), 1, 2, 3).read_bytes()
    packs = built(tmp_path / "2", 3)
    pack(packs, 3)
    built(tmp_path / "2", 2, 1)
    assert pack(packs, 1, 2).read_bytes() == first, "in whatever order they came"
    state = pack(packs, 1, 2, 3).stat().st_mtime_ns
    assert pack(packs, 1, 2, 3).stat().st_mtime_ns == state, "nothing new: nothing is written"


def test_a_packer_that_was_killed_before_it_removed_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = built(tmp_path, 1, 2)
    with monkeypatch.context() as killed:
        killed.setattr(Packs, "_remove", lambda *_: None)
        pack(packs, 1, 2)
    assert packs.build(KIND, key(1), PACK, never)["a"] == bytes([1]) * 50
    pack(packs, 1, 2)
    assert len(files(tmp_path)) == 2


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_pack_gives_the_right_files_or_none(tmp_path: Path, data: st.DataObject) -> None:
    root = tmp_path / str(len(list(tmp_path.iterdir())))
    path = pack(built(root, 1, 2), 1, 2)
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(whole) - 1))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :])
    else:
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    packs = Packs(Store(root))
    for number in (1, 2):
        found = packs.read(KIND, key(number), PACK, ("a", "b"))
        assert found is None or (found["a"], found["b"]) == (bytes([number]) * 50, b"artifact %d" % number)
    pack(built(root, 1, 2), 1, 2)
    for number in (1, 2):
        assert Packs(Store(root)).build(KIND, key(number), PACK, never)["b"] == b"artifact %d" % number


def test_a_damaged_artifact_is_said_and_the_others_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = pack(built(tmp_path, 1, 2), 1, 2)
    path.write_bytes(path.read_bytes().replace(b"artifact 1", b"artifact 7"))
    packs = Packs(Store(tmp_path))
    assert packs.build(KIND, key(2), PACK, never)["b"] == b"artifact 2"
    assert packs.read(KIND, key(1), PACK) is None
    assert "b is missing): building it again" in caplog.text and str(path) in caplog.text


def test_what_is_no_pack_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pack(built(tmp_path, 1), 1).write_bytes(b"no pack")
    assert Packs(Store(tmp_path)).read(KIND, key(1), PACK) is None
    assert "its artifacts are built again" in caplog.text
    assert [path.read_bytes() for path in (tmp_path / "damaged").rglob("*.zip")] == [b"no pack"]


def test_an_artifact_is_found_while_another_process_packs(tmp_path: Path) -> None:
    """From the folder or from the pack, whichever it is in: never absent, never a part of it, never set aside."""
    wrong: list[Any] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for number in range(8):
                found = Packs(Store(tmp_path)).read(KIND, key(number), PACK, ("a", "b"))
                if found is None or set(found) != {"a", "b", MANIFEST}:
                    wrong.append((number, found))

    built(tmp_path, *range(8))
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(8):
        pack(Packs(Store(tmp_path)), number)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == [] and not (tmp_path / "damaged").exists()
    with zipfile.ZipFile(tmp_path / "packs" / f"{PACK}.zip") as archive:
        assert len(archive.namelist()) == 8 * 3


def test_two_packers_lose_nothing(tmp_path: Path) -> None:
    built(tmp_path, *range(8))
    packers = [threading.Thread(target=pack, args=(Packs(Store(tmp_path)), *range(8))) for _ in range(3)]
    for packer in packers:
        packer.start()
    for packer in packers:
        packer.join()
    assert built(tmp_path).read(KIND, key(7), PACK)
    assert all(Packs(Store(tmp_path)).build(KIND, key(number), PACK, never) for number in range(8))
    left = [name for name in files(tmp_path) if not name.endswith(".lock")]  # a packer may look for what is gone
    assert left == [f"packs/{PACK}.zip"]


def test_a_disk_that_fails_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a network disk after a file was replaced: an error, and no damage."""
    path = pack(built(tmp_path, 1, 2), 1, 2)
    packs = built(tmp_path, 3)
    stale = OSError(errno.ESTALE, "Stale file handle")

    def fails(*_: Any, **__: Any) -> None:
        raise stale

    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "read", fails)
        with pytest.raises(OSError, match="Stale"):
            pack(packs, 3)
    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "__init__", fails)
        with pytest.raises(OSError, match="Stale"):
            Packs(Store(tmp_path)).there(KIND, key(1), PACK)
    assert not (tmp_path / "damaged").exists() and path.exists()
    pack(packs, 3)
    assert all(Packs(Store(tmp_path)).build(KIND, key(number), PACK, never) for number in (1, 2, 3))


@pytest.mark.parametrize("file", ["b", MANIFEST])
def test_an_artifact_that_was_checked_and_then_damaged(tmp_path: Path, file: str) -> None:
    packs = built(tmp_path, 1)
    (packs.store.path(KIND, key(1)) / file).unlink()
    assert packs.read(KIND, key(1), PACK, ("a", "b")) is None
    again = packs.build(KIND, key(1), PACK, lambda folder: make(folder, 1), ("a", "b"))
    assert again["b"] == b"artifact 1"


def test_a_pack_that_another_process_has_mended_is_not_set_aside(tmp_path: Path) -> None:
    path = pack(built(tmp_path, 1), 1)
    whole = path.read_bytes()
    path.write_bytes(b"no pack")
    packs, real = Packs(Store(tmp_path)), Packs._anew

    def mended(self: Packs, name: str) -> Any:
        path.write_bytes(whole)
        return real(self, name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Packs, "_anew", mended)
        assert packs.build(KIND, key(1), PACK, never)["b"] == b"artifact 1"
    assert not (tmp_path / "damaged").exists()


def test_a_store_that_cannot_be_written_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = built(tmp_path, 1)
    assert packs.loose([KIND]) and not packs.loose(["predictions"])
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert not packs.loose([KIND])


def test_a_pack_that_is_replaced_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the new one is found, too."""
    pack(built(tmp_path, 1), 1)
    built(tmp_path, 2)
    real = zipfile.ZipFile.__init__
    packs, pending = Packs(Store(tmp_path)), [True]

    def replaced(self: Any, *some: Any, **named: Any) -> None:
        real(self, *some, **named)
        if pending:
            pending.clear()
            pack(Packs(Store(tmp_path)), 2)

    monkeypatch.setattr(zipfile.ZipFile, "__init__", replaced)
    assert packs.build(KIND, key(1), PACK, never)
    assert packs.build(KIND, key(2), PACK, never)["b"] == b"artifact 2"
