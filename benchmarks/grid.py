"""A grid of 1 model x 4 languages x 4 levels of XNLI, compared to bare forward passes and to one process per cell.

bare: only the model, on the same distinct inputs, tokenised beforehand and ordered by length.
naive: one Python process per cell, which loads the model and pads every input to the maximum length.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.setting import job, line
from xtreme_noise.data.batching import pad, sorted_batches
from xtreme_noise.data.transform import NoiseTransform
from xtreme_noise.features.base import Limits
from xtreme_noise.models import load_model, load_tokenizer
from xtreme_noise.modules import module_class
from xtreme_noise.stages.evaluate import LanguageSession, evaluate
from xtreme_noise.stages.model_cache import ModelCache, train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.predictor import BATCH_TOKENS
from xtreme_noise.store import Store

LANGUAGES = "languages=[en,de,th,ru]"
LEVELS = "noise.levels=[0,0.05,0.1,0.2]"


def main(size: int = 100) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cfg = job(
            "model=e5_small", "task=xnli", "noise=[char]", LANGUAGES, LEVELS, f"task.size.test={size}",
            "task.size.train=64", "task.size.dev=32", "task.recipe.epochs=1", f"store={folder}",
        )  # fmt: skip
        plan, store = Plan(cfg), Store(folder)
        stage = train(plan, store, False)
        inputs = _inputs(plan, store)

        cache = ModelCache(plan, store, False)
        cache.get("en")  # loading is not measured
        begin = time.perf_counter()
        entries = list(evaluate(plan, store, cache))
        ours = time.perf_counter() - begin
        assert len(entries) == 16 and all(entry.status == "ok" for entry, _ in entries), entries

        distinct = sorted({pair for cell in inputs for pair in cell})
        bare = _bare(stage, cfg, distinct)
        line("grid, seconds against bare forward passes", ours, bare, "s", "at most 1.15")
        naive = _naive(stage, inputs[:4], Path(folder)) * len(inputs) / 4
        line("a process for each cell (4 of 16 run), seconds against the grid", naive, ours, "s", "at least 3")


def _inputs(plan: Plan, store: Store) -> list[list[tuple[str, str]]]:
    """The inputs of every cell."""
    inputs = []
    for cell in plan.cells:
        data = LanguageSession(plan, store, ModelCache(plan, store, False), cell.language).data()
        if cell.perturber is not None:
            transform = NoiseTransform(
                cell.perturber, cell.level, cell.noise_seed, "xnli", "classification", "both", cell.language
            )
            data = transform(data, "test").dataset
        inputs.append(list(zip(data["text"], data["text_pair"], strict=True)))
    return inputs


def _module(stage: Path, cfg: Any) -> Any:
    kind = module_class("classification")
    labels = ["entailment", "neutral", "contradiction"]
    model = load_model(kind.auto_class, stage, cfg, **kind.head(labels)).eval()
    return kind(model, load_tokenizer(stage), labels=labels, limits=Limits(128))


def _bare(stage: Path, cfg: Any, pairs: list[tuple[str, str]]) -> float:
    module = _module(stage, cfg.model)
    features = [windows[0] for windows in module.features(pairs)]
    batches = [
        pad([features[row] for row in batch], module.tokenizer.pad_token_id)
        for batch in sorted_batches([len(f["input_ids"]) for f in features], BATCH_TOKENS["cpu"])
    ]
    with torch.inference_mode():
        module.model(**batches[-1])
        begin = time.perf_counter()
        for batch in batches:
            module.model(**batch)
        return time.perf_counter() - begin


_PROCESS = """
import sys, torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer
model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
pairs = [line.rstrip("\\n").split("\\t") for line in open(sys.argv[2], encoding="utf-8")]
with torch.inference_mode():
    for start in range(0, len(pairs), 32):
        one, two = zip(*pairs[start : start + 32])
        model(**tokenizer(list(one), list(two), padding="max_length", max_length=128, truncation=True,
                          return_tensors="pt")).logits.argmax(-1)
"""


def _naive(stage: Path, cells: list[list[tuple[str, str]]], folder: Path) -> float:
    begin = time.perf_counter()
    for number, cell in enumerate(cells):
        texts = folder / f"cell{number}.tsv"
        rows = ["\t".join(" ".join(text.split()) for text in pair) for pair in cell]
        texts.write_text("\n".join(rows), encoding="utf-8")
        subprocess.run([sys.executable, "-c", _PROCESS, str(stage), str(texts)], check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
