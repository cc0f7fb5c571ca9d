"""Checkpoints of the Hugging Face hub, or of its layout in a local directory."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ConfigError, ModelUnavailable
from xtreme_noise.models import fetched, intact
from xtreme_noise.models.repository import Repository
from xtreme_noise.store import Store, file_digest

# What a checkpoint needs; pickled weights and other frameworks' files stay where they are.
PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
CODE = "*.py"  # only with trust_remote_code
PICKLED = (
    "pickled weights are not opened."
    " Convert them once on a machine you trust: AutoModel.from_pretrained(...).save_pretrained(directory),"
    " and use model.path=directory; or name a revision with safetensors: model.revision=refs/pr/<n>"
)


class HubLoader:
    """`loader: hub`: cfg.path is a directory, when there is one, or else the id of a hub repository."""

    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:
        path = _path(cfg)
        if directory := _local(path):
            intact.check(directory)
            files = {file.name: _digest(file) for file in sorted(directory.iterdir()) if _relevant(file)}
            if (found := fetched.origin(directory)) is None:
                return {"files": files, "trust_remote_code": _trusted(cfg)}
            fetched.check(directory, found, files, cfg.revision)
            return {"path": found.path, "revision": found.commit, "trust_remote_code": _trusted(cfg)}
        commit = Repository(path, "model", cfg.revision).commit(offline)
        return {"path": path, "revision": commit, "trust_remote_code": _trusted(cfg)}

    def materialise(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:  # noqa: ARG002
        path = _path(cfg)
        directory = _local(path)
        if directory is None:
            patterns = [*PATTERNS, CODE] if cfg.trust_remote_code else PATTERNS
            repository = Repository(path, "model", cfg.revision)
            directory = repository.download(offline, patterns, required=("config.json", "*.safetensors"))
        _check_complete(directory, path)
        return directory


def repository(cfg: ModelConfig) -> Repository | None:
    """Where a model is downloaded from; None for a local directory. Raises ConfigError and ModelUnavailable."""
    path = _path(cfg)
    return Repository(path, "model", cfg.revision) if _local(path) is None else None


def needed(names: Iterable[str]) -> list[str]:
    """Of the files of a repository, those that a checkpoint without code needs. Raises ModelUnavailable."""
    found = sorted(name for name in names if "/" not in name and any(fnmatch(name, one) for one in PATTERNS))
    if "config.json" not in found or not any(name.endswith(".safetensors") for name in found):
        raise ModelUnavailable(f"It holds no config.json with *.safetensors, and {PICKLED}")
    return found


def _trusted(cfg: ModelConfig) -> bool | str:
    """Whose code is run. It had been the model's alone."""
    return cfg.trust_remote_code and "model and tokenizer"


def _path(cfg: ModelConfig) -> str:
    if not cfg.path:
        raise ConfigError(f"The model {cfg.name!r} has no model.path: a hub id or a local directory.")
    return cfg.path


def _local(path: str) -> Path | None:
    directory = Path(path).expanduser()
    if directory.is_dir():
        return directory.absolute()
    if path.startswith(("/", "./", "../", "~")):
        raise ModelUnavailable(f"model.path={path}: there is no such directory.")
    return None


def _relevant(file: Path) -> bool:
    return file.is_file() and file.name != fetched.MARKER and any(file.match(one) for one in [*PATTERNS, CODE])


def _digest(file: Path) -> str:
    """sha256 of a file, computed again only when its size or time has changed: weights may have gigabytes."""
    stat = file.stat()
    return _digest_at(file, stat.st_size, stat.st_mtime_ns)


@cache
def _digest_at(file: Path, size: int, time: int) -> str:  # noqa: ARG001
    return file_digest(file)


def _check_complete(directory: Path, path: str) -> None:
    """A config and weights in safetensors: what is missing is said here, not by a stack trace later."""
    if not (directory / "config.json").is_file():
        raise ModelUnavailable(f"{path}: {directory} holds no config.json, so it is no checkpoint of transformers.")
    if not any(directory.glob("*.safetensors")):
        raise ModelUnavailable(f"{path}: {directory} holds no *.safetensors, and {PICKLED}")
