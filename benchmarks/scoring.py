"""Seconds on one core to score 100,000 predictions and to count their flips, for every metric."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

from xtreme_noise import metrics

COUNT = 100_000
POS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
Made = tuple[list[str], list[str], list[Any]]  # predictions on clean input, on noisy input, gold


def words(rng: random.Random, most: int) -> str:
    """A random answer; hardly any two are equal, so that caching does not help."""
    return " ".join("".join(rng.choices("abcdefghijklmno", k=5)) for _ in range(rng.randint(1, most)))


def labels(rng: random.Random) -> Made:
    drawn = [rng.choices(("entailment", "neutral", "contradiction"), k=COUNT) for _ in range(3)]
    return drawn[0], drawn[1], drawn[2]


def answers(rng: random.Random) -> Made:
    gold = [[words(rng, 6)] for _ in range(COUNT)]
    near = [[rng.choice((truths[0], "The " + truths[0], words(rng, 8))) for truths in gold] for _ in range(2)]
    return near[0], near[1], gold


def tags(rng: random.Random) -> Made:
    gold = [rng.choices(POS, k=rng.randint(1, 39)) for _ in range(COUNT)]
    near = [
        [" ".join(tag if rng.random() < 0.9 else rng.choice(POS) for tag in sentence) for sentence in gold]
        for _ in range(2)
    ]
    return near[0], near[1], [" ".join(sentence) for sentence in gold]


def rankings(rng: random.Random) -> Made:
    ids = [f"Q{number}" for number in range(10_000)]
    drawn = [[json.dumps(rng.sample(ids, 20)) for _ in range(COUNT)] for _ in range(2)]
    return drawn[0], drawn[1], [rng.sample(ids, rng.randint(1, 11)) for _ in range(COUNT)]


MAKERS: dict[str, Callable[[random.Random], Made]] = {
    "accuracy": labels,
    "span_f1": tags,
    "token_accuracy": tags,
    "squad_f1": answers,
    "mlqa_f1": answers,
    "error_rate": answers,
    "map": rankings,
    "map_at_20": rankings,
    "mrr_at_20": rankings,
}


def main(*names: str) -> None:
    for name in names or metrics.names():
        if name not in MAKERS:
            raise SystemExit(f"{name} has no predictions to score: add a generator to MAKERS")
        clean, noisy, gold = MAKERS[name](random.Random(0))
        metric = metrics.build(name, "en")
        begin = time.process_time()
        metric.score(clean, gold)
        scored = time.process_time()
        metric.flips(clean, noisy, gold)
        flips = time.process_time() - scored
        took = f"{scored - begin:.1f} s to score {COUNT:,} predictions, {flips:.1f} s for flips"
        print(f"{name}: {took} (target: under 10 s)", flush=True)


if __name__ == "__main__":
    main()
