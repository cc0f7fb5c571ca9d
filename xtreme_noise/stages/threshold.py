"""Candidates and threshold of bitext mining in a language, computed once for a model and stored.

The threshold is tuned on clean sentences and kept for noisy input: a user would not tune it again either.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from datasets import Dataset

from xtreme_noise.errors import DataError
from xtreme_noise.mining import best_threshold, half
from xtreme_noise.modules.dual_encoder import Candidates
from xtreme_noise.modules.mining import MinedPair, MiningModule, distinct
from xtreme_noise.stages.bars import bars
from xtreme_noise.stages.mining import Corpora, Mining, vectors
from xtreme_noise.stages.plan import PREDICTION_VERSION, Plan
from xtreme_noise.stages.predictor import Predictor
from xtreme_noise.stages.vectors import VECTORS, write
from xtreme_noise.store import Store, write_atomic

log = logging.getLogger(__name__)
FILE = "thresholds.json"


def prepare(plan: Plan, store: Store, predictor: Predictor, found: Mining, test: Dataset) -> list[float]:
    """Set the candidates and the threshold of a language in the predictor's module; both are stored.

    test: the clean test examples. Returns the threshold, or one for each half of the test set.
    Raises DataError when a translation is not among the candidates.
    """
    module, language = predictor.module, found.test.queries.language
    assert isinstance(module, MiningModule)
    key = {
        "prediction": PREDICTION_VERSION,
        "model": plan.digest_for(language),
        "family": plan.cfg.task.family,
        "vectors": vectors(plan.cfg),
        "software": plan.software,
    }

    def candidates(corpora: Corpora, queries: Dataset) -> Candidates:
        """The other side, each distinct text once; memory-mapped."""
        data = corpora.candidates.load(store)
        _check(queries, set(data["id"][:]))
        ids, texts = distinct(data["id"][:], data["text"][:])
        once = Dataset.from_dict({"id": ids, "text": texts})

        def encode(directory: Path) -> None:
            write(directory, once, predictor.fresh(), f"{corpora.candidates.name()}: encoding", bars(plan.cfg))

        path = store.build("vectors", {**key, "candidates": [corpora.candidates.identity()]}, encode, (VECTORS,))
        return Candidates(ids, np.load(path / VECTORS, mmap_mode="r"))

    def tune(directory: Path) -> None:
        if found.tuning is None:
            chosen = _of_halves(_mined(predictor, test, whole), test)
        else:
            ours = found.tuning.queries.load(store)
            chosen = [_best(_mined(predictor.fresh(), ours, candidates(found.tuning, ours)), ours)]
        log.info("%s %s: threshold %s", plan.cfg.task.name, language, " and ".join(f"{one:.4f}" for one in chosen))
        write_atomic(directory / FILE, json.dumps(chosen))

    module.candidates = whole = candidates(found.test, test)
    on = found.tuning.identity() if found.tuning else [*found.test.identity(), plan.cfg.task.size.test]
    path = store.build("thresholds", {**key, "on": on}, tune, (FILE,))
    module.thresholds = thresholds = json.loads((path / FILE).read_text(encoding="utf-8"))
    return list(thresholds)


def _check(queries: Dataset, candidates: set[str]) -> None:
    for name, right in zip(queries["id"][:], queries["relevant"][:], strict=True):
        if not candidates.issuperset(right):
            lost = next(candidate for candidate in right if candidate not in candidates)
            raise DataError(f"the translation {lost!r} of {name!r} is not among the {len(candidates)} candidates")


def _mined(predictor: Predictor, data: Dataset, candidates: Candidates) -> list[MinedPair]:
    """The best pairs of these sentences, before any threshold."""
    columns = data[:]
    predictor.encode([columns])
    values = {text: value for text, (value,) in zip(columns["query"], predictor.values(columns), strict=True)}
    return MiningModule.mined(columns, values, candidates)


def _best(pairs: Sequence[MinedPair], data: Dataset) -> float:
    right = dict(zip(data["id"][:], data["relevant"][:], strict=True))
    correct = np.array([pair.candidate in right[pair.query] for pair in pairs], dtype=bool)
    return best_threshold(np.array([pair.score for pair in pairs]), correct, sum(map(len, right.values())))


def _of_halves(pairs: Sequence[MinedPair], data: Dataset) -> list[float]:
    """For each half, the threshold that is best on the other."""
    names = data["id"][:]
    thresholds = []
    for own in (0, 1):
        rows = [row for row, name in enumerate(names) if half(name) != own]
        thresholds.append(_best([pair for pair in pairs if half(pair.query) != own], data.select(rows)))
    return thresholds
