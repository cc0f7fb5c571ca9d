"""Paired cluster bootstrap over source items.

A score is sum(num) / sum(den) over examples (accuracy: den 1; tag F1: num 2 tp, den predicted + gold). One
resample draws as many source items as there are, with replacement; an item that is drawn k times counts k
times in EVERY cell that has it: every arm, level and, on a parallel test set, language. Differences between
cells are therefore paired, and translations of one sentence are not mistaken for independent evidence.

Sources: B. Efron and R. Tibshirani, An Introduction to the Bootstrap (1993), ch. 13 (percentile interval) and
16 (tests); P. Koehn, Statistical significance tests for machine translation evaluation, EMNLP 2004 (paired
resamples).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = NDArray[Any]  # of either precision
EXACT = 2**24  # up to here single precision holds every whole number
BLOCK = 500  # resamples drawn at once: bounds memory, and is part of the random stream (do not tune per machine)


@dataclass(frozen=True)
class LanguageScores:
    """The per-item numerators and denominators of all cells of one task in one language.

    clusters: (items,) ids of source items, without repetition; num, den: (items, cells), den >= 0.
    """

    clusters: Sequence[str]
    num: Floats
    den: Floats


def by_cluster(clusters: NDArray[np.str_], values: Floats) -> tuple[list[str], Floats]:
    """Sum `values` (examples, cells) within clusters: the sorted cluster ids and (clusters, cells)."""
    names, where = np.unique(clusters, return_inverse=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, where, values)
    return [str(name) for name in names], sums


def replicates(
    languages: Mapping[str, LanguageScores], resamples: int, *, seed: int = 0, stream: str = ""
) -> dict[str, Floats]:
    """Scores of every cell in every resample: language -> (resamples, cells); NaN where a resample has no
    weight.

    Languages that share a source item are resampled together; languages that share none (a test set that is
    not parallel) are strata of their own, so that each keeps its number of items. `stream` separates the
    random numbers of tasks: adding a task leaves the intervals of another alone. Deterministic in its
    arguments.
    """
    # The replicates of a cell are side by side in memory, as they are used cell by cell.
    scores = {name: np.empty((part.num.shape[1], resamples)) for name, part in languages.items()}
    items = {name: part.clusters for name, part in languages.items()}
    every = {item for own in items.values() for item in own}  # at least as many as are drawn in any language
    parts = {
        name: (_quick(part.num, len(every)), _quick(_once(part.den), len(every))) for name, part in languages.items()
    }
    for name, start, weights in draws(items, resamples, seed=seed, stream=stream):
        _ratio(weights, *parts[name], scores[name][:, start : start + len(weights)])
    return {name: drawn.T for name, drawn in scores.items()}


def draws(
    languages: Mapping[str, Sequence[str]], resamples: int, *, seed: int = 0, stream: str = ""
) -> Iterator[tuple[str, int, Floats]]:
    """How often each source item of a language counts in each resample: language, number of the first resample,
    (up to BLOCK resamples, items), for all resamples of all languages. Not to be changed.

    languages: the source items of each, sorted, without repetition. Fewer resamples are the first of more.
    """
    if resamples < 1:
        raise ValueError("at least one resample is needed")
    for group in _linked(languages):
        items = sorted({item for name in group for item in languages[name]})
        position = {item: i for i, item in enumerate(items)}
        columns = {n: np.array([position[item] for item in languages[n]], dtype=np.intp) for n in group}
        generator = np.random.default_rng([seed, zlib.crc32(f"{stream}|{group[0]}".encode())])
        for start in range(0, resamples, BLOCK):
            weights = _counts(generator, len(items), min(BLOCK, resamples - start))
            for name in group:
                everything = np.array_equal(columns[name], np.arange(len(items)))
                yield name, start, weights if everything else weights[:, columns[name]]


def _linked(languages: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Languages grouped so that two share a group when a chain of shared source items joins them; sorted."""
    groups: list[tuple[set[str], list[str]]] = []
    for name in sorted(languages):
        items, members = set(languages[name]), [name]
        apart = []
        for other_items, other_members in groups:
            if items.isdisjoint(other_items):
                apart.append((other_items, other_members))
            else:
                items |= other_items
                members = other_members + members
        groups = [*apart, (items, members)]
    return sorted(sorted(members) for _, members in groups)


def _counts(generator: np.random.Generator, items: int, resamples: int) -> Floats:
    """Multinomial counts (resamples, items): each row draws `items` items with replacement."""
    drawn = generator.integers(0, items, size=(resamples, items))
    drawn += np.arange(resamples)[:, None] * items
    return np.bincount(drawn.ravel(), minlength=resamples * items).reshape(resamples, items).astype(float)


def _ratio(weights: Floats, num: Values, den: Values, out: Floats) -> None:
    """Fill out: (cells, resamples)."""
    above, below = _sums(weights, num), _sums(weights, den)
    if (below > 0).all():
        np.divide(above, below, out=out, dtype=float)
    else:
        out[:] = np.nan
        np.divide(above, below, out=out, dtype=float, where=np.broadcast_to(below > 0, above.shape))


def _sums(weights: Floats, values: Values) -> Values:
    """(columns, resamples), in the precision of the values."""
    if values.dtype == float:
        return (weights @ values).T
    sums: Values = values.T @ weights.astype(values.dtype).T  # exact, so in the order of `out`: quicker to divide
    return sums


def _once(den: Floats) -> Floats:
    """Accuracies have den 1 everywhere: one column then stands for all of them, which halves the work."""
    first = den[:, :1]
    return first if (den == first).all() else den


def _quick(values: Floats, draws: int) -> Values:
    """The values in single precision, if sums of `draws` of them are exact in it: they are whole numbers, and few."""
    exact = draws * float(np.abs(values).max(initial=0.0)) < EXACT and not np.mod(values, 1.0).any()
    return values.astype(np.float32) if exact else values


def defined(values: Floats) -> bool:
    """Whether at most one in twenty replicates is undefined."""
    known = np.count_nonzero(~np.isnan(values))
    return bool(known > 0 and known >= 0.95 * len(values))


def interval(values: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of replicates; None when more than one in twenty is undefined (too little data)."""
    if not defined(values):
        return None
    low, high = np.quantile(values[~np.isnan(values)], [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
