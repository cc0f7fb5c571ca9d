"""Pretrained encoders: where they come from and how they are loaded."""

from xtreme_noise.models.hub import steady
from xtreme_noise.models.load import embeddings, load_model, load_tokenizer, positions
from xtreme_noise.models.registry import identity, materialise, tokenizer
from xtreme_noise.models.running import running
from xtreme_noise.models.save import save_tokenizer

__all__ = [
    "embeddings",
    "identity",
    "load_model",
    "load_tokenizer",
    "materialise",
    "positions",
    "running",
    "save_tokenizer",
    "steady",
    "tokenizer",
]
