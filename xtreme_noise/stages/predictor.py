"""A loaded model that predicts: every distinct input once, sorted by length, whatever cell asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from xtreme_noise.data.batching import Feature, pad, sorted_batches
from xtreme_noise.modules.base import Columns, TaskModule, Unit

UNITS_AT_ONCE = 20_000  # bounds the memory of features and outputs that wait for their unit


class Predictor:
    """Predictions of one module. Keeps the values of units it has seen until `forget`.

    tokens, seconds: what the forward passes have cost so far (tokens without padding).
    """

    def __init__(self, module: TaskModule, *, device: torch.device, precision: str, batch_tokens: int) -> None:
        self.module = module
        self.device = device
        self.precision = precision
        self.batch_tokens = batch_tokens
        self.tokens = 0
        self.seconds = 0.0
        self._values: dict[Unit, Any] = {}

    def forget(self) -> None:
        """Drop all values: the weights changed, or another language begins."""
        self._values.clear()

    def predict(self, columns: Columns) -> list[str]:
        """One prediction as text for each example."""
        self._encode(unit for units in self.module.units(columns) for unit in units)
        return self.module.predictions(columns, self._values)

    def _encode(self, units: Iterable[Unit]) -> None:
        fresh = list(dict.fromkeys(unit for unit in units if unit not in self._values))
        for start in range(0, len(fresh), UNITS_AT_ONCE):
            self._encode_some(fresh[start : start + UNITS_AT_ONCE])

    def _encode_some(self, units: list[Unit]) -> None:
        begin = time.perf_counter()
        windows = self.module.features(units)
        flat = [(number, window) for number, some in enumerate(windows) for window in some]
        lengths = [len(window["input_ids"]) for _, window in flat]
        outputs: list[Any] = [None] * len(flat)
        self.module.to(self.device)
        self.module.eval()
        with torch.inference_mode(), self._autocast():
            for batch in sorted_batches(lengths, self.batch_tokens):
                found = self.module.predict_step(self._tensors([flat[row][1] for row in batch]))
                for row, output in zip(batch, found, strict=True):
                    outputs[row] = output
        at = 0
        for unit, some in zip(units, windows, strict=True):
            self._values[unit] = self.module.value(unit, some, outputs[at : at + len(some)])
            at += len(some)
        self.tokens += sum(lengths)
        self.seconds += time.perf_counter() - begin

    def _tensors(self, features: list[Feature]) -> dict[str, Tensor]:
        inputs = [_inputs(feature) for feature in features]
        batch = pad(inputs, self.module.tokenizer.pad_token_id)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def _autocast(self) -> Any:
        kinds = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
        kind = kinds.get(self.precision)
        return torch.autocast(self.device.type, dtype=kind, enabled=kind is not None)


def _inputs(feature: Mapping[str, Any]) -> Feature:
    return {name: value for name, value in feature.items() if not name.startswith("_")}


def device(accelerator: str) -> torch.device:
    """The device Lightning's `accelerator` flag means here."""
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
