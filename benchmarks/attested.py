"""Synthetic noise compared to attested noise, on the items of noisy XNLI: rates, subwords and edit types.

    python -m benchmarks.attested

Calibrated families have the grapheme error rate of the attested noise in that language; stock nlpaug has its defaults,
since it has no level. mix: total variation distance of the edit types from the attested ones (0: the same distribution,
1: disjoint). The weights of `realistic` were fitted on de, es and fr; en, hi and tr are the test languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from benchmarks.setting import job
from xtreme_noise.data.transform import token_change_rate
from xtreme_noise.models import load_tokenizer, materialise
from xtreme_noise.noise import build
from xtreme_noise.noise.edits import NoisedText, between
from xtreme_noise.noise.error_mix import error_mix
from xtreme_noise.noise.words import words, words_touched
from xtreme_noise.stages.plan import test_reference
from xtreme_noise.store import Store

ITEMS = 300
HEAD = "| language | noise | grapheme rate | word rate | token rate | fertility | mix |\n|---|---|---|---|---|---|---|"
Stock = Callable[[Sequence[str]], list[str]]
SYNTHETIC = ("realistic", "char", "keyboard", "nlpaug")


def main() -> None:
    print(HEAD)
    for code in ("en", "hi", "tr", "de", "es", "fr"):
        cfg = job("task=attested/xnli", "noise=attested", f"language={code}", "model=e5_small")
        store = Store(cfg.store)
        rows = test_reference(cfg, code).load(store).select(range(ITEMS))
        clean = [*rows["text"], *rows["text_pair"]]
        noisy = [*rows["noisy_text"], *rows["noisy_text_pair"]]
        tokenizer = load_tokenizer(materialise(cfg.model, store, True))
        compare(code, clean, noisy, SYNTHETIC, tokenizer, STOCK if code == "en" else {})


def compare(
    code: str,
    clean: Sequence[str],
    noisy: Sequence[str],
    families: Sequence[str],
    tokenizer: object,
    stock: Mapping[str, Stock],
) -> None:
    """Prints the rows of a language: attested noise, families at its grapheme rate, stock augmenters."""
    attested = list(map(between, clean, noisy))
    rate = fmean(noised.achieved for noised in attested)
    noised_by: dict[str, Sequence[NoisedText]] = {"attested": attested}
    for family in families:
        noise = build(family)
        noise.prepare(clean, rate, code)
        noised_by[f"{family} at {rate:.3f}"] = [
            noise(text, rate, str(n), language=code) for n, text in enumerate(clean)
        ]
    noised_by |= {f"stock nlpaug {name}": list(map(between, clean, _stock(name, clean))) for name in stock}
    reference = _mix(clean, attested, code)
    ids = _ids(tokenizer, clean)
    for name, noised in noised_by.items():
        made = _ids(tokenizer, [one.text for one in noised])
        print(
            f"| {code} | {name} | {fmean(one.achieved for one in noised):.3f} "
            f"| {_words(clean, noised, code):.3f} | "
            f"{token_change_rate(ids, made):.3f} | {sum(map(len, made)) / sum(map(len, ids)):.3f} | "
            f"{_distance(reference, _mix(clean, noised, code)):.2f} |",
            flush=True,
        )


def _random(texts: Sequence[str]) -> list[str]:
    import nlpaug.augmenter.char as nac

    return [_text(nac.RandomCharAug().augment(text), text) for text in texts]


def _keyboard(texts: Sequence[str]) -> list[str]:
    import nlpaug.augmenter.char as nac

    return [_text(nac.KeyboardAug().augment(text), text) for text in texts]


STOCK: dict[str, Stock] = {"RandomCharAug": _random, "KeyboardAug": _keyboard}


def _stock(name: str, texts: Sequence[str]) -> list[str]:
    import random

    random.seed(0)
    np.random.seed(0)
    return STOCK[name](texts)


def _text(augmented: list[str] | str, text: str) -> str:
    return (augmented[0] if augmented else text) if isinstance(augmented, list) else augmented


def _ids(tokenizer: object, texts: Sequence[str]) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False)["input_ids"]  # type: ignore[operator]
    return ids


def _words(clean: Sequence[str], noised: Sequence[NoisedText], code: str) -> float:
    spans = [words(text, code) for text in clean]
    touched = sum(len(words_touched(own, one.edits)) for own, one in zip(spans, noised, strict=True))
    return touched / sum(map(len, spans))


def _mix(clean: Sequence[str], noised: Sequence[NoisedText], code: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for text, one in zip(clean, noised, strict=True):
        total.update(error_mix(text, one.text, code))
    return total


def _distance(one: Counter[str], other: Counter[str]) -> float:
    """Total variation distance of two mixes, in [0, 1]."""
    names = {*one, *other}
    return sum(abs(one[name] / one.total() - other[name] / other.total()) for name in names) / 2


if __name__ == "__main__":
    main()
