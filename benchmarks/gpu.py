"""python -m benchmarks.gpu: inference and training on one CUDA device. Unmeasured: no GPU was available so far.

For float32 and bfloat16 with the attention that torch has, and with flash_attention_2 where flash_attn is installed:
real tokens per second; the share of the rate of matrix products, measured in the same run (benchmarks/roofline.py has
the formula); and on how many of 200 texts the predictions equal those of the CPU, with the same trained weights.
Exit code 2 without a CUDA device.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from typing import Any

import torch
from datasets import Dataset

from benchmarks.roofline import Bench, product_rate, texts
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.stages.predictor import Predictor, device
from xtreme_noise.stages.training_run import predictor

LANGUAGES = ("en", "de", "es", "fr")
TEXTS = 3600
COMPARED = 200  # texts that the CPU predicts too
FIRST = 64  # texts of a first pass that is not measured: it loads kernels


def settings() -> dict[str, tuple[list[str], torch.dtype]]:
    """Overrides and the type of matrix products, by name."""
    flash = ["flash_attention_2"] if importlib.util.find_spec("flash_attn") else []
    return {
        "float32, sdpa": (["model.precision=32-true", "model.attention=sdpa"], torch.float32),
        **{
            f"bfloat16, {kind}": (["model.precision=bf16-mixed", f"model.attention={kind}"], torch.bfloat16)
            for kind in ("sdpa", *flash)
        },
    }


def main() -> int:
    if not torch.cuda.is_available():
        print("Nothing was measured: torch finds no CUDA device on this machine.")
        return 2
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}")
    measure(texts(TEXTS, "train", LANGUAGES))
    return 0


def measure(data: Dataset, model: str = "e5_small", accelerator: str = "cuda") -> None:
    """Measure every setting and print what it gives. All are compared with the weights that the first one trained."""
    compared, trained, expected = data[:COMPARED], dict[str, Any](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        for name, (overrides, dtype) in settings().items():
            bench = Bench.of(folder, _clock, model, f"trainer.accelerator={accelerator}", *overrides)
            module = bench.module()
            first = data.select(range(min(FIRST, len(data))))
            bench.train(module, first)
            train = bench.train(module, data)
            if not trained:
                trained = {name: tensor.cpu().clone() for name, tensor in module.state_dict().items()}
                expected = _on_cpu(module, compared)
            module.load_state_dict(trained)
            bench.infer(module, first)
            infer = bench.infer(module, data)
            rate = product_rate(module.model.config, dtype, device(accelerator).type, _clock)
            print(f"{name}: matrix products {rate / 1e12:.2f} x 10^12 operations/s")
            for what, speed in (("inference", infer), ("training", train)):
                print(f"{name}: {what} {speed.tokens:,.0f} tokens/s, {speed.operations / rate:.1%} of that rate")
            found = predictor(module, bench.cfg).predict(compared)
            equal = sum(one == other for one, other in zip(found, expected, strict=True))
            print(f"{name}: {equal} of {len(expected)} predictions equal those of the CPU", flush=True)


def _on_cpu(module: TaskModule, columns: dict[str, Any]) -> list[str]:
    return Predictor(module, device=torch.device("cpu"), precision="32-true").predict(columns)


def _clock() -> float:
    """Wall time, after all that the device was asked to do is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


if __name__ == "__main__":
    raise SystemExit(main())
