"""python -m benchmarks.tatoeba [pairs]: Tatoeba as a job, compared to only encoding the same distinct sentences.

bare: sentences are tokenised, batched by length and encoded. The job also reads the data, pools vectors, searches,
scores and writes records. e5_small, the first 300 sentences per pair.
"""

from __future__ import annotations

import sys
import tempfile
import time

import torch

from benchmarks.setting import job, line
from xtreme_noise.data.batching import pad, sorted_batches
from xtreme_noise.stages.evaluate import LanguageSession, evaluate
from xtreme_noise.stages.model_cache import ModelCache
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.predictor import Predictor
from xtreme_noise.store import Store

PAIRS = ("af", "de", "hi", "ja", "sw", "zh")


def main(pairs: int = 4, size: int = 300) -> None:
    bare = ours = 0.0
    for code in PAIRS[:pairs]:  # one after the other, so that a busy moment of the machine meets both
        with tempfile.TemporaryDirectory() as folder:
            cfg = job(
                "model=e5_small", "task=tatoeba", "noise.level=0", f"languages=[{code}]", f"task.size.test={size}",
                f"store={folder}",
            )  # fmt: skip
            plan, store = Plan(cfg), Store(folder)
            models = ModelCache(plan, store, False)
            predictor = models.get(code)  # loading is not what is compared
            begin = time.perf_counter()
            entries = list(evaluate(plan, store, models))
            ours += time.perf_counter() - begin
            assert all(entry.status == "ok" for entry, _ in entries), entries
            data = LanguageSession(plan, store, models, code).data()
            bare += _bare(predictor, [text for column in ("query", "candidate") for text in data[column]])
    line(f"Tatoeba, {pairs} pairs of {size}, seconds against bare encoding", ours, bare, "s", "at most 1.1")


def _bare(predictor: Predictor, texts: list[str]) -> float:
    module, tokens = predictor.module, predictor.batch_tokens
    module.eval()
    begin = time.perf_counter()
    features = [windows[0] for windows in module.features(list(dict.fromkeys(texts)))]
    with torch.inference_mode():
        for batch in sorted_batches([len(feature["input_ids"]) for feature in features], tokens):
            module.model(**pad([features[row] for row in batch], module.tokenizer.pad_token_id))
    return time.perf_counter() - begin


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
