"""Checkpoints from the Hugging Face hub, or from a local directory with the same layout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NoReturn

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.content import changed, content_digest, stamp
from xtreme_noise.data.repository import Repository
from xtreme_noise.errors import ConfigError, ModelUnavailable
from xtreme_noise.models import fetched, intact
from xtreme_noise.models.loader import Loader
from xtreme_noise.store import Store

# The files of a checkpoint that are used; pickled weights and files of other frameworks are not.
PATTERNS = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
TOKENIZER = ("tokenizer.json", "tokenizer_config.json")  # files of tokenizers that this package writes
CONFIG = "config.json"
HOLDS = (CONFIG, "model.safetensors", "tokenizer.json")  # files of checkpoints that it writes
CODE = "*.py"  # only with trust_remote_code
PICKLED = (
    "pickled weights are not opened."
    " Convert them once on a machine you trust: AutoModel.from_pretrained(...).save_pretrained(directory),"
    " and use model.path=directory; or name a revision with safetensors: model.revision=refs/pr/<n>"
)


class HubLoader(Loader):
    """`loader: hub`: cfg.path is a directory, when there is one, or else the id of a hub repository."""

    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:
        path = _path(cfg)
        if directory := _local(path):
            intact.check(directory)
            files = {file.name: content_digest(file) for file in _relevant(directory)}
            if (origin := fetched.origin(directory)) is None:
                return {"files": files, "trust_remote_code": _trusted(cfg)}
            fetched.check(directory, origin, files, cfg.revision)
            return {"path": origin.path, "revision": origin.commit, "trust_remote_code": _trusted(cfg)}
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

    def config(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:
        directory = _local(_path(cfg))
        if directory is None:
            found = Repository(_path(cfg), "model", cfg.revision)
            directory = found.download(offline, [CONFIG], required=(CONFIG,))
        intact.check(directory)
        if not (directory / CONFIG).is_file():
            raise ModelUnavailable(f"{cfg.path} has no {CONFIG}, so it is not a checkpoint of transformers.")
        content: dict[str, Any] = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
        return content


def repository(cfg: ModelConfig) -> Repository | None:
    """Where a model is downloaded from; None for a local directory. Raises ConfigError and ModelUnavailable."""
    path = _path(cfg)
    return Repository(path, "model", cfg.revision) if _local(path) is None else None


def needed(names: Iterable[str]) -> list[str]:
    """The files of a repository that a checkpoint without code needs. Raises ModelUnavailable."""
    files = sorted(name for name in names if "/" not in name and any(fnmatch(name, one) for one in PATTERNS))
    if "config.json" not in files or not any(name.endswith(".safetensors") for name in files):
        raise ModelUnavailable(f"It contains no config.json with *.safetensors, and {PICKLED}")
    return files


def check_path(cfg: ModelConfig) -> None:
    """Raise ConfigError when model.path is a directory without a checkpoint, or can be neither directory nor hub id."""
    if cfg.loader != "hub":
        return
    path = _path(cfg)
    try:
        directory = _local(path)
        if directory is not None:
            _check_complete(directory, path)
    except ModelUnavailable as error:
        raise ConfigError(str(error)) from error
    if directory is None and not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", path, re.ASCII):
        raise ConfigError(f"model.path={path}: no such directory, and not a hub id, such as owner/name")


def _trusted(cfg: ModelConfig) -> bool | str:
    """Whose remote code is run; early versions ran only the model's."""
    return cfg.trust_remote_code and "model and tokenizer"


def _path(cfg: ModelConfig) -> str:
    if not cfg.path:
        raise ConfigError(f"The model {cfg.name!r} needs model.path: a hub id or a local directory.")
    return cfg.path


def _local(path: str) -> Path | None:
    directory = Path(path).expanduser()
    if directory.is_dir():
        return directory.absolute()
    if directory.is_file():
        raise ModelUnavailable(f"model.path={path} is a file: give the directory that contains the checkpoint.")
    if path.startswith(("/", "./", "../", "~")):
        raise ModelUnavailable(f"model.path={path}: no such directory.")
    return None


def _relevant(directory: Path) -> list[Path]:
    """The files of a checkpoint."""
    wanted = [*PATTERNS, CODE]
    return [
        file
        for file in sorted(directory.iterdir())
        if file.is_file() and file.name != fetched.MARKER and any(file.match(one) for one in wanted)
    ]


@contextmanager
def steady(cfg: ModelConfig, identity: Mapping[str, Any]) -> Iterator[bool]:
    """Ensures that the pretrained model read inside has this `identity`, because a local directory may change.

    Yields whether it is a local directory: then mapped weights must be copied. Raises DataError or ModelUnavailable.
    """
    directory = _local(_path(cfg))
    if directory is None and "files" in identity:
        changed(Path(_path(cfg)))
    if directory is None:
        yield False
        return
    before = _stamps(directory)
    now = HubLoader().identity(cfg, offline=True)
    if any(identity.get(name) != value for name, value in now.items()):
        _changed(directory, identity.get("files", {}), now.get("files", {}))
    yield True
    if (after := _stamps(directory)) != before:
        _changed(directory, before, after)


def _stamps(directory: Path) -> dict[str, tuple[int, ...]]:
    return {file.name: stamp(file) for file in _relevant(directory)}


def _changed(directory: Path, before: Mapping[str, Any], after: Mapping[str, Any]) -> NoReturn:
    wrong = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    changed(directory / wrong[0] if wrong else directory)


def _check_complete(directory: Path, path: str) -> None:
    """Raise ModelUnavailable unless the directory has a config and weights in safetensors."""
    if not (directory / "config.json").is_file():
        raise ModelUnavailable(f"{path}: {directory} has no config.json, so it is not a checkpoint of transformers.")
    if not any(directory.glob("*.safetensors")):
        raise ModelUnavailable(f"{path}: {directory} has no *.safetensors, and {PICKLED}")
