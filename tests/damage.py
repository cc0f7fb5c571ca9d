"""Ways in which an artifact of the store can be damaged: each changes the directory `<root>/<kind>/<digest>`.

For the tests of the store, and for whoever measures what a study survives. An artifact has at least one file that is
no manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtreme_noise.manifest import CHECKSUM, MANIFEST, canonical


def victim(artifact: Path) -> Path:
    """The largest file of it."""
    files = [path for path in artifact.rglob("*") if path.is_file() and path.name != MANIFEST]
    return max(files, key=lambda path: (path.stat().st_size, path.name))


def _bytes(change: Callable[[bytes], bytes], file: str | None = None) -> Callable[[Path], None]:
    def harm(artifact: Path) -> None:
        path = victim(artifact) if file is None else artifact / file
        path.write_bytes(change(path.read_bytes()))

    return harm


def sign(manifest: dict[str, Any]) -> None:
    """Give the manifest the checksum of its other entries."""
    rest = {name: value for name, value in manifest.items() if name != CHECKSUM}
    manifest[CHECKSUM] = hashlib.sha256(canonical(rest).encode(errors="surrogatepass")).hexdigest()


def _manifest(change: Callable[[dict[str, Any]], object], *, signed: bool = True) -> Callable[[Path], None]:
    """signed: its own checksum stays, and tells; otherwise it is made anew for what was changed."""

    def harm(artifact: Path) -> None:
        content = json.loads((artifact / MANIFEST).read_text())
        replaced = change(content)
        if replaced is None and not signed:
            sign(content)
        (artifact / MANIFEST).write_text(json.dumps(replaced if replaced is not None else content))

    return harm


def _instead(make: Callable[[Path], object], of: str | None = None) -> Callable[[Path], None]:
    """Something else where the artifact, or a file of it, was."""

    def harm(artifact: Path) -> None:
        path = artifact if of is None else victim(artifact) if of == "" else artifact / of
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path)

    return harm


def _flipped(content: bytes, place: float) -> bytes:
    at = int(place * (len(content) - 1))
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def _without_the_victim(artifact: Path) -> None:
    """Neither there nor in the manifest."""
    path = victim(artifact)
    _manifest(lambda content: content["files"].pop(str(path.relative_to(artifact))) and None)(artifact)
    path.unlink()


def _all_files(artifact: Path, to: Callable[[Path], object]) -> None:
    for path in artifact.rglob("*"):
        if path.is_file():
            to(path)


def swap(one: Path, other: Path) -> None:
    """Two artifacts in each other's place."""
    between = one.with_name(".between")
    one.rename(between)
    other.rename(one)
    between.rename(other)


def _of_another(artifact: Path) -> None:
    """Whole, and of another key: as after two folders were swapped."""
    from xtreme_noise.manifest import write_manifest

    content = json.loads((artifact / MANIFEST).read_text())
    (artifact / MANIFEST).unlink()
    write_manifest(artifact, content["kind"], {"other": content["key"]})


def _of_another_kind(artifact: Path) -> None:
    from xtreme_noise.manifest import write_manifest

    key = json.loads((artifact / MANIFEST).read_text())["key"]
    (artifact / MANIFEST).unlink()
    write_manifest(artifact, "other", key)


