"""Synthetic sweep folders for the report's tests: parallel items, several arms, and everything that can go
wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xtreme_noise.report import predictions
from xtreme_noise.report.shots import Shots
from xtreme_noise.results.table import SCHEMA

XSS = "<script>alert('xss')</script><img src=x onerror=alert(1)>"
LANGUAGES = {
    "en": ("English", "Latn", "turn on the light in the kitchen"),
    "de": ("German", "Latn", "schalte das Licht in der Küche ein"),
    "ar": ("Arabic", "Arab", "أشعل الضوء في المطبخ"),
    "hi": ("Hindi", "Deva", "रसोई की बत्ती चालू करो"),
    "th": ("Thai", "Thai", "เปิดไฟในห้องครัว"),
    "zh": ("Chinese", "Hans", "打开厨房的灯"),
    "sw": ("Swahili", "Latn", "washa taa jikoni"),
    "ru": ("Russian", "Cyrl", "включи свет на кухне"),
}


@dataclass
class Spec:
    """What the sweep holds. `status(row)` may return (status, error) for a cell instead of (ok, None)."""

    tasks: dict[str, str] = field(default_factory=lambda: {"xnli": "classification"})
    languages: Sequence[str] = ("en", "de", "ar", "hi", "th", "zh")
    intermediates: Sequence[str] = ("none", "nli/english", "nli/multilingual")
    train_noises: Sequence[str] = ("none",)
    train_language: str | None = "en"
    seen: Sequence[str] = ("en", "de")  # languages of the multilingual arm's training; the English arm's is the first
    noises: Sequence[str] = ("char", "keyboard")
    changing: Sequence[str] = ()  # noise families that may change labels
    levels: Sequence[float] = (0.05, 0.1)
    models: Sequence[str] = ("e5_small",)
    seeds: Sequence[int] = (42,)
    noise_seeds: Sequence[int] = (0,)
    items: int = 200
    ability: float = 0.82  # 0: a model that guesses
    seed_sd: float = 0.0  # of the ability of a system, over training seeds
    weaker: Mapping[str, float] = field(default_factory=dict)  # model -> what its ability lacks
    far: Mapping[str, float] = field(default_factory=dict)  # language -> the same; others by their place in LANGUAGES
    shots: Mapping[str, Shots] = field(default_factory=dict)  # task -> its few-shot training
    status: Callable[[dict[str, Any]], tuple[str, str | None]] | None = None
    skip: Callable[[dict[str, Any]], bool] | None = None


def accidents(row: dict[str, Any]) -> tuple[str, str | None]:
    """An error, a missing language, and a family that has nothing to act on."""
    if row["language"] == "zh" and row["noise"] == "keyboard":
        return "n/a", "keyboard has no layout for zh"
    if row["language"] == "hi" and row["level"] == 0.1 and row["intermediate"] == "nli/english":
        return "error", f"RuntimeError: {XSS}"
    if row["language"] == "th" and row["task"] != "tatoeba":
        return "missing", "tests/xnli/th.jsonl.gz does not exist"
    return "ok", None


def make(sweep: Path, spec: Spec | None = None) -> Path:
    """Write the sweep folder and return it. Deterministic."""
    spec = spec or Spec()
    (sweep / "predictions").mkdir(parents=True, exist_ok=True)
    rows = [row for row in _grid(spec) if not (spec.skip and spec.skip(row))]
    for row in rows:
        row["status"], row["error"] = spec.status(row) if spec.status else ("ok", None)
        if row["status"] == "ok":
            _measure(sweep, spec, row)
        elif row["status"] == "missing":
            row["cell"] = None
    write_rows(sweep, rows)
    job = sweep / "jobs" / "a1b2c3"
    (job / ".hydra").mkdir(parents=True, exist_ok=True)
    (job / "job.json").write_text(json.dumps({"software": {"torch": "2.13.0"}, "cells": [], "stages": []}))
    (job / "config.yaml").write_text("task: xnli\nseed: 42\n")
    (job / ".hydra" / "overrides.yaml").write_text("- +experiment=quickstart\n- noise=[char,keyboard]\n")
    return sweep


def write_rows(sweep: Path, rows: Sequence[dict[str, Any]]) -> None:
    """cells.parquet with rows as they are, right or wrong; they may lack columns."""
    sweep.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), sweep / "cells.parquet")


def _grid(spec: Spec) -> list[dict[str, Any]]:
    conditions: list[tuple[str, float, int]] = [("clean", 0.0, 0)]
    conditions += product(spec.noises, spec.levels, spec.noise_seeds)
    rows = []
    axes = (spec.tasks, spec.models, spec.intermediates, spec.train_noises, spec.languages, spec.seeds, conditions)
    for task, model, intermediate, train_noise, language, seed, (noise, level, noise_seed) in product(*axes):
        family = spec.tasks[task]
        row: dict[str, Any] = {
            "task": task,
            "family": family,
            "model": model,
            "intermediate": intermediate,
            **_named(intermediate),
            "train_noise": train_noise,
            "seen": None
            if intermediate == "none"
            else language in spec.seen[: 1 if "english" in intermediate else None],
            "language": language,
            "language_name": LANGUAGES[language][0],
            "script": LANGUAGES[language][1],
            "noise": noise,
            "level": level,
            "noise_seed": noise_seed,
            "seed": seed,
            "metric": {"classification": "accuracy", "qa": "f1"}.get(family, "span_f1"),
            "label_preserving": noise not in spec.changing,
        }
        row["signature"] = "|".join(f"{k}:{v}" for k, v in row.items())
        row["cell"] = hashlib.sha256(row["signature"].encode()).hexdigest()[:16]
        row["train_language"] = spec.train_language
        if task in spec.shots:
            few = spec.shots[task]
            row |= {"zero_shot_task": few.task, "shots": few.k, "sampling": few.sampling}
        rows.append(row)
    return rows


def _named(intermediate: str) -> dict[str, str]:
    """The kind of task and its arm: chain/english[nli] is chain[nli], english."""
    label, bracket, used = intermediate.partition("[")
    kind, _, arm = label.partition("/")
    return {"kind": kind + bracket + used, "arm": arm or "none"}


def _measure(sweep: Path, spec: Spec, row: dict[str, Any]) -> None:
    """Items of different difficulty, the same in every cell; English-only training loses more to noise."""
    task = row.get("zero_shot_task") or row["task"]  # the items of few-shot results are those of the zero-shot ones
    rng = np.random.default_rng(int(hashlib.sha256(task.encode()).hexdigest()[:8], 16))
    difficulty = rng.uniform(size=spec.items)
    own = np.random.default_rng(int(row["cell"], 16)).uniform(size=spec.items)
    far = spec.far.get(row["language"], 0.04 * list(LANGUAGES).index(row["language"]))
    lift = {"none": 0.0, "english": 0.05, "multilingual": 0.04}.get(row["arm"], 0.0)
    harm = {"none": 3.0, "english": 3.2, "multilingual": 2.2}.get(row["arm"], 3.0) * (1 + far)
    harm *= 1.0 if row["train_noise"] == "none" else 0.5
    noise = row["level"] * (1.0 if row["noise"] == "char" else 0.7)
    run = f"{row['intermediate']} {row['seed']}"
    luck = np.random.default_rng(int(hashlib.sha256(run.encode()).hexdigest()[:8], 16)).normal()
    ability = spec.ability - spec.weaker.get(row["model"], 0.0) - far + lift - harm * noise + spec.seed_sd * luck
    correct = 0.8 * difficulty + 0.2 * own < ability
    if row["family"] == "classification":
        correct |= own < 1 / 3  # three labels: a guess is right this often
    num: Any = correct.astype(float)
    den: Any = np.ones(spec.items)
    if row["family"] == "tagging":
        gold = rng.integers(0, 4, size=spec.items)
        num, den = 2.0 * gold * correct, 2.0 * gold + (own > 0.9)
    labels = ["entailment", "neutral", "contradiction"]
    gold_labels = [labels[i % 3] for i in range(spec.items)]
    predicted = [labels[i % 3 if ok else (i + 1) % 3] for i, ok in enumerate(correct)]
    ids = [f"{task}-{i}" for i in range(spec.items - 1)] + [f"{task}-{XSS}"]
    table = pa.table({
        "id": ids, "cluster": ids, "num": num, "den": den, "correct": correct,
        "prediction": predicted, "gold": gold_labels,
    })  # fmt: skip
    pq.write_table(table, sweep / "predictions" / f"{row['cell']}.parquet")
    word = {"Latn": 5.0, "Cyrl": 5.5, "Arab": 4.5, "Deva": 4.0, "Thai": 9.0, "Hans": 8.0}.get(row["script"], 6.0)
    row |= {
        "score": float(num.sum() / den.sum()),
        "n": spec.items,
        "achieved": row["level"] * (0.97 - far / 4),
        "changed": min(1.0, row["level"] * 12),
        "word_change_rate": min(1.0, row["level"] * word),
        "fertility": 1.3 + far,
        "forward_tokens": round(spec.items * (20 + 10 * far)),
        "token_change_rate": min(1.0, row["level"] * 6),
        "calibrated_by": "grapheme",
        "saturated": row["noise"] == "keyboard" and row["level"] == 0.1 and row["language"] == "ar",
        "flip_rate": noise * 2,
        "right_to_wrong": noise * 1.4,
        "wrong_to_right": noise * 0.3,
        "capacity": 0.9 if row["level"] else None,
        "seconds": 1.5,
        "forward_seconds": 1.2,
        "noise_seconds": 0.05 if row["level"] else 0.0,
        "extra": json.dumps({"exact_match": 0.5}),
        "samples": json.dumps(_samples(row) if row["level"] else [], ensure_ascii=False),
    }


def _samples(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A deletion, an insertion and a substitution in real text; one hostile sample; one whose edits are
    wrong.
    """
    clean = LANGUAGES[row["language"]][2]
    noisy = clean[0] + "x" + clean[1:4] + clean[5:]
    edits = [[1, 1, 1, 2, "", "x"], [4, 5, 5, 5, clean[4], ""]]
    end = len(XSS)
    added = [[end, end, end, end + 1, "", "!"]]
    hostile = {"id": XSS, "field": "text", "clean": XSS, "noisy": XSS + "!", "edits": added}
    wrong = {
        "id": "wrong",
        "field": "text",
        "clean": clean,
        "noisy": noisy,
        "edits": [[0, 1, 0, 1, "?", "!"]],
    }
    return [{"id": "0", "field": "text", "clean": clean, "noisy": noisy, "edits": edits}, hostile, wrong]


def full(sweep: Path) -> Path:
    """Two tasks of two families, two noise families, three arms, six languages, and all accidents."""
    tasks = {"xnli": "classification", "udpos": "tagging"}
    return make(sweep, Spec(tasks=tasks, levels=(0.05, 0.1, 0.2), status=accidents))


def resampled(count: int) -> Any:
    """A fixture for a module: reports draw `count` resamples, enough for what is tested, and quicker."""

    @pytest.fixture(autouse=True, scope="module")
    def few_resamples() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(predictions, "RESAMPLES", count)
            yield

    return few_resamples
