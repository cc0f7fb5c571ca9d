"""`python -m xtreme_noise ...` as a process of its own, which does not import the libraries again.

Once in a process of pytest, a server imports what takes seconds (torch, transformers, Lightning, datasets, Hydra), and
nothing of xtreme_noise; every command is a fork of it. In a whole run on several workers the server is itself a fork of
the worker, which has imported the same and no test yet. To a command it looks like a new process: pid, arguments,
working directory, environment, standard streams and signals are its own, and so is its state. Its processes (joblib's
workers, ranks of a training run) are as real as ever.

What Python or a library reads while it starts cannot be another for a fork: a test of this (an encoding, a hash seed,
where the hub is, what is imported, a terminal) starts a process itself.
"""

from __future__ import annotations

import atexit
import importlib
import io
import multiprocessing
import os
import runpy
import signal
import site
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # every fork imports this module
    import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
LIBRARIES = [
    "torch", "pytorch_lightning", "pytorch_lightning.strategies", "torchmetrics", "transformers",
    "transformers.models.auto.modeling_auto", "transformers.models.xlm_roberta.modeling_xlm_roberta",
    "transformers.models.xlm_roberta.tokenization_xlm_roberta", "datasets", "pyarrow.parquet", "scipy.stats", "pandas",
    "hydra", "hydra._internal.hydra", "hydra.core.utils", "omegaconf", "rich.console", "jinja2", "icu4py.breakers",
]  # fmt: skip
# Prefixes of the variables that are read by Python or by a library while it is imported.
READ_AT_START = (
    "CUDA_", "HF_", "HOME", "LANG", "LC_", "LD_", "MKL_", "OMP_", "PYTHONHASHSEED", "PYTHONIOENCODING", "PYTHONUTF8",
    "TOKENIZERS_", "TRANSFORMERS_", "TZ",
)  # fmt: skip


class Program:
    """A command that runs, with the names of subprocess.Popen: `kill` and `send_signal` reach it alone."""

    def __init__(self, words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self.args = list(words)
        self._folder = tempfile.TemporaryDirectory(prefix="program-")
        self._written = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        for path in self._written:
            path.touch()
        server, begun = _server()
        changed = {name for name in environment.keys() | begun if environment.get(name) != begun.get(name)}
        assert not (read := sorted(name for name in changed if name.startswith(READ_AT_START))), (
            f"{', '.join(read)}: read while Python or a library starts, so this command needs a process of its own"
        )
        self._process = server.Process(
            target=_run, args=(self.args, str(cwd), dict(environment), list(map(str, self._written)))
        )
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, minus the number of the signal that ended it, or None while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float = 300) -> int:
        """The exit code. Kills the command, and raises TimeoutExpired, after `timeout` seconds."""
        self._process.join(timeout)
        if (code := self.poll()) is None:
            self.kill()
            raise subprocess.TimeoutExpired(self.args, timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def written(self) -> tuple[str, str]:
        """What it has written to stdout and stderr."""
        out, err = (path.read_text(encoding="utf-8") for path in self._written)
        return out, err


def start(*words: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> Program:
    """Start a command, here and in this environment unless others are given."""
    return Program(words, cwd or Path.cwd(), os.environ if environment is None else environment)


def run(
    *words: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end (see `start`)."""
    program = start(*words, cwd=cwd, environment=environment)
    code = program.wait()
    return subprocess.CompletedProcess(program.args, code, *program.written())


def fork_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on the processes of a training run on several devices (stages/distributed.py) are forks of the server.

    As in new processes, what they get is pickled.
    """
    _server()
    spawning = importlib.import_module("torch.multiprocessing.spawn")  # a function has the same name
    real = spawning.start_processes

    def start_processes(*arguments: Any, **options: Any) -> Any:
        assert options["start_method"] == "spawn"
        return real(*arguments, **options | {"start_method": "forkserver"})

    monkeypatch.setattr(spawning, "start_processes", start_processes)


def preload() -> None:
    """In a worker of pytest, before it imports a test: import the libraries, and fork the server.

    The worker needs all of them sooner or later.
    """
    for name in LIBRARIES:
        importlib.import_module(name)
    real = multiprocessing.util.spawnv_passfds
    multiprocessing.util.spawnv_passfds = _forked  # type: ignore[assignment]
    try:
        _server()
    finally:
        multiprocessing.util.spawnv_passfds = real


def _forked(path: bytes, arguments: list[str], fds: Sequence[int]) -> int:  # noqa: ARG001
    """A fork of this process that runs the code for which multiprocessing would start Python."""
    pid = os.fork()
    if pid == 0:
        try:
            _leave_files(fds)
            exec(arguments[-1], {})
        finally:
            os._exit(0)
    return pid


def _leave_files(kept: Sequence[int]) -> None:
    """Make the files that are open here, but for `kept` and the standard streams, lead nowhere.

    Closed, their numbers would be those of new files, into which objects of pytest would write.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3, 1024):
        if number not in (*kept, nowhere):
            with suppress(OSError):  # not open
                os.fstat(number)
                os.dup2(nowhere, number, inheritable=False)


@cache
def _server() -> tuple[multiprocessing.context.ForkServerContext, dict[str, str]]:
    """The server, started in the folder and the environment that every test begins with, and this environment."""
    from tests import machine

    environment, folder = dict(os.environ), Path.cwd()
    try:
        machine.leave()
        os.chdir(REPOSITORY)
        begun = dict(os.environ)
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(LIBRARIES)
        forkserver.ensure_running()
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
    return context, begun


def _run(words: list[str], folder: str, environment: dict[str, str], written: list[str]) -> None:
    """In the fork: become `python -m xtreme_noise *words`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    _take_streams(written)
    sys.argv = ["xtreme_noise", *words]
    _take_path(folder, environment.get("PYTHONPATH", ""))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    try:
        runpy.run_module("xtreme_noise", run_name="__main__", alter_sys=True)
    finally:  # as Python ends: SystemExit goes on to multiprocessing, which knows what it means
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()


def _take_streams(written: list[str]) -> None:
    """stdout and stderr as Python opens them for a pipe, in these files; multiprocessing has closed stdin."""
    for number, path in zip((1, 2), written, strict=True):
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(file, number)
        os.close(file)
    out, err = (io.BufferedWriter(io.FileIO(number, "w", closefd=False)) for number in (1, 2))
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8")
    sys.stderr = io.TextIOWrapper(err, encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _take_path(folder: str, given: str) -> None:
    """sys.path as `python -m` makes it of PYTHONPATH, and what a sitecustomize there does."""
    places = [place for place in given.split(os.pathsep) if place]
    own = [str(REPOSITORY), *(place for place in sys.path if Path(place).is_relative_to(REPOSITORY / "tests"))]
    sys.path[:] = [folder, *places, *(place for place in sys.path if place not in own), str(REPOSITORY)]
    if any(Path(place, "sitecustomize.py").is_file() for place in places):
        sys.modules.pop("sitecustomize", None)
        site.execsitecustomize()
