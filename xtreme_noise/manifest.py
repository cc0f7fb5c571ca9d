"""The manifest of a stored artifact: its key and the sha256 of each file; and the check for damage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from xtreme_noise.errors import UserError
from xtreme_noise.writing import write_atomic

MANIFEST = "manifest.json"
CHECKSUM = "sha256"  # of the manifest's other entries


def canonical(value: Any) -> str:
    """JSON text that is the same for the same content, whatever the order of keys."""

    def plain(item: Any) -> Any:
        if is_dataclass(item) and not isinstance(item, type):
            return asdict(item)
        if isinstance(item, Path):
            return str(item)
        raise TypeError(f"a key cannot contain a {type(item).__name__}")

    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=plain)


def digest(value: Any) -> str:
    """16 hex digits of the sha256 of `value`'s canonical JSON."""
    return _sha256(value)[:16]


def _sha256(value: Any) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, in hex."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):  # hashlib.file_digest needs Python 3.11
            state.update(block)
    return state.hexdigest()


def write_manifest(folder: Path, kind: str, key: Mapping[str, Any]) -> None:
    """Write the manifest of a complete directory. Raises TypeError for a key that JSON would change."""
    plain = json.loads(canonical(key))
    if digest(plain) != digest(key):
        raise TypeError(f"a key of {kind} has names that are not text")
    files = {str(f.relative_to(folder)): file_digest(f) for f in sorted(folder.rglob("*")) if f.is_file()}
    manifest: dict[str, Any] = {"kind": kind, "key": plain, "files": files}
    manifest[CHECKSUM] = _sha256(manifest)
    write_atomic(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True))


def manifest_key(path: Path) -> dict[str, Any]:
    """The key of an artifact."""
    key: dict[str, Any] = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["key"]
    return key


def damage(path: Path, holds: Sequence[str] = (), only: Sequence[str] | None = None) -> str | None:
    """What is wrong with a finished artifact, `<kind>/<digest of its key>`, or None.

    holds: files that it must have. only: files to check; None: all. Raises UserError for files that this user may not
    read.
    """
    try:
        if not path.is_dir():
            return "it is not a directory"
        manifest = json.loads((path / MANIFEST).read_bytes().decode("utf-8"))
        if (problem := _shape(manifest, path.parent.name, path.name, holds)) is not None:
            return problem
        return _files({name: sha for name, sha in manifest["files"].items() if only is None or name in only}, path)
    except PermissionError as error:
        raise not_readable(error, path.parent) from error
    except (OSError, ValueError, RecursionError) as error:
        return f"no readable {MANIFEST}: {error}"


def not_readable(error: PermissionError, folder: Path) -> UserError:
    """The error of a user who may not read a file in this folder of the store."""
    return UserError(
        f"{error.filename} cannot be read ({error.strerror}): ask its owner for `chmod -R g+rX {folder}`, or choose "
        "another folder with store= (or XTREME_NOISE_STORE)"
    )


def damaged_files(files: Mapping[str, bytes], kind: str, name: str, holds: Sequence[str] = ()) -> str | None:
    """`damage` of an artifact that is not a folder: its files, with the manifest. name: the digest of its key."""
    try:
        manifest = json.loads(files[MANIFEST].decode("utf-8"))
    except (KeyError, ValueError, RecursionError) as error:
        return f"no readable {MANIFEST}: {error}"
    if (problem := _shape(manifest, kind, name, holds)) is not None:
        return problem
    for one, expected in manifest["files"].items():
        if one not in files:
            return f"{one} is missing"
        if hashlib.sha256(files[one]).hexdigest() != expected:
            return f"the checksum of {one} does not match its content"
    return None


def _shape(manifest: Any, kind: str, digest_of_key: str, holds: Sequence[str]) -> str | None:
    if not isinstance(manifest, dict):
        return f"{MANIFEST} is not a JSON object"
    files = manifest.get("files")
    if not isinstance(files, dict) or not files:
        return f"{MANIFEST} lists no files"
    for name, sha256 in files.items():
        outside = PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts
        if not isinstance(sha256, str) or outside or not name.isprintable():
            return f"{MANIFEST} has {name!r}: {sha256!r} among its files"
    if lacking := [name for name in holds if name not in files]:
        return f"{MANIFEST} does not list {lacking[0]}"
    if (manifest.get("kind"), digest(manifest.get("key"))) != (kind, digest_of_key):
        return f"{MANIFEST} belongs to another artifact"
    rest = {name: value for name, value in manifest.items() if name != CHECKSUM}
    if manifest.get(CHECKSUM) != _sha256(rest):
        return f"{MANIFEST} was changed"
    return None


def _files(files: Mapping[str, str], path: Path) -> str | None:
    for name, expected in files.items():
        if not (path / name).is_file():
            return f"{name} is missing"
        try:
            actual = file_digest(path / name)
        except PermissionError:
            raise
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if actual != expected:
            return f"the checksum of {name} does not match its content"
    return None