KINDS: dict[str, Callable[[Path], object]] = {
    "a file cut off": _bytes(lambda content: content[:-1]),
    "a file cut to half": _bytes(lambda content: content[: len(content) // 2]),
    "a file emptied": _bytes(lambda _: b""),
    "a file longer": _bytes(lambda content: content + b"\0"),
    "a file of zeros": _bytes(lambda content: bytes(len(content))),
    "the first bit": _bytes(lambda content: _flipped(content, 0.0)),
    "a bit in the middle": _bytes(lambda content: _flipped(content, 0.5)),
    "the last bit": _bytes(lambda content: _flipped(content, 1.0)),
    "a file removed": lambda artifact: victim(artifact).unlink(),
    "a file renamed": lambda artifact: victim(artifact).rename(artifact / "renamed"),
    "a directory for a file": _instead(Path.mkdir, of=""),
    "a link to nothing for a file": _instead(lambda path: path.symlink_to("nowhere"), of=""),
    "a link to itself for a file": _instead(lambda path: path.symlink_to(path.name), of=""),
    "a pipe for a file": _instead(os.mkfifo, of=""),
    "all files removed": lambda artifact: _all_files(artifact, Path.unlink),
    "all files emptied": lambda artifact: _all_files(artifact, lambda path: path.write_bytes(b"")),
    "no manifest": lambda artifact: (artifact / MANIFEST).unlink(),
    "an empty manifest": _bytes(lambda _: b"", MANIFEST),
    "a manifest cut off": _bytes(lambda content: content[:-5], MANIFEST),
    "a manifest of zeros": _bytes(lambda content: bytes(len(content)), MANIFEST),
    "a manifest that is no UTF-8": _bytes(lambda content: content + b"\xff", MANIFEST),
    "a manifest in UTF-16": _bytes(lambda content: content.decode().encode("utf-16"), MANIFEST),
    "a manifest too deep": _bytes(lambda _: b"[" * 100_000, MANIFEST),
    "a directory for the manifest": _instead(Path.mkdir, of=MANIFEST),
    "a link to itself for the manifest": _instead(lambda path: path.symlink_to(MANIFEST), of=MANIFEST),
    "manifest: a list": _manifest(lambda _: [1]),
    "manifest: a text": _manifest(lambda _: "files"),
    "manifest: a number": _manifest(lambda _: 7),
    "manifest: null": _bytes(lambda _: b"null", MANIFEST),
    "manifest: empty": _manifest(dict.clear, signed=False),
    "manifest: only files, none": _manifest(lambda _: {"files": {}}),
    "manifest: no files": _manifest(lambda content: content.update(files={}), signed=False),
    "manifest: files a list": _manifest(lambda content: content.update(files=list(content["files"])), signed=False),
    "manifest: files null": _manifest(lambda content: content.update(files=None), signed=False),
    "manifest: digests are numbers": _manifest(
        lambda content: content.update(files=dict.fromkeys(content["files"], 1)), signed=False
    ),
    "manifest: digests are null": _manifest(
        lambda content: content.update(files=dict.fromkeys(content["files"])), signed=False
    ),
    "manifest: digests are objects": _manifest(
        lambda content: content.update(files={name: {} for name in content["files"]}), signed=False
    ),
    "manifest: a file outside": _manifest(
        lambda content: content.update(files={"../" * 12 + "etc/hostname": "0" * 64}), signed=False
    ),
    "manifest: a name with a zero": _manifest(lambda content: content["files"].update({"a\0b": "0" * 64})),
    "manifest: a name too long": _manifest(
        lambda content: content["files"].update({"a" * 5000: "0" * 64}), signed=False
    ),
    "manifest: a name of half a character": _manifest(
        lambda content: content["files"].update({"\ud800": "0" * 64}), signed=False
    ),
    "manifest: no key": _manifest(lambda content: content.pop("key") and None, signed=False),
    "manifest: another key": _manifest(lambda content: content.update(key={"n": 2}), signed=False),
    "manifest: key a text": _manifest(lambda content: content.update(key="n"), signed=False),
    "manifest: another kind": _manifest(lambda content: content.update(kind="other"), signed=False),
    "manifest: another checksum": _manifest(lambda content: content.update(sha256="0" * 64)),
    "manifest: one entry more": _manifest(lambda content: content.update(more=1)),
    "manifest and file: one less": _without_the_victim,
    "whole, of another key": _of_another,
    "whole, of another kind": _of_another_kind,
    "an empty directory": _instead(Path.mkdir),
    "a file for the artifact": _instead(lambda path: path.write_bytes(b"x")),
    "an empty file for the artifact": _instead(Path.touch),
    "a link to nothing for the artifact": _instead(lambda path: path.symlink_to("nowhere")),
    "a link to a file for the artifact": _instead(lambda path: path.symlink_to(f"{path.name}.lock")),
    "a link to itself for the artifact": _instead(lambda path: path.symlink_to(path.name)),
}
