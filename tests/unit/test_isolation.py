"""Tests are apart from the machine they run on (tests/machine.py, the fixture `apart`)."""

from __future__ import annotations

import locale
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests import machine

OWN = {
    "PATH",
    "HOME",
    "LC_ALL",
    "TZ",
    "COLUMNS",
    "LINES",
    "CUDA_VISIBLE_DEVICES",
    "HF_HUB_OFFLINE",
    "XTREME_NOISE_STORE",
}
OWN |= {"TOKENIZERS_PARALLELISM", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
HOSTILE = {
    **{f"XTREME_NOISE_{name}": "/nowhere" for name in ("STORE", "DATA", "WHATEVER")},
    **{f"HF_{name}": "/nowhere" for name in ("HOME", "HUB_CACHE", "DATASETS_CACHE", "ENDPOINT", "TOKEN")},
    **{f"XDG_{name}_HOME": "/nowhere" for name in ("CACHE", "CONFIG", "DATA", "STATE")},
    **{f"SLURM_{name}": "7" for name in ("JOB_ID", "NTASKS", "PROCID", "LOCALID", "NODEID", "CPUS_PER_TASK")},
    **dict.fromkeys(("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT", "OMP_NUM_THREADS", "LSB_JOBID"), "3"),
    "HF_HUB_OFFLINE": "0",
    "TRANSFORMERS_CACHE": "/nowhere",
    "HYDRA_FULL_ERROR": "1",
    "WANDB_MODE": "online",
    "WANDB_DIR": "/nowhere",
    "MLFLOW_TRACKING_URI": "http://localhost:1",
    "COMP_LINE": "xtreme-noise mode=",
    "COLUMNS": "17",
    "NO_COLOR": "1",
    "FORCE_COLOR": "1",
    "TERM": "dumb",
    "MPLBACKEND": "nonsense",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
    "PYTHONWARNINGS": "error",
    "LC_ALL": "C",
    "LANGUAGE": "de",
    "TZ": "Asia/Kathmandu",
    "HOME": "/nowhere",
    "http_proxy": "http://localhost:1",
}


def test_no_variable_of_the_machine_is_seen() -> None:
    others = {name for name in os.environ if not name.startswith(("PYTEST_", "TESTS_", "COV_", "COVERAGE_", "TMPDIR"))}
    assert others <= OWN
    assert os.environ["COLUMNS"] == "80" and os.environ["HF_HUB_OFFLINE"] == "1"


def test_no_folder_program_or_habit_of_the_machine_is_seen() -> None:
    assert Path.home() == machine.HOME and machine.HOME.is_relative_to(tempfile.gettempdir())
    assert not any(machine.HOME.glob(".netrc"))
    assert shutil.which("srun") is None and shutil.which("sh")
    assert locale.getpreferredencoding(False).upper().replace("-", "") == "UTF8"
    assert time.localtime(0).tm_hour == 0
    assert os.umask(0o022) == 0o022
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_one_test_leaves_behind() -> None:
    os.environ |= {"HYDRA_FULL_ERROR": "1", "XTREME_NOISE_STORE": "/nowhere"}
    os.umask(0o077)


def test_is_not_there_for_the_next(store_path: Path) -> None:
    assert "HYDRA_FULL_ERROR" not in os.environ
    assert os.environ["XTREME_NOISE_STORE"] == str(store_path)
    assert os.umask(0o022) == 0o022


@pytest.mark.skipif("TESTS_INSIDE" in os.environ, reason="this is the inner one")
def test_the_worst_of_machines(tmp_path: Path, repository: Path) -> None:
    """These tests, and some of a program that reads its environment, where every variable is against them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "srun").write_text("#!/bin/sh\nexit 1\n")
    (programs / "srun").chmod(0o755)
    environment = HOSTILE | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(repository),
        "TESTS_INSIDE": "1",
    }
    chosen = [
        "tests/unit/test_isolation.py",
        "tests/unit/test_noise_table.py::test_the_table_on_embedded_text",
        "tests/config/test_folders.py::test_a_plain_command_is_named_after_its_experiment_or_task",
        "tests/config/test_folders.py::test_a_given_folder_is_absolute_and_taken_literally",
    ]
    done = subprocess.run(
        [
            "sh",
            "-c",
            'umask 077; trap "" INT; exec "$@"',
            "sh",
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            *chosen,
        ],
        cwd=repository,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:]
