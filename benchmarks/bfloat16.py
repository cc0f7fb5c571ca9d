"""Predictions that change when e5_small's encoder computes in bfloat16 instead of float32, on five tasks of XTREME-R.

Each target is trained briefly in float32 (so that many examples are near a decision) and predicted both ways on real
test sets. Without instructions for bfloat16 this takes hours. `model.bf16=true` needs at most 0.2 % on every task.

    python -m benchmarks.bfloat16 [task ...]
"""

from __future__ import annotations

import sys
import tempfile
from typing import NamedTuple

import torch

from benchmarks.setting import job
from xtreme_noise.data.sources import subsample
from xtreme_noise.models.running import CAST, FLOAT32
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.predictor import Predictor
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.store import Store


class Setting(NamedTuple):
    """Training examples (None: not trained), languages, test examples in each."""

    train: int | None
    languages: tuple[str, ...]
    test: int


TASKS = {
    "tatoeba": Setting(None, ("de", "sw", "th"), 300),
    "sib200": Setting(700, ("de", "hi"), 204),
    "xnli": Setting(1500, ("en", "de", "hi"), 200),
    "udpos": Setting(600, ("en", "es", "hi"), 100),
    "wikiann": Setting(1000, ("en", "de", "es"), 200),
    "xquad": Setting(400, ("en", "de", "hi"), 40),
}


def main(names: list[str]) -> None:
    for name in names or TASKS:
        with tempfile.TemporaryDirectory() as folder:
            changed, total = compare(name, TASKS[name], folder)
        print(f"{name}: {changed} of {total} predictions change, {100 * changed / total:.2f} %", flush=True)


def compare(name: str, setting: Setting, folder: str) -> tuple[int, int]:
    """Changed predictions and all. A prediction of tagging is a tag."""
    fit = [f"task.size.train={setting.train}", "task.size.dev=60", "task.recipe.epochs=2"] if setting.train else []
    cfg = job("model=e5_small", f"task={name}", f"languages=[{','.join(setting.languages)}]", f"store={folder}", *fit)
    plan, store = Plan(cfg), Store(folder)
    tests = {language: plan.test(language) for language in setting.languages}  # before anything is trained
    path = train(plan, store, False)
    stage = plan.stages[-1] if plan.stages else None
    both = []
    for precision in (FLOAT32, CAST):
        module = open_module(path, cfg, stage, cfg.task.family, fresh_head=False, base=plan.base)
        both.append(Predictor(module, device=torch.device("cpu"), precision=precision))
    changed = total = 0
    for test in tests.values():
        data = subsample(test.load(store), setting.test, "test")[:]
        one, other = ([part for line in some.predict(data) for part in _parts(line, cfg.task.family)] for some in both)
        changed += sum(a != b for a, b in zip(one, other, strict=True))
        total += len(one)
        for predictor in both:
            predictor.forget()
    return changed, total


def _parts(line: str, family: str) -> list[str]:
    return line.split(" ") if family == "tagging" else [line]


if __name__ == "__main__":
    main(sys.argv[1:])
