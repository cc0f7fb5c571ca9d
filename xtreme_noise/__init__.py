"""xtreme_noise: robustness of zero-shot cross-lingual transfer to input noise.

From Python: `run` a study, open a finished one as `Study`, `evaluate` a model in memory (docs/python.md). They are
imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xtreme_noise.api import Study, evaluate, run

__version__ = "0.1.0"
__all__ = ["Study", "__version__", "evaluate", "run"]


def __getattr__(name: str) -> Any:
    if name in ("Study", "evaluate", "run"):
        return getattr(import_module("xtreme_noise.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
