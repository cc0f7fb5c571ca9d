"""How often a multitask stage draws each of its tasks, and how many batches an epoch has.

Does not import torch: mode=plan uses it, and must be quick.
"""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.config.schema import SamplingConfig


def chances(sizes: Sequence[int], temperature: float, cap: int | None) -> list[float]:
    """The probability of each task to be drawn, proportional to min(size, cap) ** (1 / temperature)."""
    counted = [size if cap is None else min(size, cap) for size in sizes]
    weights = [(size / max(counted)) ** (1 / temperature) for size in counted]  # at most 1: no temperature overflows
    return [weight / sum(weights) for weight in weights]


def task_chances(sizes: Sequence[int], masked: Sequence[bool], sampling: SamplingConfig) -> list[float]:
    """The probability of each task to be drawn, in the order of `sizes` (examples); sum 1.

    masked: which tasks are masked language modelling. They have `mlm_weight` batches for each batch of the other tasks;
    within both groups, `chances` decides.
    """
    if not any(masked):
        return chances(sizes, sampling.temperature, sampling.cap)
    weights = {True: sampling.mlm_weight, False: 1.0}
    found = [0.0] * len(sizes)
    for group, weight in weights.items():
        places = [place for place, own in enumerate(masked) if own == group]
        within = chances([sizes[place] for place in places], sampling.temperature, sampling.cap)
        for place, chance in zip(places, within, strict=True):
            found[place] = chance * weight / sum(weights.values())
    return found


def epoch_batches(batches: Sequence[float], masked: Sequence[bool], sampling: SamplingConfig) -> float:
    """Batches of an epoch, from those that one pass over each task has.

    As many as all tasks together; with masked language modelling, as many as the other tasks together, and for each of
    them `mlm_weight` more: the other tasks are trained as long as without it.
    """
    others = sum(own for own, aside in zip(batches, masked, strict=True) if not aside)
    return others * (1 + sampling.mlm_weight) if any(masked) else others
