"""What tests may know of the machine they run on: nothing, but for where real data and other Pythons are.

The environment is made anew before any library reads it (tests/conftest.py imports this first) and before every test.
"""

from __future__ import annotations

import locale
import os
import shutil
import signal
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
# Where a user says so. Under names that the program does not read they reach the workers of pytest-xdist, too.
_ASKED = {"XTREME_NOISE_DATA": "TESTS_DATA", "XTREME_NOISE_PYTHONS": "TESTS_PYTHONS", "PYENV_ROOT": "TESTS_PYENV"}
# What finds programs, this package and libraries; temporary files; pytest's own.
_KEPT = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR", "TESTS_", "PYTEST_", "COV_", "COVERAGE_")
_HIDDEN = ("srun", "sbatch", "squeue", "scancel", "mpirun", "jsrun")  # launchers, which libraries look for


def _asked() -> None:
    for name, kept in _ASKED.items():
        if value := os.environ.get(name):
            os.environ.setdefault(kept, value)
    os.environ.setdefault("TESTS_PYENV", str(Path.home() / ".pyenv"))


def _in_memory() -> None:
    """pytest's temporary files, where nothing else is said: stores of thousands of small files keep a disk busy."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK) and not os.statvfs(memory).f_flag & os.ST_NOEXEC
    if usable and shutil.disk_usage(memory).free > 4 << 30 and "TMPDIR" not in os.environ:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


_asked()
_in_memory()
DATA = Path(os.environ.get("TESTS_DATA") or REPOSITORY.parent / "shared" / "data")
PYTHONS = [path for path in os.environ.get("TESTS_PYTHONS", "").split(os.pathsep) if path]
PYENV = Path(os.environ["TESTS_PYENV"]) / "versions"
_folder = tempfile.TemporaryDirectory(prefix="xtreme-noise-tests-")  # gone at the end of the process
HOME = Path(_folder.name) / "home"


def _path() -> str:
    """The folders of programs; in place of one that has a launcher, one with links to all else that it has."""
    folders = []
    for number, folder in enumerate(os.environ.get("PATH", os.defpath).split(os.pathsep)):
        if not any(Path(folder, name).exists() for name in _HIDDEN):
            folders.append(folder)
            continue
        mirror = Path(_folder.name, f"programs{number}")
        mirror.mkdir()
        for program in Path(folder).iterdir():
            if program.name not in _HIDDEN:
                (mirror / program.name).symlink_to(program)
        folders.append(str(mirror))
    return os.pathsep.join(folders)


def _made() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
    HOME.mkdir()
    made = {
        "PATH": _path(),
        "HOME": str(HOME),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "80",
        "LINES": "24",
        "CUDA_VISIBLE_DEVICES": "",
        "HF_HUB_OFFLINE": "1",  # a test that needs a hub starts its own server and says so
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",  # threads that wait for a busy core make tiny models a hundred times slower
        "MKL_NUM_THREADS": "1",
    }
    return kept | made


_ENVIRONMENT = _made()


def leave() -> None:
    """From here on nothing of this machine is seen: variables, home, launchers, locale, time zone, umask, and signals
    that a shell's background or nohup ignores."""
    own = {name: value for name, value in os.environ.items() if name.startswith("PYTEST_")}
    os.environ.clear()
    os.environ.update(_ENVIRONMENT | own)
    with suppress(locale.Error):  # systems that have no such locale are in UTF-8 anyway
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    time.tzset()
    os.umask(0o022)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)
