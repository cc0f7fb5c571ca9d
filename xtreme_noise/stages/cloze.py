"""What cloze tasks need beyond other tasks: how choices are scored."""

from __future__ import annotations

from typing import Any

from xtreme_noise.config.schema import ModelConfig

FAMILY = "cloze"


def scoring(model: ModelConfig, family: str) -> dict[str, Any] | None:
    """How choices are scored; None for other families."""
    if family != FAMILY:
        return None
    if model.masked_lm:
        return {"by": "masked-LM head"}
    return {"by": "vectors", "prefixes": [model.prefix, model.passage_prefix], "pooling": model.pooling}
