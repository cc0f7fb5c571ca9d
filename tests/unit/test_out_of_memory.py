"""A batch that does not fit into a GPU's memory is divided; an input that does not fit alone is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.unit.tiny_modules import NLI, module, predictor
from xtreme_noise.modules.base import TaskModule

LABELS = ["A", "B", "C"]


def limited(some: TaskModule, most: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the module run out of memory for more than `most` inputs; returns the sizes of the batches that fit."""
    inner, fit = some.predict_step, list[int]()

    def step(batch: dict[str, Tensor]) -> list[Any]:
        if len(batch["input_ids"]) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        fit.append(len(batch["input_ids"]))
        return inner(batch)

    monkeypatch.setattr(some, "predict_step", step)
    return fit


@pytest.mark.parametrize("most", [1, 3, 5])
def test_smaller_batches_give_the_same_values(tiny: Path, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    some = module(tiny, "classification", LABELS)
    whole, divided = predictor(some, 4096), predictor(some, 4096)
    [cost] = whole.encode([NLI])
    fit = limited(some, most, monkeypatch)
    emptied: list[None] = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(None))
    [again] = divided.encode([NLI])
    assert again.tokens == cost.tokens
    assert sum(fit) == len(NLI["text"]) and max(fit) <= most and emptied
    for value, other in zip(whole.values(NLI), divided.values(NLI), strict=True):
        assert value[0] == pytest.approx(other[0], abs=1e-5)
    assert whole.predict(NLI) == divided.predict(NLI)


def test_one_input_that_does_not_fit_is_an_error(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    some = module(tiny, "classification", LABELS)
    limited(some, 0, monkeypatch)
    with pytest.raises(torch.OutOfMemoryError):
        predictor(some, 4096).encode([NLI])
