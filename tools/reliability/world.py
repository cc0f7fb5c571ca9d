"""A small study to inject faults into: the command in forked processes, its data, and the files of a complete run."""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import pkgutil
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

import xtreme_noise
from tests.e2e import world

LIMIT = 300  # seconds: a command that runs longer counts as hanging
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
UNEXPECTED = 70  # exit code of a forked command that raised
# Two jobs, one of them with two stages, with a checkpoint after every step, so that every phase can be hit.
STUDY = [
    "-m", "task=xnli", "preset=two_cores", "intermediate=none,nli", "intermediate.arm=english",
    "intermediate.size.train=16", *world.QUICK[:2],
    "task.size.dev=8", "task.size.test=12", "task.recipe.epochs=3", "intermediate.recipe.epochs=2",
    "task.recipe.batch_size=4", "intermediate.recipe.batch_size=4",  # checkpoints are written between steps of an epoch
    "languages=[en,de]", "noise.levels=[0,0.1]", "trainer.progress=false", "trainer.checkpoint_minutes=0",
]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How a command ended. code: negative for a signal, None if it hung; said: stdout and stderr."""

    code: int | None
    said: str
    seconds: float

    @property
    def traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.said

    def last(self) -> str:
        lines = [line for line in self.said.splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"


def warm() -> None:
    """Import the whole package once, so that forked commands start fast. No tensor is created: no threads."""
    for module in pkgutil.walk_packages(xtreme_noise.__path__, "xtreme_noise."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
    importlib.import_module("xtreme_noise.cli")


class Process:
    """A command in a forked process with its own session; its output goes to a file."""

    def __init__(self, arguments: Sequence[str], folder: Path, **as_whom: Any) -> None:
        self.log = folder / "said.txt"
        self.begin = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os._exit(_child(arguments, folder, self.log, **as_whom))

    def wait(self, seconds: float = LIMIT) -> Outcome | None:
        """The outcome, or None if it is still running after `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return self._outcome(os.waitstatus_to_exitcode(status))
            time.sleep(0.005)
        return None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the command and all its child processes."""
        os.killpg(self.pid, number)

    def end(self, seconds: float = LIMIT) -> Outcome:
        """The outcome; a command that hangs is killed."""
        outcome = self.wait(seconds)
        if outcome is None:
            self.kill()
            os.waitpid(self.pid, 0)
            return self._outcome(None)
        return outcome

    def _outcome(self, code: int | None) -> Outcome:
        said = self.log.read_text(encoding="utf-8", errors="replace") if self.log.is_file() else ""
        return Outcome(code, said, time.monotonic() - self.begin)


def _child(
    arguments: Sequence[str], folder: Path, log: Path, *, user: int | None = None, group: int | None = None,
    umask: int | None = None,
) -> int:  # fmt: skip
    os.setsid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # ends when the tool ends, for any reason
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if umask is not None:
        os.umask(umask)
    if group is not None:
        os.setgroups([group])
        os.setgid(group)
    if user is not None:
        os.setuid(user)
    os.chdir(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        code = importlib.import_module("xtreme_noise.cli").main(list(arguments))
    except BaseException:
        traceback.print_exc()
        code = UNEXPECTED
    sys.stdout.flush()
    sys.stderr.flush()
    return int(code)


def command(arguments: Sequence[str], folder: Path, seconds: float = LIMIT, **as_whom: Any) -> Outcome:
    """Run a command in `folder` to its end."""
    return Process(arguments, folder, **as_whom).end(seconds)


class Place:
    """A folder with its own store and sweep. All places share one data folder, since a gzip file written at another
    time has other bytes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root, self.store, self.sweep = folder.parent / "data", folder / "store", folder / "sweep"
        folder.mkdir(parents=True, exist_ok=True)
        if not self.root.is_dir():
            world.data(self.root)

    def arguments(self, *overrides: str) -> list[str]:
        where = [f"source.root={self.root}", f"store={self.store}", f"sweep={self.sweep}"]
        return [*STUDY, "source=files", *where, *overrides]

    def run(self, *overrides: str, **as_whom: Any) -> Outcome:
        return command(self.arguments(*overrides), self.folder, **as_whom)

    def start(self, *overrides: str) -> Process:
        return Process(self.arguments(*overrides), self.folder)

    def clear(self) -> None:
        for folder in (self.store, self.sweep):
            shutil.rmtree(folder, ignore_errors=True)

    def copy(self, folder: Path) -> Place:
        """A copy of this place with the same store and sweep."""
        shutil.copytree(self.folder, folder)
        return Place(folder)

    def results(self) -> dict[str, str]:
        """Everything that results depend on, by name: digests of weights, predictions and scores, and the scores."""
        contents = {}
        for path in sorted(self.store.glob("stages/*/*.safetensors")):
            contents[f"{path.parent.name}/{path.name}"] = _digest(path)
        for path in sorted(self.sweep.glob("predictions/*.parquet")):
            contents[path.name] = _digest(path)
        if (self.sweep / "cells.parquet").is_file():
            for row in pq.read_table(self.sweep / "cells.parquet").to_pylist():
                name = "|".join(str(row[key]) for key in ("intermediate", "language", "noise", "level"))
                contents[name] = f"{row['status']} {row['cell']} {row['score']!r}"
        return contents


def same(place: Place, outcome: Outcome, reference: dict[str, str]) -> bool:
    """Whether a study ended with exit code 0 and the bytes of `reference`; differences are printed."""
    results = place.results()
    if outcome.code == 0 and not outcome.traceback and results == reference:
        return True
    names = [name for name in sorted(results.keys() | reference) if results.get(name) != reference.get(name)]
    print(f"{place.folder.name}: exit {outcome.code}; different: {names}\n{outcome.said[-1500:]}")
    return False


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
