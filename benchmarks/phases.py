"""Where the time of a grid goes: CPU seconds of evaluating 28 cells of XNLI with e5_small, by what is done.

Each phase counts without the phases inside it; what none of them measures is bookkeeping. Loading and training are not
included.
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq

from benchmarks.setting import job
from xtreme_noise import store as stores
from xtreme_noise.data.transform import NoiseTransform
from xtreme_noise.metrics.accuracy import Accuracy
from xtreme_noise.modules.classification import ClassificationModule
from xtreme_noise.stages import evaluate, scoring
from xtreme_noise.stages.model_cache import ModelCache, train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store

PHASES: dict[str, list[tuple[Any, str]]] = {
    "noise": [(NoiseTransform, "__call__")],
    "tokenizing": [(ClassificationModule, "features"), (evaluate.LanguageSession, "_tokenise")],
    "forward": [(ClassificationModule, "predict_step")],
    "decoding": [(ClassificationModule, "value"), (ClassificationModule, "predictions")],
    "scoring": [(Accuracy, "score"), (Accuracy, "flips")],
    "writing": [
        (pq, "write_table"),
        (evaluate, "write_atomic"),
        (scoring, "write_atomic"),
        (stores, "write_manifest"),
        (stores, "follow"),
    ],
}


class Clock:
    """CPU seconds by phase, without those of phases inside."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside: list[float] = []  # of each running phase: the seconds of phases inside it

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            self._inside.append(0.0)
            begin = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                whole = time.process_time() - begin
                self.spent[phase] += whole - self._inside.pop()
                if self._inside:
                    self._inside[-1] += whole

        return run


def main(size: int = 100) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cfg = job(
            "model=e5_small", "task=xnli", "noise=[char,keyboard]", "languages=[en,de,th,ru]",
            "noise.levels=[0,0.05,0.1,0.2]", f"task.size.test={size}", "task.size.train=32", "task.size.dev=32",
            "task.recipe.epochs=1", f"store={folder}",
        )  # fmt: skip
        plan, store = Plan(cfg), Store(folder)
        train(plan, store, False)
        cache = ModelCache(plan, store, False)
        cache.get("en")
        clock, patches = Clock(), []
        for phase, places in PHASES.items():
            for owner, name in places:
                patches.append(patch.object(owner, name, clock.timed(phase, getattr(owner, name))))
        for one in patches:
            one.start()
        begin = time.process_time()
        cells = list(evaluate.evaluate(plan, store, cache))
        whole = time.process_time() - begin
        for one in patches:
            one.stop()
        assert all(cell.status == "ok" for cell, _ in cells), cells
        clock.spent["bookkeeping"] = whole - sum(clock.spent.values())
        print(f"a grid of {len(cells)} cells of {size} examples: {whole:.1f} CPU seconds")
        for phase in (*PHASES, "bookkeeping"):
            print(f"  {phase:12} {clock.spent[phase]:7.2f} s {100 * clock.spent[phase] / whole:6.1f} %")


if __name__ == "__main__":
    main()
