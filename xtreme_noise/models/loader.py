"""The base class of model loaders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.store import Store


class Loader(ABC):
    """One kind of source of pretrained encoders."""

    @abstractmethod
    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:
        """Everything that determines the checkpoint, as plain JSON; loads no weights. Raises ModelUnavailable."""

    @abstractmethod
    def materialise(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:
        """A complete checkpoint directory. Raises ModelUnavailable, with what to do."""

    def tokenizer(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:
        """A directory with the tokenizer of the checkpoint, which may have no weights. Raises ModelUnavailable."""
        return self.materialise(cfg, store, offline)
