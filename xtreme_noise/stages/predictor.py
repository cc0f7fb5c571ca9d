"""A loaded model that predicts: every distinct input once, sorted by length, whatever cell asks for it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xtreme_noise import finite, interrupt
from xtreme_noise.data.batching import Feature, pad, sorted_batches
from xtreme_noise.errors import NotFinite
from xtreme_noise.modules.base import Columns, TaskModule, Unit

UNITS_AT_ONCE = 20_000  # bounds the memory of features and outputs that wait for their unit
# Padded tokens in one batch: few on a CPU, where padding costs as much as tokens do and small batches stay in its
# cache; many on a GPU, which they keep busy.
BATCH_TOKENS = {"cpu": 2048, "cuda": 16384, "mps": 8192}


class Cost(NamedTuple):
    """Of forward passes: tokens without padding, seconds."""

    tokens: int
    seconds: float


class Predictor:
    """Predictions of one module. Keeps the values of units it has seen until `forget`.

    batch_tokens: padded tokens in one batch; None takes what suits the device.
    """

    def __init__(
        self, module: TaskModule, *, device: torch.device, precision: str, batch_tokens: int | None = None
    ) -> None:
        self.module = module
        self.device = device
        self.precision = precision
        self.batch_tokens = batch_tokens or BATCH_TOKENS[device.type]
        self._values: dict[Unit, Any] = {}
        self._windows: dict[Unit, int] = {}  # of the units that take more than one

    def forget(self) -> None:
        """Drop all values: the weights changed, or another language begins."""
        self._values.clear()
        self._windows.clear()

    def remembered(self) -> int:
        """How many units have a value."""
        return len(self._values)

    def fresh(self) -> Predictor:
        """Another one of the same module, which knows nothing: what it encodes and forgets is its own."""
        return Predictor(self.module, device=self.device, precision=self.precision, batch_tokens=self.batch_tokens)

    def windows(self, columns: Columns) -> int:
        """Model inputs that the predictions of these examples are read from: a long one takes several.

        They must have been encoded (`predict` or `encode`) since the last `forget`.
        """
        return sum(self._windows.get(unit, 1) for some in self.module.units(columns) for unit in some)

    def values(self, columns: Columns) -> list[tuple[Any, ...]]:
        """The values of each example's units, which must have been encoded since the last `forget`.

        Raises NotFinite when the model's outputs for one of them hold nan or inf.
        """
        found = [tuple(self._values[unit] for unit in some) for some in self.module.units(columns)]
        if wrong := sum(any(value is None for value in some) for some in found):
            raise NotFinite(
                f"the model's outputs are nan or inf for {wrong} of {len(found)} examples: train it with a lower "
                f"learning rate{finite.remedy(self.precision)}"
            )
        return found

    def predict(self, columns: Columns) -> list[str]:
        """One prediction as text for each example. Raises NotFinite as `values` does."""
        self.encode([columns])
        self.values(columns)
        return self.module.predictions(columns, self._values)

    def further(self, columns: Columns) -> dict[str, list[str]]:
        """Predictions made in other ways, by name, after `predict`."""
        return self.module.further(columns, self._values)

    def encode(self, sets: Sequence[Columns]) -> list[Cost]:
        """Run the model on what the predictions of these sets need and what is not known yet, all of it together:
        inputs of like length share a batch, whatever set they are from.

        Returns the cost of each set; a shared input is counted where it comes first.
        """
        begin = time.perf_counter()
        seen: set[Unit] = set(self._values)
        fresh: list[list[Unit]] = []
        for columns in sets:
            units = dict.fromkeys(unit for some in self.module.units(columns) for unit in some)
            fresh.append([unit for unit in units if unit not in seen])
            seen.update(fresh[-1])
        every = [unit for units in fresh for unit in units]
        lengths: dict[Unit, int] = {}
        for start in range(0, len(every), UNITS_AT_ONCE):
            lengths |= self._encode_some(every[start : start + UNITS_AT_ONCE])
        tokens = [sum(lengths[unit] for unit in units) for units in fresh]
        each = (time.perf_counter() - begin) / (sum(tokens) or 1)
        return [Cost(count, count * each) for count in tokens]

    def _encode_some(self, units: list[Unit]) -> dict[Unit, int]:
        """Values of `units`, None where an output is nan or inf; returns their lengths in tokens."""
        windows = self.module.features(units)
        flat = [window for some in windows for window in some]
        lengths = [len(window["input_ids"]) for window in flat]
        outputs: list[Any] = [None] * len(flat)
        self.module.to(self.device)
        self.module.eval()
        with torch.inference_mode(), self._autocast():
            for batch in sorted_batches(lengths, self.batch_tokens):
                interrupt.check()
                found = self.module.predict_step(self._tensors([flat[row] for row in batch]))
                for row, output in zip(batch, found, strict=True):
                    outputs[row] = output
        at, sizes = 0, {}
        for unit, some in zip(units, windows, strict=True):
            rows = outputs[at : at + len(some)]
            self._values[unit] = None if any(row is None for row in rows) else self.module.value(unit, some, rows)
            sizes[unit] = sum(lengths[at : at + len(some)])
            if len(some) > 1:
                self._windows[unit] = len(some)
            at += len(some)
        return sizes

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
