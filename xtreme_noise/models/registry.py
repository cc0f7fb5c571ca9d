"""What a configuration says of a model, by its loader (parts.py lists them)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.models.loader import Loader
from xtreme_noise.parts import LOADERS
from xtreme_noise.store import Store


def loader(cfg: ModelConfig) -> Loader:
    """The loader that cfg names. Raises ConfigError."""
    found: Loader = LOADERS.instance(cfg.loader)
    return found


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


def tokenizer(cfg: ModelConfig, store: Store, offline: bool) -> Path:
    """A directory for load_tokenizer; weights are not converted for it. Raises ConfigError, ModelUnavailable."""
    return loader(cfg).tokenizer(cfg, store, offline)
