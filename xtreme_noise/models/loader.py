"""The base class of model loaders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.store import Store


class Loader(ABC):
    """One kind of source of pretrained encoders."""

    @abstractmethod
    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:
        """Everything that determines the checkpoint, as plain JSON; loads no weights. Raises ModelUnavailable."""

    @abstractmethod
    def materialise(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:
        """A complete checkpoint directory. Raises ModelUnavailable, with what to do."""

    def config(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:  # noqa: ARG002
        """The content of config.json of a checkpoint with a head of its own. Raises ConfigError, ModelUnavailable."""
        raise ConfigError(
            f"model {cfg.name} (model.loader={cfg.loader}) is an encoder without a head of its own: for a checkpoint "
            "that has one, model=own model.path=/its/folder"
        )

    def tokenizer(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:
        """A directory with the tokenizer of the checkpoint, which may have no weights. Raises ModelUnavailable."""
        return self.materialise(cfg, store, offline)
