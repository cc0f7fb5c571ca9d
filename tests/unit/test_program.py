"""A command that tests run as a fork (tests/program.py) is what it is as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import program


def test_a_fork_says_and_returns_what_a_new_process_does(workdir: Path, repository: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(repository), "COLUMNS": "100"}
    for words, code in ((["--version"], 0), (["mode=plan", "task=xnly", "sweep=größe"], 2)):
        alone = [sys.executable, "-m", "xtreme_noise", *words]
        new = subprocess.run(alone, cwd=workdir, env=environment, capture_output=True, text=True)
        fork = program.run(*words, cwd=workdir, environment=environment)
        assert (fork.returncode, fork.stdout, fork.stderr) == (code, new.stdout, new.stderr)
        assert new.returncode == code


def test_a_fork_has_a_folder_and_modules_of_its_own(tmp_path: Path) -> None:
    """Python's hook in a folder of PYTHONPATH, as at any start; nothing of xtreme_noise is there before."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "print(os.getcwd(), os.environ['TESTS_OWN'], sys.argv[1:], sys.stdin.read() == '')\n"
        "print([name for name in sys.modules if name.startswith('xtreme_noise')], 'torch' in sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "TESTS_OWN": "ours"}
    done = program.run("--version", cwd=tmp_path, environment=environment)
    assert done.stdout.splitlines()[:2] == [f"{tmp_path} ours ['--version'] True", "[] True"]
    assert Path.cwd() != tmp_path and "TESTS_OWN" not in os.environ


def test_a_fork_is_killed_alone(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(300)\n")
    running = program.start("--version", environment=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert running.poll() is None and running.pid != os.getpid()
    running.send_signal(signal.SIGKILL)
    assert running.wait(60) == running.poll() == -signal.SIGKILL
    assert program.run("--version").returncode == 0


def test_what_is_read_at_the_start_is_no_other_in_a_fork() -> None:
    for name, value in (("PYTHONHASHSEED", "7"), ("HF_HUB_OFFLINE", "0"), ("LC_ALL", "C")):
        with pytest.raises(AssertionError, match=f"{name}: read while"):
            program.start("--version", environment=os.environ | {name: value})
