"""What every loader is: one kind of place that pretrained encoders come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.store import Store


class Loader(ABC):
    """One kind of place that pretrained encoders come from."""

    @abstractmethod
    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:
        """All that determines the checkpoint, as plain JSON; loads no weights. Raises ModelUnavailable."""

    @abstractmethod
    def materialise(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:
        """A complete checkpoint directory. Raises ModelUnavailable with what would make it available."""
