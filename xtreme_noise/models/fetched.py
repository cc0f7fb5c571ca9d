"""The marker file of mode=fetch: a local directory is a hub repository at a commit, byte for byte.

Such a directory has the identity of the repository, so that stages and cells are the same whether the model comes from
the hub or from the directory. Any other local directory is identified by its content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from xtreme_noise.errors import ModelUnavailable
from xtreme_noise.store import write_atomic

MARKER = "fetched.json"


@dataclass(frozen=True)
class Origin:
    """The repository (a hub id), its commit, and the sha256 of every file."""

    path: str
    commit: str
    files: Mapping[str, str]


def origin(directory: Path) -> Origin | None:
    """Where a directory was fetched from; None when it was not. Raises ModelUnavailable for an unreadable marker."""
    marker = directory / MARKER
    if not marker.is_file():
        return None
    try:
        content = json.loads(marker.read_text(encoding="utf-8"))
        return Origin(content["path"], content["commit"], dict(content["files"]))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelUnavailable(
            f"{marker} is not what mode=fetch wrote ({error!r}): fetch again, or delete it to use the directory as is"
        ) from error


def write(directory: Path, source: Origin) -> None:
    """Mark a complete directory, atomically."""
    content = {"path": source.path, "commit": source.commit, "files": dict(sorted(source.files.items()))}
    write_atomic(directory / MARKER, json.dumps(content, indent=1) + "\n")


def check(directory: Path, source: Origin, files: Mapping[str, str], revision: str | None) -> None:
    """Raise ModelUnavailable when the directory (`files`: name -> sha256) is not the repository at that revision."""
    wrong = sorted(name for name in files.keys() | source.files.keys() if files.get(name) != source.files.get(name))
    remedy = f"fetch it again, or delete {directory / MARKER} to use the directory as it is"
    if wrong:
        raise ModelUnavailable(
            f"{directory} is no longer {source.path} as fetched: {', '.join(wrong)} differ: {remedy}"
        )
    if revision is not None and len(revision) == 40 and revision != source.commit:
        raise ModelUnavailable(
            f"{directory} is {source.path} at {source.commit}, but model.revision={revision}: set"
            " model.revision=null to use the directory, or " + remedy
        )
