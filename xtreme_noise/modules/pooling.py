"""Pooling of token states into one vector per text."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    return (states * mask).sum(1) / mask.sum(1)


def _cls(states: Tensor, mask: Tensor) -> Tensor:
    del mask
    return states[:, 0]


def _max(states: Tensor, mask: Tensor) -> Tensor:
    return states.masked_fill(mask == 0, float("-inf")).amax(1)


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": _mean, "cls": _cls, "max": _max}


def pool(states: Tensor, attention: Tensor, how: str) -> Tensor:
    """(batch, hidden) from states (batch, tokens, hidden), without padding.

    attention: (batch, tokens), 0 at padding. how: mean over tokens, state of the first token, or maximum over tokens.
    """
    return POOLINGS[how](states, attention.unsqueeze(-1).to(states.dtype))
