"""A cluster sends its signals to every process of a job: ranks leave them to their parent."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests import program
from xtreme_noise.errors import UserError
from xtreme_noise.stages import distributed


def warned(folder: Path) -> None:
    """The work of a rank that gets all of the signals."""
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), number)
    (folder / os.environ["LOCAL_RANK"]).touch()


def one_fails(folder: Path) -> None:
    """The work of ranks of which one fails while the other waits for it."""
    if os.environ["LOCAL_RANK"] == "1":
        while not (folder / "waits").exists():
            time.sleep(0.05)
        (folder / "failed").touch()
        raise UserError("no memory")
    (folder / "waits").touch()
    time.sleep(600)


def test_ranks_ignore_what_their_parent_handles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program.fork_ranks(monkeypatch)
    distributed.run(2, warned, {"folder": tmp_path})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_the_others_are_killed_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program.fork_ranks(monkeypatch)
    with pytest.raises(UserError, match="no memory"):
        distributed.run(2, one_fails, {"folder": tmp_path})
    assert time.time() - (tmp_path / "failed").stat().st_mtime < 25, "torch waits for 30 seconds before it kills them"
