"""What this machine is: its processor and instructions, memory, graphics processor. Does not import torch."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

# The best that matrix products can use, with the flag of Linux that says so; in the order of their speed.
_INSTRUCTIONS = (
    ("amx", "amx_bf16"),
    ("avx512_bf16", "avx512_bf16"),
    ("avx512", "avx512f"),
    ("avx2", "avx2"),
)
BF16 = ("amx", "avx512_bf16")  # bfloat16 in hardware; without, it was 8 times slower than float32


@cache
def _cpu() -> dict[str, str]:
    """The first processor's entries of /proc/cpuinfo; empty where there is no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    entries = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in entries}


def instructions() -> str:
    """The widest instructions for matrix products: amx, avx512_bf16, avx512, avx2, or the architecture's name."""
    flags = _cpu().get("flags", "").split()
    return next((name for name, flag in _INSTRUCTIONS if flag in flags), platform.machine() or "unknown")


def _gpu(accelerator: str) -> str | None:
    torch = sys.modules.get("torch")  # whoever computed on one has imported it
    if accelerator == "cpu" or torch is None or not torch.cuda.is_available():
        return None
    name: str = torch.cuda.get_device_name()
    return name


def kind(accelerator: str = "auto") -> str:
    """What computes, in a few words, such as 'AMD EPYC avx2': speeds of one kind can be compared."""
    return _gpu(accelerator) or f"{_cpu().get('model name') or platform.processor() or 'processor'} {instructions()}"


def machine() -> dict[str, Any]:
    """This machine and process, plain JSON: cpu, instructions, cores, threads, memory (GB), gpu, torch (its build)."""
    torch = sys.modules.get("torch")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
    return {
        "kind": kind(),
        "cpu": _cpu().get("model name") or platform.processor(),
        "instructions": instructions(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads() if torch else None,
        "memory": round(pages / 1e9, 1) or None,
        "gpu": _gpu("auto"),
        "torch": torch.__version__ if torch else metadata.version("torch"),
    }
