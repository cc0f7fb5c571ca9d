"""Hierarchical bootstrap: languages are drawn too, for an interval that covers other languages.

Every resample of source items (bootstrap.py) also draws as many languages as there are, with replacement; a language
that is drawn k times counts k times in every cell. Items and languages are crossed, as an item has a translation in
each language, and each is drawn by itself: the variance is then at least that of the mean (A. B. Owen, The pigeonhole
bootstrap, Annals of Applied Statistics 1 (2007)), so that intervals are rather too wide than too narrow.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xtreme_noise.analysis.bootstrap import Floats, defined
from xtreme_noise.analysis.seeds import LEAST_SEEDS, Estimate, combined

LEAST_LANGUAGES = 3


def counts(languages: Sequence[str], resamples: int, *, seed: int = 0, stream: str = "") -> dict[str, Floats]:
    """How often each language is drawn: language -> (resamples,). Deterministic, and independent of their order."""
    names = sorted(languages)
    generator = np.random.default_rng([seed, zlib.crc32(f"{stream}|languages".encode())])
    drawn = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=resamples)
    return {name: drawn[:, column].astype(float) for column, name in enumerate(names)}


def mean(parts: Mapping[str, Floats], drawn: Mapping[str, Floats]) -> Floats:
    """The mean over languages in every resample; NaN where none of them was drawn.

    parts: language -> (resamples,) replicates of its score; drawn: from `counts`, of these languages and maybe others.
    """
    total = sum(drawn[language] * part for language, part in parts.items())
    weight = sum(drawn[language] for language in parts)
    with np.errstate(invalid="ignore"):
        return np.asarray(total / weight)


def over_languages(values: Floats, drawn: Floats, languages: int) -> Estimate:
    """The mean over training runs, with an interval that covers other languages and, from LEAST_SEEDS runs on, seeds.

    values: (runs,); drawn: (runs, resamples), whose variance is that over languages and items, with (languages - 1)
    degrees of freedom. There is no interval below LEAST_LANGUAGES, and no p below LEAST_SEEDS.
    """
    value, runs = float(np.mean(values)), len(values)
    mean_drawn = np.mean(drawn, axis=0)
    if languages < LEAST_LANGUAGES or not defined(mean_drawn):
        return Estimate(value, seeds=runs)
    several = runs >= LEAST_SEEDS
    found = combined(values, float(np.nanstd(mean_drawn, ddof=1)), languages, between_runs=several)
    return found if several else replace(found, p=None, df=None)
