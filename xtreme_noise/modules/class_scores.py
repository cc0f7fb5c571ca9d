"""The scores of all classes, in the form in which they are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LogProbabilities = NDArray[np.float16]


def log_probabilities(logits: Tensor | list[Any]) -> LogProbabilities:
    """Natural logarithms of the softmax over the last axis, which has the classes; the same shape as logits.

    Half precision is exact to 2 ** -11 of the logarithm: a probability is off by less than .0002. One below e ** -65504
    is stored as that.
    """
    values = torch.as_tensor(logits).float().log_softmax(-1)
    stored: LogProbabilities = values.clamp(min=torch.finfo(torch.float16).min).half().cpu().numpy()
    return stored
