"""Exact nearest neighbours by inner product in bounded memory: all queries against all rows, block by block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
# Rows of the pool and queries multiplied at once: 8192 x 384 floats and 512 x 8192 scores take 29 MB.
POOL_ROWS = 8192
QUERY_ROWS = 512


def top_k(queries: Matrix, pool: Matrix, k: int) -> tuple[Matrix, NDArray[np.int64]]:
    """(scores, rows) of the `k` rows of `pool` with the highest inner products, best first, ties by row.

    queries: (q, d); pool: (n, d), may be memory-mapped and is read once, sequentially. Both results have the shape
    (q, min(k, n)). Raises ValueError for vectors that are not finite.
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
    """Raise ValueError for nan and inf in the vectors, which are fewer than their scores."""
    wrong = ~np.isfinite(vectors).all(axis=1)
    if wrong.any():
        raise ValueError(f"{what} {start + int(wrong.argmax())}, counted from 0, contains nan or inf")


def _merge(best: Matrix, rows: NDArray[np.int64], scores: Matrix, start: int) -> None:
    """Merge `scores` (queries, part), of the rows from `start` on, into `best` and `rows`, in place."""
    k, width = best.shape[1], scores.shape[1]
    worst = best[:, -1:]
    if width > k and not np.isfinite(worst).any():  # the first part: its k best, and ties with the last of them
        hits = scores >= np.partition(scores, width - k, axis=1)[:, width - k, None]
    else:
        hits = scores > worst  # with equal scores, the earlier row stays
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
