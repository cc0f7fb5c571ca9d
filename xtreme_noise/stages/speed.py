"""Tokens per second that this kind of machine has reached with a model, and the memory that it took, kept in the store
for estimates.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Literal

from xtreme_noise import hardware
from xtreme_noise.store import Store, write_atomic
from xtreme_noise.writing import file_lock

FILE = "speed.json"
MEMORY = "memory.json"
LEAST = 2_000  # tokens: fewer say more about the start than about the speed
KEPT = 1_000_000  # tokens: beyond these, earlier ones count half
Use = Literal["train", "infer"]


def note(store: Store, accelerator: str, model: str, use: Use, tokens: float, seconds: float) -> None:
    """Add what was measured on this machine. tokens: without padding; seconds: wall-clock."""
    if tokens < LEAST or seconds <= 0:
        return
    _note_memory(store, model)
    path = store.root / FILE
    with file_lock(path.with_name(f".{FILE}.lock")):
        speeds = _read(store)
        own = speeds.setdefault(hardware.kind(accelerator), {}).setdefault(model, {})
        before = own.get(use, [0.0, 0.0])
        share = 0.5 if before[0] > KEPT else 1.0
        own[use] = [round(before[0] * share + tokens), round(before[1] * share + seconds, 3)]
        write_atomic(path, json.dumps(speeds, indent=1, sort_keys=True))


def known(store: Store, accelerator: str, model: str, use: Use) -> float | None:
    """Tokens per second of this model on this kind of machine; None if it has not been measured."""
    measured = _read(store).get(hardware.kind(accelerator), {}).get(model, {}).get(use)
    return measured[0] / measured[1] if measured else None


def memory(store: Store, model: str) -> float | None:
    """The most main memory, in GB, that a process with this model has used here (a rank at most); None: unmeasured."""
    return _memories(store).get(model)


def _note_memory(store: Store, model: str) -> None:
    if find_spec("resource") is None:  # Windows
        return
    import resource

    used = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    used *= 1 if sys.platform == "darwin" else 1024  # bytes
    path = store.root / MEMORY
    with file_lock(path.with_name(f".{MEMORY}.lock")):
        known = _memories(store)
        known[model] = max(known.get(model, 0.0), round(used / 1e9, 2))
        write_atomic(path, json.dumps(known, indent=1, sort_keys=True))


def _memories(store: Store) -> dict[str, float]:
    """By model. A file that is not this is measured anew."""
    try:
        found: Any = json.loads((store.root / MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and all(type(one) is float and one > 0 for one in found.values()) else {}


def _read(store: Store) -> dict[str, dict[str, dict[str, list[float]]]]:
    """By kind of machine, model and use: tokens and seconds. A file that is not this is measured anew."""
    try:
        speeds: Any = json.loads((store.root / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return speeds if _valid(speeds, 3) else {}


def _valid(value: Any, depth: int) -> bool:
    if depth:
        return isinstance(value, Mapping) and all(_valid(one, depth - 1) for one in value.values())
    numbers = isinstance(value, list) and len(value) == 2 and all(type(one) in (int, float) for one in value)
    return numbers and 0 < value[0] < float("inf") and 0 < value[1] < float("inf")
