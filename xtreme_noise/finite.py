"""Checks for nan and inf. Without them, argmax would return a label, the same for every input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


def answers(rows: Sequence[Any], scores: Tensor, mask: Tensor | None = None) -> list[Any]:
    """`rows`, with None where a row's scores are not all finite.

    scores: (rows, ...), from which the rows were computed. mask: (rows, tokens), 0 at padding, whose scores (rows,
    tokens, ...) are ignored.
    """
    fine = torch.isfinite(scores)
    if mask is not None:
        fine |= (mask == 0).reshape(*mask.shape, *[1] * (scores.ndim - 2))
    whole: list[bool] = fine.flatten(1).all(1).tolist()
    return [row if ok else None for row, ok in zip(rows, whole, strict=True)]


def unit_vectors(vectors: Tensor) -> list[Any]:
    """Unit vectors of (rows, ..., hidden), one NumPy array per row; None where a vector's length is not finite.

    If the length overflows float32, normalising would give a zero vector, which is finite but wrong.
    """
    normalised = torch.nn.functional.normalize(vectors, dim=-1)
    return answers(list(normalised.cpu().numpy()), torch.linalg.vector_norm(vectors, dim=-1, keepdim=True))


def remedy(precision: str | None) -> str:
    """A further remedy for messages when the precision is 16 bits."""
    return "" if precision in (None, "32-true") else f", or set model.precision=32-true (it is {precision})"


def not_finite(weights: Mapping[str, Tensor]) -> str | None:
    """The name of the first weight that contains nan or inf."""
    return next((name for name, weight in weights.items() if not torch.isfinite(weight).all()), None)
