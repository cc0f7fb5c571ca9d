"""Weights of a family's operations."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.errors import ConfigError


def check_weights(what: str, weights: Sequence[float]) -> None:
    """Raises ConfigError unless all are >= 0, not all are 0, and their sum is finite. what: named in the message."""
    if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise ConfigError(f"{what} must be >= 0 and not all 0, not {tuple(weights)}")


def thresholds(weights: Sequence[float]) -> list[int]:
    """The upper limits of all operations but the last, on 16 random bits (0 to 65536)."""
    total = sum(weights)
    # Divided first: near the largest float, a product overflows.
    return [round(65536 * (sum(weights[: i + 1]) / total)) for i in range(len(weights) - 1)]
