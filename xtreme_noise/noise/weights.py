"""Weights of the ways in which a family acts."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.errors import ConfigError


def check_weights(what: str, weights: Sequence[float]) -> None:
    """ConfigError unless all are at least 0, not all are 0, and their sum is a number. what: whose, for the message."""
    if min(weights) < 0 or not 0 < sum(weights) < float("inf"):
        raise ConfigError(f"{what} must be >= 0 and not all 0, not {tuple(weights)}")


def thresholds(weights: Sequence[float]) -> list[int]:
    """On 16 bits of a random word, 0 to 65536: where each of the ways but the last ends."""
    total = sum(weights)
    # Divided first: near the largest float, a product overflows.
    return [round(65536 * (sum(weights[: i + 1]) / total)) for i in range(len(weights) - 1)]
