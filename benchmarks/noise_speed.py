"""Speed of noise compared to nlpaug, on the same text in one run: sentences per second on one core.

    python benchmarks/noise_speed.py [--data ../shared/data] [--sentences 2000] [--repeat 5] [--families char ...]

Families that work without a user's files, at level 0.05, compared to the most similar stock augmenter, and keyboard
also to MulTypo if installed (pip install multypo; not a dependency). Text: XNLI premises of --data if present, in
English or the first language that the family supports; otherwise utterances generated from home-assistant-intents.
`first` is the first pass, with empty caches of words and clusters; `then` is the best of the later passes. Exit code 1
if a family misses its target: 20,000 sentences/s for char, keyboard and diacritic, 2,000 for any other, and 4 times
nlpaug's RandomCharAug for char. CPU time is measured, but run it on an idle machine: load can halve the speed.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.noise_levels import perturbers
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.foreign import restored

LEVEL = 0.05
RATIO = 4.0  # of char, compared to RandomCharAug
FAST, LEAST = 20_000, 2_000
FAST_FAMILIES = ("char", "diacritic", "keyboard")
CODES = ("en", "vi", "de", "ru", "hi", "zh")
# The most similar stock augmenter, and its parameter for the level.
NEAREST = {
    "char": ("char.RandomCharAug", "aug_char_p"),
    "keyboard": ("char.KeyboardAug", "aug_char_p"),
    "ocr": ("char.OcrAug", "aug_char_p"),
    "space": ("word.SplitAug", "aug_p"),
    "word": ("word.RandomWordAug", "aug_p"),
}
MULTYPO_RATE = 0.25  # of words: about a grapheme error rate of 0.05 in English


def texts(data: Path, code: str, count: int) -> tuple[list[str], str]:
    """Sentences of a language, and their source."""
    path = data / "xnli" / f"test.{code}.jsonl.gz"
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return list(dict.fromkeys(row["premise"] for row in rows))[:count], "XNLI test premises"
    from xtreme_noise.data import embedded

    found = [row["text"] for split in ("train", "dev", "test") for row in embedded.rows("intents", code, split)]
    long = [" ".join(found[i : i + 3]) for i in range(0, len(found), 3)]
    return (long * (count // len(long) + 1))[:count], "home-assistant-intents, three utterances each"


def seconds(work: Callable[[str, int], object], sentences: Sequence[str]) -> float:
    """CPU time of one pass over the sentences."""
    start = time.process_time()
    for number, text in enumerate(sentences):
        work(text, number)
    return time.process_time() - start


def ours(perturber: Perturber, code: str, text: str, number: int) -> object:
    return perturber(text, LEVEL, str(number), language=code)


def stock(augmenter: Any, text: str, _: int) -> object:
    return augmenter.augment(text)


def multypo(generator: Any, text: str, _: int) -> object:
    return generator.insert_typos_in_text(text, typo_rate=MULTYPO_RATE, sentence_tokenize=False)


def alternatives(family: str) -> dict[str, Callable[[str, int], object]]:
    """Functions of other packages to compare with, by name."""
    functions: dict[str, Callable[[str, int], object]] = {}
    if family in NEAREST:
        path, rate = NEAREST[family]
        module, _, name = path.partition(".")
        augmenter = getattr(importlib.import_module(f"nlpaug.augmenter.{module}"), name)
        functions[f"nlpaug {name}"] = partial(stock, augmenter(**{rate: LEVEL}))
    if family == "keyboard" and importlib.util.find_spec("multypo"):
        generator = importlib.import_module("multypo").MultiTypoGenerator(language="english")
        functions["MulTypo"] = partial(multypo, generator)
    return functions


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Noise speed beside nlpaug's nearest augmenters")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--families", nargs="*", help="only these families")
    options = parser.parse_args(arguments)
    print("| family | language | characters | first | then | alternative | it makes | ratio |")
    print("|---|---|---|---|---|---|---|---|")
    slow = []
    for family, perturber in perturbers().items():
        if options.families is not None and family not in options.families:
            continue
        code = next((code for code in CODES if perturber.supports(code)), perturber.languages()[0])
        sentences, source = texts(options.data, code, options.sentences)
        perturber.prepare(sentences[:400], LEVEL, code)
        works: dict[str, Callable[[str, int], object]] = {"": partial(ours, perturber, code), **alternatives(family)}
        # In turns, so that load on the machine affects all of them alike.
        with restored():  # as for a data set
            spent = [{name: seconds(work, sentences) for name, work in works.items()} for _ in range(options.repeat)]
        best = {name: len(sentences) / min(one[name] for one in spent) for name in works}
        first, then = len(sentences) / spent[0][""], best.pop("")
        length = fmean(map(len, sentences))
        head = f"| {family} | {code} | {length:.0f} | {first:,.0f} | {then:,.0f} |"
        for name, speed in best.items():
            print(f"{head} {name} | {speed:,.0f} | {then / speed:.1f} |", flush=True)
        if not best:
            print(f"{head} | | |", flush=True)
        target = FAST if family in FAST_FAMILIES else LEAST
        if then < target:
            slow.append(f"{family}: {then:,.0f} sentences/s, target {target:,}")
        if family == "char" and then < RATIO * best["nlpaug RandomCharAug"]:
            slow.append(f"char: {then / best['nlpaug RandomCharAug']:.2f} times RandomCharAug, target {RATIO:g}")
    print(f"\nSentences/s of CPU time at level {LEVEL}: {source}, {options.sentences} at most.")
    print("\n".join(slow))
    return 1 if slow else 0


if __name__ == "__main__":
    raise SystemExit(main())
