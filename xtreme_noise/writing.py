"""Files and folders as this package writes them: whole, or not there, and as open to others as the folder they are in.

Modes are those of the umask and, with them, those of the folder: what is written into a group's folder is the group's.
Some libraries give their files to their owner alone (safetensors, tempfile): `follow` puts that right.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import threading
import time
from pathlib import Path

from filelock import FileLock

_TEMPORARY = re.compile(r"\..+\.\d+\.\d{6,}")  # .name.process.thread
_ABANDONED = 600  # seconds


def follow(path: Path) -> None:
    """Give a new file, or a new directory with all in it, those bits of the folder around it that it lacks."""
    _follow(path, _bits(path.parent))


def _follow(path: Path, bits: int) -> None:
    if path.is_symlink():
        return
    own = stat.S_IMODE(path.stat().st_mode)
    directory = path.is_dir()
    wanted = own | (bits if directory else bits & 0o666)
    if wanted != own:
        with contextlib.suppress(PermissionError):  # of another user, or a disk without modes
            path.chmod(wanted)
    if directory:
        for inner in path.iterdir():
            _follow(inner, wanted & 0o2775)


def _bits(folder: Path) -> int:
    """What is passed on: never the world's right to write, and nothing of a folder for everybody, such as /tmp."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    return 0 if mode & stat.S_ISVTX else mode & 0o2775


def make_folder(path: Path) -> Path:
    """`path`, made with those of its parents that are missing."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        follow(folder)
    return missing[0] if missing else path


def new_folder(beside: Path) -> Path:
    """A new empty directory whose name begins with a dot and the name of `beside`."""
    path = beside.with_name(f".{beside.name}.{os.getpid()}.{secrets.token_hex(4)}")
    path.mkdir()
    follow(path)
    return path


def file_lock(path: Path) -> FileLock:
    """A lock between processes, which whoever may write into the folder of `path` can take."""
    make_folder(path.parent)
    return FileLock(str(path), mode=0o600 | _bits(path.parent) & 0o666)


def write_atomic(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write so that `path` holds all of `content` or what it held before, also when power fails.

    An OSError names the file.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        follow(temporary)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # a write does not know where to
            error.filename = str(path)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove what killed `write_bytes` left in a folder: temporaries that nobody has written to for a while."""
    for path in folder.glob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
