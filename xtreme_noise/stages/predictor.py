"""Inference with a loaded model: every distinct input is encoded once, in batches sorted by length, for all cells."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from xtreme_noise import finite, interrupt
from xtreme_noise.data.batching import Feature, pad, sorted_batches
from xtreme_noise.errors import NotFinite
from xtreme_noise.features.base import Columns, Unit
from xtreme_noise.models.running import CAST, cast
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.class_scores import LogProbabilities

UNITS_AT_ONCE = 20_000  # bounds the memory of features and outputs
# Padded tokens in one batch: few on a CPU, where padding costs as much as tokens do and small batches stay in its
# cache; many on a GPU, which they keep busy.
BATCH_TOKENS = {"cpu": 2048, "cuda": 16384, "mps": 8192}


class ForwardCost(NamedTuple):
    """Cost of forward passes: tokens without padding, seconds."""

    tokens: int
    seconds: float


class Predictor:
    """Predictions of one module. Caches the values of units until `forget`.

    precision: Lightning's flag, or models.running.CAST, for which the module's encoder is cast for good.
    batch_tokens: padded tokens in one batch; None: the default of the device.
    """

    def __init__(
        self, module: TaskModule, *, device: torch.device, precision: str, batch_tokens: int | None = None
    ) -> None:
        self.module = module
        self.device = device
        self.precision = precision
        if precision == CAST:
            cast(module.model)
        self.batch_tokens = batch_tokens or BATCH_TOKENS[device.type]
        self._values: dict[Unit, Any] = {}
        self._windows: dict[Unit, int] = {}  # of units with more than one window

    def forget(self, but: Columns | None = None) -> None:
        """Clear the cache: the weights changed, or another language begins. but: examples whose units are kept."""
        kept = {unit for some in self.module.units(but) for unit in some} if but else set()
        self._values = {unit: value for unit, value in self._values.items() if unit in kept}
        self._windows = {unit: count for unit, count in self._windows.items() if unit in kept}

    def remembered(self) -> int:
        """Number of cached units."""
        return len(self._values)

    def fresh(self) -> Predictor:
        """A predictor of the same module with an empty cache of its own."""
        return Predictor(self.module, device=self.device, precision=self.precision, batch_tokens=self.batch_tokens)

    def windows(self, columns: Columns) -> int:
        """Number of model inputs behind these examples; a long example has several windows.

        The examples must have been encoded (`predict` or `encode`) since the last `forget`.
        """
        return sum(self._windows.get(unit, 1) for some in self.module.units(columns) for unit in some)

    def values(self, columns: Columns) -> list[tuple[Any, ...]]:
        """The values of each example's units, which must have been encoded since the last `forget`.

        Raises NotFinite when the model's outputs for one of them contain nan or inf.
        """
        values = [tuple(self._values[unit] for unit in some) for some in self.module.units(columns)]
        if wrong := sum(any(value is None for value in some) for some in values):
            raise NotFinite(
                f"the model's outputs are nan or inf for {wrong} of {len(values)} examples: train it with a lower "
                f"learning rate{finite.remedy(self.precision)}"
            )
        return values

    def predict(self, columns: Columns) -> list[str]:
        """One prediction as text for each example. Raises NotFinite as `values` does."""
        self.encode([columns])
        self.values(columns)
        return self.module.predictions(columns, self._values)

    def further(self, columns: Columns) -> dict[str, list[str]]:
        """Additional predictions by name, such as those of other layers; call after `predict`."""
        return self.module.further(columns, self._values)

    def class_scores(self, columns: Columns) -> list[LogProbabilities]:
        """The log-probabilities of all classes for each example. Raises NotFinite as `values` does."""
        self.encode([columns])
        self.values(columns)
        return self.module.class_scores(columns, self._values)

    def nearest(self, columns: Columns, depth: int) -> tuple[list[list[str]], int]:
        """The nearest candidates of each example, as `TaskModule.nearest`. Raises NotFinite as `values` does."""
        self.encode([columns])
        self.values(columns)
        return self.module.nearest(columns, self._values, depth)

    def encode(self, sets: Sequence[Columns]) -> list[ForwardCost]:
        """Encode all units of these sets that are not cached, together: inputs of similar length share a batch.

        Returns the cost of each set; an input that several sets share is counted in the first.
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
        return [ForwardCost(count, count * each) for count in tokens]

    def _encode_some(self, units: list[Unit]) -> dict[Unit, int]:
        """Cache the values of `units`, None where an output is nan or inf; returns their lengths in tokens."""
        windows = self.module.features(units)
        flat = [window for some in windows for window in some]
        lengths = [len(window["input_ids"]) for window in flat]
        outputs: list[Any] = [None] * len(flat)
        self.module.to(self.device)
        self.module.eval()
        with torch.inference_mode(), self._autocast():
            for batch in sorted_batches(lengths, self.batch_tokens):
                interrupt.check()
                batch_outputs = self._outputs([flat[row] for row in batch])
                for row, output in zip(batch, batch_outputs, strict=True):
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

    def _outputs(self, features: list[Feature]) -> list[Any]:
        """The model's outputs for one batch; where a GPU has too little memory for it, for its halves in turn."""
        try:
            return self.module.predict_step(self._tensors(features))
        except torch.OutOfMemoryError:  # of CUDA only; a CPU without memory raises other errors
            if len(features) == 1:
                raise
        torch.cuda.empty_cache()  # not in the handler: there the error still refers to the failed pass
        half = len(features) // 2
        return self._outputs(features[:half]) + self._outputs(features[half:])

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
    """The device that Lightning's `accelerator` flag stands for on this machine."""
    if accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator in ("auto", "gpu", "mps") and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
