"""Exact nearest neighbours by inner product, in bounded memory: every query against every row, block by block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
# Rows of the pool and queries multiplied at once: 8192 x 384 floats are read, 512 x 8192 scores are held, 29 MB in all.
POOL_ROWS = 8192
QUERY_ROWS = 512


def top_k(queries: Matrix, pool: Matrix, k: int) -> tuple[Matrix, NDArray[np.int64]]:
    """(scores, rows) of the `k` rows of `pool` with the highest inner product, best first, equal scores by row.

    queries: (q, d); pool: (n, d), which may be memory-mapped: it is read once, from start to end. Both results have the
    shape (q, min(k, n)). Raises ValueError for vectors that are not finite.
    """
    _finite(queries, "query", 0)
    k = min(k, len(pool))
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    rows = np.full((len(queries), k), -1, dtype=np.int64)
    for start in range(0, len(pool), POOL_ROWS):
        part = np.ascontiguousarray(pool[start : start + POOL_ROWS], dtype=np.float32)
        _finite(part, "row of the pool", start)
        for low in range(0, len(queries), QUERY_ROWS):
            block = slice(low, low + QUERY_ROWS)
            _merge(scores[block], rows[block], queries[block] @ part.T, start)
    if (rows < 0).any():
        raise ValueError("a score is not a number: the vectors are too large")
    return scores, rows


def _finite(vectors: Matrix, what: str, start: int) -> None:
    """Raise ValueError for nan and inf. Of the vectors, not of their scores: these are many more."""
    wrong = ~np.isfinite(vectors).all(axis=1)
    if wrong.any():
        raise ValueError(f"{what} {start + int(wrong.argmax())}, counted from 0, holds nan or inf")


def _merge(best: Matrix, rows: NDArray[np.int64], scores: Matrix, start: int) -> None:
    """Take what beats the worst of `best` (changed in place); `scores` (queries, part) are of rows from `start` on."""
    k, width = best.shape[1], scores.shape[1]
    worst = best[:, -1:]
    if width > k and not np.isfinite(worst).any():  # the first part: its own k best, with what equals the last of them
        hits = scores >= np.partition(scores, width - k, axis=1)[:, width - k, None]
    else:
        hits = scores > worst  # an equal score in a later row comes after it
    touched = np.flatnonzero(hits.any(axis=1))
    if not len(touched):
        return
    query, column = np.nonzero(hits[touched])
    owner = np.concatenate([np.repeat(np.arange(len(touched)), k), query])
    value = np.concatenate([best[touched].ravel(), scores[touched[query], column]])
    row = np.concatenate([rows[touched].ravel(), start + column])
    order = np.lexsort((row, -value, owner))
    first = np.searchsorted(owner[order], np.arange(len(touched)))
    chosen = order[(first[:, None] + np.arange(k)).ravel()]
    best[touched] = value[chosen].reshape(-1, k)
    rows[touched] = row[chosen].reshape(-1, k)
