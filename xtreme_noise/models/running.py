"""How a model computes on this machine: precision in training and in inference, attention in training."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise import hardware
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.config.sense import PRECISIONS
from xtreme_noise.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FLOAT32 = "32-true"
CAST = "bf16"  # the encoder's weights are cast once


@dataclass(frozen=True)
class Running:
    """train: Lightning's precision flag. infer: the same, or CAST. attention: in training; None: as in inference."""

    train: str
    infer: str
    attention: str | None = None


def running(cfg: ModelConfig, accelerator: str) -> Running:
    """How this model computes here. Raises ConfigError for an unknown model.precision.

    auto is bf16-mixed on CUDA that has it, 16-mixed on older CUDA. On a CPU that computes in bfloat16 (AMX,
    AVX512_BF16) it is bf16-mixed with eager attention in training, and bf16 weights with sdpa in inference, for models
    whose predictions have been compared (model.bf16). Else float32: bfloat16 on a CPU without its instructions is 8
    times slower (measured), and MPS has no sound autocast.
    """
    if cfg.precision not in PRECISIONS:
        raise ConfigError(f"model.precision={cfg.precision!r}; known: {', '.join(PRECISIONS)}")
    if cfg.precision != "auto":
        return Running(cfg.precision, cfg.precision)
    if accelerator in ("cuda", "gpu", "auto") and _may_see_cuda():
        import torch

        if torch.cuda.is_available():
            mixed = "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "16-mixed"
            return Running(mixed, mixed)
    if accelerator in ("cpu", "auto") and cfg.bf16 and hardware.instructions() in hardware.BF16:
        return Running("bf16-mixed", CAST, "eager" if cfg.attention is None else None)
    return Running(FLOAT32, FLOAT32)


def _may_see_cuda() -> bool:
    """Whether torch must be asked for CUDA: its import takes seconds, and a build for the CPU says so in a file."""
    if "torch" in sys.modules or (spec := importlib.util.find_spec("torch")) is None or spec.origin is None:
        return True
    built_for = runpy.run_path(str(Path(spec.origin).with_name("version.py")))
    return any(built_for.get(kind) is not None for kind in ("cuda", "hip"))


def cast(model: PreTrainedModel) -> None:
    """Cast the encoder to bfloat16, for inference only. Its outputs are float32 again, and heads stay in float32."""
    import torch

    encoder = model.base_model
    if encoder.dtype == torch.bfloat16:
        return

    def widened(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.float() if value.dtype == torch.bfloat16 else value
        return tuple(map(widened, value)) if isinstance(value, tuple) else value

    def widen(_module: Any, _inputs: Any, output: Any) -> Any:
        if not hasattr(output, "items"):
            return widened(output)
        for name, value in list(output.items()):
            output[name] = widened(value)
        return output

    encoder.to(torch.bfloat16)
    encoder.register_forward_hook(widen)
