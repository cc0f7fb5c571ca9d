"""The mean of the weights of several checkpoints of a fit, or of several fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import Tensor

from xtreme_noise.errors import ConfigError


@dataclass
class RunningMean:
    """The mean of tensors by name, taken one after the other; float32 stays float32."""

    taken: int = 0
    mean: dict[str, Tensor] = field(default_factory=dict)

    def add(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Integers, such as positions, are the same in all and stay as they are."""
        self.taken += 1
        for name, tensor in tensors:
            if self.taken == 1:
                self.mean[name] = tensor.detach().to("cpu", copy=True)
            elif tensor.is_floating_point():
                self.mean[name] += (tensor.detach().cpu() - self.mean[name]) / self.taken


def evenly(count: int, updates: int) -> list[int]:
    """The updates after which `count` checkpoints are taken, the last one included.

    Raises ConfigError when there are fewer updates than checkpoints.
    """
    if updates < count:
        raise ConfigError(
            f"recipe.averaged_checkpoints={count}, and training has only {updates} updates: lower it, or train longer"
        )
    return [-(-updates * number // count) for number in range(1, count + 1)]
