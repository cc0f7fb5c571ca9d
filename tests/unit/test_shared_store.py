"""A store that several users share: modes follow the umask and the folder, and a store that nobody may write serves."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from filelock import FileLock
from safetensors.torch import save_file

from tests import damage as damages
from xtreme_noise.commands import checks
from xtreme_noise.commands.download import _copy
from xtreme_noise.config import compose
from xtreme_noise.errors import ConfigError, UserError
from xtreme_noise.stages.checkpoint import LAST, SafeCheckpointIO
from xtreme_noise.store import Store, write_atomic
from xtreme_noise.writing import file_lock, make_folder

as_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can be two users")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def make(directory: Path) -> None:
    """An artifact as libraries write it: safetensors and tempfile give theirs to their owner alone."""
    save_file({"w": torch.zeros(3)}, directory / "model.safetensors")
    (directory / "heads").mkdir()
    save_file({"w": torch.zeros(3)}, directory / "heads" / "one.safetensors")
    inner = Path(tempfile.mkdtemp(dir=directory))
    (inner / "text").write_text("x")


# umask, mode of the folder that the store is made in: modes of folders and of files in it.
MODES = [
    (0o022, 0o755, 0o755, 0o644),
    (0o002, 0o775, 0o775, 0o664),
    (0o077, 0o700, 0o700, 0o600),
    (0o027, 0o750, 0o750, 0o640),
    (0o022, 0o2775, 0o2775, 0o664),  # a group's folder, and a user who does not think of it
    (0o077, 0o2770, 0o2770, 0o660),
    (0o002, 0o755, 0o775, 0o664),
    (0o022, 0o1777, 0o755, 0o644),  # /tmp makes nothing writable for the world
    (0o022, 0o777, 0o775, 0o664),
]


@pytest.mark.parametrize(("mask", "folder", "folders", "files"), MODES)
def test_modes(tmp_path: Path, mask: int, folder: int, folders: int, files: int) -> None:
    place = tmp_path / "place"
    place.mkdir()
    place.chmod(folder)
    with umask(mask):
        store = Store(place / "deep" / "store")
        path = store.build("stages", {"n": 1}, make)
        damages.KINDS["a file cut off"](path)
        assert Store(store.root).find("stages", {"n": 1}) is None
        store.build("stages", {"n": 1}, make)
        unfinished = store.unfinished("stages", {"n": 2})
        SafeCheckpointIO().save_checkpoint({"w": torch.zeros(3)}, unfinished / LAST)
        write_atomic(place / "study" / "tables" / "cells.csv", "x")
        make_folder(place / "study" / "jobs" / "one")
        (tmp_path / "source").write_text("x")
        _copy(tmp_path / "source", place / "deep", Path("fetched/models/one/file"))
        with file_lock(place / "study" / ".lock"):
            pass
    found = sorted(place.rglob("*"))
    assert {"model.safetensors", "one.safetensors", LAST, "cells.csv", "file"} <= {path.name for path in found}
    for path in found:
        if path.suffix != ".lock" and path.name != ".lock":
            assert mode(path) == (folders if path.is_dir() else files), path
    for path in store.root.rglob("*.lock"):  # whoever may write beside it can take it
        assert mode(path) & 0o060 == files & 0o060


def test_a_file_that_is_written_again(tmp_path: Path) -> None:
    with umask(0o022):
        write_atomic(tmp_path / "a" / "x", "1")
        (tmp_path / "a").chmod(0o2775)
        write_atomic(tmp_path / "a" / "x", "2")
    assert mode(tmp_path / "a" / "x") == 0o664


# --- two users


def build(folder: Path) -> str:
    """The artifact of a folder, wanted by whoever this is: whose it is then, or what is said."""

    def make(directory: Path) -> None:
        (directory / "inner").mkdir()
        for path in (directory / "weights", directory / "inner" / "weights"):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            path.write_text("whole")

    try:
        path = Store(folder).build("stages", {"n": 1}, make)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    assert all(part.read_text() == "whole" for part in path.rglob("weights"))
    return str(path.stat().st_uid)


def by(user: int, folder: Path) -> str:
    """`build` in a process of a user of the group 12000, who does not think of it."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.setgroups([])
        os.setgid(12000)
        os.setuid(user)
        os.umask(0o022)
        os.write(writing, build(folder).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as said:
        found = said.read()
    os.waitpid(child, 0)
    return found


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that every user can reach."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@as_root
def test_a_second_user_reads_and_repairs(shared: Path) -> None:
    folder = shared / "store"
    folder.mkdir()
    os.chown(folder, 12001, 12000)
    folder.chmod(0o2775)
    assert by(12001, folder) == "12001"
    assert by(12002, folder) == "12001", "read"
    (path,) = folder.glob("stages/*/")
    (path / "weights").write_text("other")
    assert by(12002, folder) == "12002", "built again"
    (aside,) = folder.glob("damaged/*/*/weights")
    assert aside.read_text() == "other"
    assert by(12001, folder) == "12002", "the first user reads what the second built"
    (path / "weights").unlink()
    assert by(12001, folder) == "12001", "and repairs it"


@as_root
def test_what_a_second_user_may_not(shared: Path) -> None:
    """A store that others may read only; a file of before that only its owner can read."""
    folder = shared / "store"
    folder.mkdir()
    os.chown(folder, 12001, 12000)
    folder.chmod(0o755)
    by(12001, folder)
    assert by(12002, folder) == "12001"
    (path,) = folder.glob("stages/*/")
    (path / "weights").chmod(0o600)
    assert f"{path / 'weights'} cannot be read (Permission denied): ask its owner" in by(12002, folder)
    (path / "weights").chmod(0o644)
    (path / "weights").write_text("other")
    said = by(12002, folder)
    assert f"UserError: store={folder} cannot be written (Permission denied" in said
    assert f"stages/{path.name} is damaged" in said
    shutil.rmtree(path)
    said = by(12002, folder)
    assert f"UserError: store={folder} cannot be written (Permission denied" in said and "is missing" in said
    assert by(12001, folder) == "12001"


# --- a store that cannot be written


def refuse(patch: pytest.MonkeyPatch, number: int) -> None:
    """As a disk that is mounted read-only, for root as well."""

    def never(self: Path | FileLock, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(getattr(self, "lock_file", self)))

    for kind, name in ((FileLock, "acquire"), (Path, "mkdir"), (Path, "rename"), (Path, "replace"), (Path, "unlink")):
        patch.setattr(kind, name, never)


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_what_is_there_is_used_and_what_is_not_is_said(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Store(tmp_path).build("stages", {"n": 1}, make)
    lost: list[tuple[dict[str, int], str]] = [({"n": 2}, "is missing"), ({"n": 1}, "is damaged")]
    with monkeypatch.context() as patch:
        refuse(patch, number)
        store = Store(tmp_path)
        assert store.build("stages", {"n": 1}, make) == path
        assert store.peek("stages", {"n": 1}, "model.safetensors")
    for key, state in lost:
        if state == "is damaged":
            damages.KINDS["a file cut off"](path)
        with monkeypatch.context() as patch, pytest.raises(UserError) as caught:
            refuse(patch, number)
            Store(tmp_path).build("stages", key, make)
        said = str(caught.value)
        assert f"store={tmp_path} cannot be written ({os.strerror(number)}: " in said and "\n" not in said
        assert f"stages/{Store(tmp_path).path('stages', key).name} {state}" in said and "store= (or" in said


def test_a_command_with_a_store_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that holds something is used; one that holds nothing is a mistake, answered before anything is read."""

    def readonly(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(tmp_path))

    monkeypatch.setattr(tempfile, "TemporaryFile", readonly)
    [job] = compose.jobs(["source=embedded", "task=intents", f"store={tmp_path / 'store'}"])
    study = Mock(jobs=[job])
    with pytest.raises(ConfigError, match="finished work cannot be written"):
        checks.places(study)
    Store(tmp_path / "store").build("cells", {"n": 1}, make)
    checks.places(study)
    assert capsys.readouterr().err == (
        f"xtreme-noise: store={tmp_path / 'store'} is read-only: finished work in it is used, and nothing is added\n"
    )
