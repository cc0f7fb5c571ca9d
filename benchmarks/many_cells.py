"""The report of a synthetic study with many cells: processor time, memory and size of the page.

    python -m benchmarks.many_cells          # 10,000 cells
    python -m benchmarks.many_cells 100000 [folder]     # a folder to keep the study in

Three arms, three seeds, 20 parallel languages, three noise families with three levels and two noise seeds: 3,420 cells
for each task and model, in nine jobs with their configurations and records. The scores are random.
"""

from __future__ import annotations

import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise.config import compose, planned
from xtreme_noise.config.schema import Config
from xtreme_noise.record import CellRecord
from xtreme_noise.results import JOB
from xtreme_noise.results.items import ItemsWriter, content_digest

ITEMS = 100
ARMS = (("none", None), ("nli", "english"), ("nli", "multilingual"))  # kinds of intermediate tasks, and arms
LANGUAGES = "ar bg de el en es eu fi fr hi id ja ko ru sw th tr ur vi zh".split()
SEEDS, NOISE_SEEDS = (0, 1, 2), (0, 1)
NOISES, LEVELS = ("char", "keyboard", "realistic"), (0.05, 0.1, 0.2)
TASKS = (("classification", "accuracy"), ("tagging", "span_f1"), ("qa", "f1"))
MODELS = ("e5_small", "xlmr_base", "mbert")
CONDITIONS = (("clean", 0.0, 0), *product(NOISES, LEVELS, NOISE_SEEDS))
PER_TASK = len(ARMS) * len(LANGUAGES) * len(SEEDS) * len(CONDITIONS)  # and model
CLEAN, NOISY = "turn on the light in the kitchen", "turn onx the lght in the kitchen"
EDITS = [[7, 7, 7, 8, "", "x"], [13, 14, 14, 14, "i", ""]]
LABELS = np.array(["entailment", "neutral", "contradiction"])


def make(sweep: Path, cells: int) -> int:
    """Write a study with about this many cells; how many it has. Deterministic."""
    (sweep / "predictions").mkdir(parents=True)
    blocks = max(1, round(cells / PER_TASK))
    models = MODELS if blocks > len(TASKS) else MODELS[:1]
    (base,) = compose.jobs([
        "task=intents", "noise=[char,keyboard,realistic]", "noise.seeds=[0,1]", "source=embedded", "model=tiny",
        f"noise.levels=[0,{','.join(map(str, LEVELS))}]",
    ])  # fmt: skip
    rng, made = np.random.default_rng(0), 0
    for number in range(-(-blocks // len(models))):
        family, metric = TASKS[number % len(TASKS)]
        task = replace(base.task, reported_as=f"{family}{number}", family=family, metric=metric)
        for model, (kind, arm), seed in product(models, ARMS, SEEDS):
            cfg = replace(
                base, task=task, seed=seed, languages=LANGUAGES, model=replace(base.model, name=model),
                intermediate=replace(base.intermediate, name=kind, arm=arm),
            )  # fmt: skip
            made += _job(sweep, cfg, rng, made)
    return made


def _job(sweep: Path, cfg: Config, rng: np.random.Generator, first: int) -> int:
    """Write the job with its cells, numbered from `first`; how many they are."""
    folder = sweep / "jobs" / f"{first:08x}"
    items = ItemsWriter(folder, parallel=True)
    rows = [_measured(sweep, rng, first + n, where, items) for n, where in enumerate(_places(cfg))]
    planned.write([cfg], [folder])
    (folder / planned.UNFINISHED).unlink()
    (folder / JOB).write_text(json.dumps({"finished": first, "cells": [row.values() for row in rows], "stages": []}))
    items.write(sweep / "predictions")
    return len(rows)


def _places(cfg: Config) -> Iterator[dict[str, Any]]:
    arm = cfg.intermediate.arm or "none"
    for language, (noise, level, noise_seed) in product(LANGUAGES, CONDITIONS):
        yield {
            "task": cfg.reported_task(), "family": cfg.task.family, "model": cfg.model.name, "metric": cfg.task.metric,
            "intermediate": cfg.intermediate.title, "kind": cfg.intermediate.kind, "arm": arm,
            "language": language, "language_name": language.upper(), "script": "Latn",
            "noise": noise, "level": level, "noise_seed": noise_seed, "seed": cfg.seed, "train_noise": "none",
            "seen": None if arm == "none" else language == "en" or (arm == "multilingual" and language < "hi"),
        }  # fmt: skip


def _measured(
    sweep: Path, rng: np.random.Generator, number: int, where: dict[str, Any], items: ItemsWriter
) -> CellRecord:
    right = rng.random(ITEMS) < 0.85 - 2 * where["level"] * rng.uniform(0.8, 1.2)
    num: Any = right.astype(float)
    den: Any = np.ones(ITEMS)
    if where["family"] == "tagging":
        num, den = 6.0 * right, 6.0 + (rng.random(ITEMS) < 0.2)
    elif where["family"] == "qa":
        num = np.where(right, 1.0, rng.random(ITEMS) / 2)
    digest = f"{number:016x}"
    ids = [f"{where['task']}-{item}" for item in range(ITEMS)]
    gold = np.arange(ITEMS) % len(LABELS)
    columns = {"id": ids, "cluster": ids, "num": num, "den": den, "correct": right}
    columns |= {"prediction": LABELS[np.where(right, gold, gold - 1)], "gold": LABELS[gold]}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    (sweep / "predictions" / f"{digest}.parquet").write_bytes(buffer.getvalue())
    items.add(digest, content_digest(buffer.getvalue()))
    noise = where["level"]
    sample = {"id": ids[0], "field": "text", "clean": CLEAN, "noisy": NOISY, "edits": EDITS}
    return CellRecord(
        **where, cell=digest, status="ok", score=float(num.sum() / den.sum()), n=ITEMS, test_size=ITEMS,
        achieved=noise, changed=min(1.0, 12 * noise), word_change_rate=4 * noise, fertility=1.3, flip_rate=2 * noise,
        right_to_wrong=1.4 * noise, wrong_to_right=0.3 * noise, seconds=1.5, forward_seconds=1.2, noise_seconds=0.05,
        token_change_rate=3 * noise, calibrated_by="grapheme", saturated=False, label_preserving=True,
        signature="|".join(f"{name}:{value}" for name, value in where.items()), extra={"exact_match": 0.5},
        samples=[sample] if noise else [],
    )  # fmt: skip


def measure(sweep: Path, cells: int) -> None:
    """Run mode=report in a process of its own, and print what it took."""
    (sweep / ".report.json").unlink(missing_ok=True)  # a report that is up to date is not written again
    begin = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "xtreme_noise", "mode=report", f"sweep={sweep}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    page = (sweep / "report.html").stat().st_size
    print(
        f"report of {cells:,} cells: {used.ru_utime + used.ru_stime:.1f} s of processor time "
        f"({time.perf_counter() - begin:.1f} s in all), {used.ru_maxrss / 2**20:.2f} GB, page {page / 1e6:.2f} MB"
    )


def main(cells: str = "10000", folder: str | None = None) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        sweep = Path(folder or temporary) / "study"
        made = json.loads((sweep / "made").read_text()) if (sweep / "made").exists() else make(sweep, int(cells))
        (sweep / "made").write_text(json.dumps(made))
        measure(sweep, made)


if __name__ == "__main__":
    main(*sys.argv[1:])
