"""What a job reads, according to its configuration: the kinds of source, and the folder of its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from xtreme_noise.config.schema import Config, ModelConfig, SourceConfig
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.errors import ConfigError


def kind(data: Mapping[str, DataConfig], source: SourceConfig) -> str:
    """The kind of source that these data are read from, even if they have no entry for it.

    Data that exist in only one kind are read from it (slots are embedded, whatever the target task is read from).
    `auto` is files if source.root is set, else the hub. A folder that mode=fetch filled counts as the hub.
    """
    if len(data) == 1:
        return next(iter(data))
    if source.kind in ("auto", "files") and source.root is not None:
        from xtreme_noise.config import fetched

        if fetched.serves(source.root, data):
            return "hub"
    return ("files" if source.root is not None else "hub") if source.kind == "auto" else source.kind


def everything(cfg: Config) -> Iterator[tuple[str, Mapping[str, DataConfig]]]:
    """The data of every task that a job reads, with its name."""
    yield f"task {cfg.task.name}", cfg.task.data
    if cfg.task.first is not None:
        yield f"task {cfg.task.name}, {cfg.task.first.name}", cfg.task.first.data
    for stage in cfg.intermediate.trained_on():
        yield f"intermediate {stage.label}", stage.data


def kinds(cfg: Config) -> set[str]:
    """Every kind of source that a job reads."""
    files = {"files"} if any(stage.labels_file for stage in cfg.intermediate.trained_on()) else set()
    return {kind(data, cfg.source) for _, data in everything(cfg) if data} | files


def folder(model: ModelConfig) -> Path | None:
    """The directory that model.path names, if it exists; None for a repository of the hub."""
    path = Path(str(model.path)).expanduser()
    return path.absolute() if model.path and path.is_dir() else None


def check(cfg: Config) -> None:
    """Raise ConfigError when a job reads files but source.root is not set."""
    read = [what for what, data in everything(cfg) if data and kind(data, cfg.source) == "files"]
    read += [f"labels of intermediate {stage.label}" for stage in cfg.intermediate.trained_on() if stage.labels_file]
    if read and cfg.source.root is None:
        raise ConfigError(
            f"{read[0]}: files are needed, but source.root is not set: add source.root=/folder/with/the/data (or set "
            "XTREME_NOISE_DATA)"
        )
