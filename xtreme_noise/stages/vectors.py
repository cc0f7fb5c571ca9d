"""The vectors of a candidate pool: encoded once for a model, stored, read memory-mapped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from tqdm.auto import tqdm

from xtreme_noise.modules.dual_encoder import Candidates
from xtreme_noise.stages.bars import bars
from xtreme_noise.stages.plan import PREDICTION_VERSION, Plan
from xtreme_noise.stages.predictor import UNITS_AT_ONCE, Predictor
from xtreme_noise.store import Store

log = logging.getLogger(__name__)
VECTORS = "vectors.npy"


def vectors_key(plan: Plan) -> dict[str, Any]:
    """Everything that can change the vectors of the plan's pool; queries and relevance do not."""
    assert plan.pool is not None
    task, model = plan.cfg.task, plan.cfg.model
    return {
        "prediction": PREDICTION_VERSION,
        "model": plan.model_digest,
        "family": task.family,
        "max_length": min(task.recipe.max_length, model.max_length),
        "prefix": model.passage_prefix,
        "pooling": model.pooling,
        "candidates": plan.pool.identity["candidates"],
        "software": plan.software,
    }


def candidates(plan: Plan, store: Store, predictor: Predictor) -> Candidates:
    """The plan's pool, encoded unless stored: vectors (candidates, hidden), float32, never wholly in memory."""
    assert plan.pool is not None
    data = plan.pool.load(store)

    def make(directory: Path) -> None:
        write(directory, data, predictor, f"{plan.cfg.task.name}: encoding the pool", bars(plan.cfg))

    path = store.build("vectors", vectors_key(plan), make, (VECTORS,))
    return Candidates(data["id"][:], np.load(path / VECTORS, mmap_mode="r"))


def write(directory: Path, data: Dataset, predictor: Predictor, what: str, bar_shown: bool) -> None:
    """Write the vector of every row of `data` (one unit each) as VECTORS. Clears the predictor's cache."""
    log.info("%s, %d candidates", what, len(data))
    rows: Any = None
    with tqdm(total=len(data), desc="pool", unit="text", disable=not bar_shown) as bar:
        for start in range(0, len(data), UNITS_AT_ONCE):
            columns = data[start : start + UNITS_AT_ONCE]
            predictor.encode([columns])
            vectors = np.stack([value for (value,) in predictor.values(columns)])
            predictor.forget()
            if rows is None:
                shape = (len(data), vectors.shape[1])
                rows = np.lib.format.open_memmap(directory / VECTORS, "w+", dtype=np.float32, shape=shape)
            rows[start : start + len(vectors)] = vectors
            bar.update(len(vectors))
    rows.flush()
