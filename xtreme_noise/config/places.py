"""Checks the paths of a configuration: `~` is expanded; empty paths and names that are too long are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import Config, IntermediateConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

LONGEST = 255  # bytes of a file name, on every common file system


def place(key: str, text: str, at: str = "") -> str:
    """A path with `~` expanded. Raises ConfigError for one that no file system can have."""
    if not text.strip():
        raise ConfigError(f"{key}{at} is empty, which would be the current folder: give a path, or leave it out")
    try:
        path = str(Path(text).expanduser()) if text.startswith("~") else text
    except RuntimeError:
        home = text.split("/", 1)[0]
        raise ConfigError(f"{key}{at}: there is no home folder for {home!r}: write the path in full") from None
    if "\0" in path:
        raise ConfigError(f"{key}{at} contains a NUL character, which no path can")
    longest = max(Path(path).parts, key=lambda part: len(part.encode(errors="surrogateescape")), default="")
    if (length := len(longest.encode(errors="surrogateescape"))) > LONGEST:
        raise ConfigError(
            f"{key}{at}: the name {longest[:40]}... has {length} bytes, and a file system takes {LONGEST}: choose a "
            "shorter one"
        )
    return path


def expand(cfg: Config, sources: Sources) -> None:
    """Expand every path of a job in place. Raises ConfigError for an impossible one."""

    def meant(key: str, text: Any) -> Any:
        if isinstance(text, list):
            return [meant(f"{key}[{number}]", item) for number, item in enumerate(text)]
        return place(key, text, sources.of(key)) if isinstance(text, str) else text

    cfg.store = meant("store", cfg.store)
    cfg.sweep = meant("sweep", cfg.sweep)
    cfg.source.root = meant("source.root", cfg.source.root)
    cfg.mine.paths = meant("mine.paths", cfg.mine.paths)
    cfg.mine.output = meant("mine.output", cfg.mine.output)
    cfg.score.folder = meant("score.folder", cfg.score.folder)
    cfg.fetch.folder = meant("fetch.folder", cfg.fetch.folder)
    cfg.model.path = meant("model.path", cfg.model.path)
    _labels(cfg.intermediate, meant)


def _labels(stage: IntermediateConfig, meant: Callable[[str, Any], Any]) -> None:
    stage.labels_file = meant("intermediate.labels_file", stage.labels_file)
    for part in (*stage.stages.values(), *stage.tasks.values()):
        _labels(part, meant)
