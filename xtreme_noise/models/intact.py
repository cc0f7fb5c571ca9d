"""Finds the damaged file of a checkpoint, because errors of the libraries do not name it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from xtreme_noise.errors import ModelUnavailable

INDEX = "model.safetensors.index.json"
# The JSON files of a checkpoint -> a key that each must have.
NEEDED = {
    "config.json": None,
    "tokenizer.json": "model",
    INDEX: "weight_map",
    "tokenizer_config.json": None,
    "special_tokens_map.json": None,
    "added_tokens.json": None,
    "vocab.json": None,
}


def check(directory: Path) -> None:
    """Raise ModelUnavailable, naming the file, when one is empty, truncated, or not what its name says."""
    for name in NEEDED:
        if (directory / name).is_file():
            _read(directory / name, _json)
    for file in sorted(directory.glob("*.safetensors")):
        _read(file, _weights)
    if (directory / INDEX).is_file():
        parts = json.loads((directory / INDEX).read_text(encoding="utf-8"))["weight_map"].values()
        if lost := sorted(part for part in set(parts) if not (directory / part).is_file()):
            raise ModelUnavailable(f"{directory / lost[0]} is missing, a part of the weights: copy or fetch it again")


def _read(file: Path, reader: Callable[[Path, int, int], str | None]) -> None:
    stat = file.stat()
    if problem := reader(file, stat.st_size, stat.st_mtime_ns):
        with file.open("rb") as stream:
            if stream.read(40).startswith(b"version https://git-lfs"):
                problem = "it is a Git LFS pointer, not the file itself: git lfs pull"
        raise ModelUnavailable(f"{file} cannot be read: {problem}. Copy or fetch it again")


@cache
def _json(file: Path, size: int, time: int) -> str | None:
    """What is wrong with a file; cached until its size or modification time changes."""
    del time
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        return str(error) if size else "it is empty"
    wanted = NEEDED[file.name]
    if not isinstance(content, dict) or (wanted is not None and not content.get(wanted)):
        return "it is not a JSON object" + (f" with {wanted!r}" if wanted else "")
    return None


@cache
def _weights(file: Path, size: int, time: int) -> str | None:
    del time
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            return None
    except (SafetensorError, OSError) as error:
        return str(error) if size else "it is empty"
