"""Noise speed beside nlpaug, on the same text in one run: sentences per second on one core.

    python benchmarks/noise_speed.py [--data ../shared/data] [--sentences 2000] [--repeat 3]

Text: XNLI premises of --data where it is there, else utterances made from home-assistant-intents.
Wanted: at least 4 times the speed of nlpaug's RandomCharAug at level 0.05.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

from xtreme_noise.noise import build

LEVEL = 0.05
TARGET = 4.0


def texts(data: Path, count: int) -> tuple[list[str], str]:
    """English sentences, and where they are from."""
    path = data / "xnli" / "test.en.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return list(dict.fromkeys(row["premise"] for row in rows))[:count], "XNLI test premises (en)"
    from xtreme_noise.data import embedded

    found = [row["text"] for split in ("train", "dev", "test") for row in embedded.rows("intents", "en", split)]
    long = [" ".join(found[i : i + 3]) for i in range(0, len(found), 3)]
    return (long * (count // len(long) + 1))[:count], "home-assistant-intents (en), three utterances each"


def seconds(work: Callable[[list[str]], object], sentences: list[str], repeat: int) -> float:
    """The least CPU time of `repeat` runs."""
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        work(sentences)
        best = min(best, time.process_time() - start)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description="Noise speed beside nlpaug's RandomCharAug")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    from nlpaug.augmenter.char import RandomCharAug

    sentences, source = texts(options.data, options.sentences)
    stock = RandomCharAug(aug_char_p=LEVEL)
    rows = [("nlpaug RandomCharAug", seconds(lambda given: [stock.augment(t) for t in given], sentences, 1))]
    for family in ("char", "keyboard"):
        noise = build(family)

        def run(given: list[str], noise: object = noise) -> list[object]:
            return [noise(text, LEVEL, str(n), language="en") for n, text in enumerate(given)]  # type: ignore[operator]

        rows.append((f"ours {family}", seconds(run, sentences, options.repeat)))
    print(f"{len(sentences)} sentences, {fmean(map(len, sentences)):.0f} characters on average: {source}")
    reference = len(sentences) / rows[0][1]
    for name, spent in rows:
        speed = len(sentences) / spent
        print(f"{name:22} {speed:8.0f} sentences/s  {speed / reference:5.2f} x")
    ratio = rows[0][1] / rows[1][1]
    print(f"char / RandomCharAug at level {LEVEL}: {ratio:.2f} (at least {TARGET})")
    return 0 if ratio >= TARGET else 1


if __name__ == "__main__":
    raise SystemExit(main())
