"""Writing files atomically, with the permissions of the folder that they are in.

A file gets the mode of the umask plus that of its folder, so that files in a group's folder belong to the group. Some
libraries write files that only their owner can read (safetensors, tempfile): `follow` corrects this.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

_TEMPORARY = re.compile(r"\..+\.\d+\.\d{6,}")  # .name.process.thread
_ABANDONED = 600  # seconds


def follow(path: Path) -> None:
    """Add the mode bits of the parent folder to a new file, or to a new directory and everything in it."""
    _follow(path, _bits(path.parent))


def _follow(path: Path, bits: int) -> None:
    if path.is_symlink():
        return
    own = stat.S_IMODE(path.stat().st_mode)
    directory = path.is_dir()
    wanted = own | (bits if directory else bits & 0o666)
    if wanted != own:
        with contextlib.suppress(PermissionError):  # another user's file, or a disk without modes
            path.chmod(wanted)
    if directory:
        for inner in path.iterdir():
            _follow(inner, wanted & 0o2775)


def _bits(folder: Path) -> int:
    """The mode bits to inherit: never write permission for everybody, and nothing from shared folders such as /tmp."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    return 0 if mode & stat.S_ISVTX else mode & 0o2775


def make_folder(path: Path) -> Path:
    """Create the folder `path` and its missing parents; returns it."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        follow(folder)
    return missing[0] if missing else path


def hidden(beside: Path) -> Path:
    """A path that nothing has, whose name starts with a dot and the name of `beside`."""
    return beside.with_name(f".{beside.name}.{os.getpid()}.{secrets.token_hex(4)}")


def new_folder(beside: Path) -> Path:
    """A new empty directory with a `hidden` name."""
    path = hidden(beside)
    path.mkdir()
    follow(path)
    return path


def file_lock(path: Path) -> FileLock:
    """A lock between processes, for every user who can write to the folder of `path`."""
    make_folder(path.parent)
    return FileLock(str(path), mode=0o600 | _bits(path.parent) & 0o666)


def write_atomic(path: Path, text: str) -> None:
    """`write_bytes` of UTF-8 text."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: `path` has either the new or the old content, even after a power failure.

    An OSError names the file.
    """
    with replacing(path) as stream:
        stream.write(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file that replaces `path` when it is complete: `write_bytes` of what is written in parts."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        follow(temporary)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # write() does not know the file name
            error.filename = str(path)
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove old temporary files of `write_bytes` that killed processes left in a folder."""
    for path in folder.glob(".*"):
        if _TEMPORARY.fullmatch(path.name):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _ABANDONED:
                    path.unlink()
