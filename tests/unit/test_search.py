"""Exact search: against brute force in double precision, over block borders, with ties, in bounded memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xtreme_noise import search


def unit(rows: int, width: int, seed: int) -> Any:
    found = np.random.default_rng(seed).standard_normal((rows, width), dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def brute(queries: Any, pool: Any, k: int) -> Any:
    scores = queries.astype(np.float64) @ pool.astype(np.float64).T
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize(("pool_rows", "query_rows"), [(8192, 512), (64, 7), (20, 3), (7, 100)])
@pytest.mark.parametrize("k", [1, 20])
def test_against_brute_force(monkeypatch: pytest.MonkeyPatch, pool_rows: int, query_rows: int, k: int) -> None:
    monkeypatch.setattr(search, "POOL_ROWS", pool_rows)
    monkeypatch.setattr(search, "QUERY_ROWS", query_rows)
    queries, pool = unit(30, 16, 0), unit(501, 16, 1)
    scores, rows = search.top_k(queries, pool, k)
    assert rows.tolist() == brute(queries, pool, k).tolist()
    assert np.allclose(scores, (queries[:, None] * pool[rows]).sum(-1), atol=1e-6)
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("pool_rows", [4, 5, 1000])
def test_equal_scores_stand_in_the_order_of_the_pool(monkeypatch: pytest.MonkeyPatch, pool_rows: int) -> None:
    monkeypatch.setattr(search, "POOL_ROWS", pool_rows)
    pool = np.repeat(np.eye(3, dtype=np.float32), 7, axis=0)[np.argsort(np.arange(21) % 3, kind="stable")]
    queries = np.eye(3, dtype=np.float32)
    _, rows = search.top_k(queries, pool, 9)
    assert rows.tolist() == brute(queries, pool, 9).tolist()


def test_a_pool_smaller_than_k_and_vectors_that_are_no_numbers() -> None:
    _, rows = search.top_k(unit(2, 8, 0), unit(3, 8, 1), 20)
    assert [sorted(row) for row in rows.tolist()] == [[0, 1, 2]] * 2
    with pytest.raises(ValueError, match="query 0, counted from 0, contains nan or inf"):
        search.top_k(np.full((1, 8), np.nan, dtype=np.float32), unit(3, 8, 1), 2)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 17, 49])
def test_one_row_of_many_blocks_that_is_no_number(monkeypatch: pytest.MonkeyPatch, wrong: float, row: int) -> None:
    monkeypatch.setattr(search, "POOL_ROWS", 8)
    pool = unit(50, 8, 1)
    pool[row, 3] = wrong
    with pytest.raises(ValueError, match=f"row of the pool {row}, counted from 0, contains nan or inf"):
        search.top_k(unit(2, 8, 0) * 0, pool, 3)


def test_a_pool_on_disk(tmp_path: Path) -> None:
    pool = unit(300, 8, 2)
    np.save(tmp_path / "pool.npy", pool)
    mapped = np.load(tmp_path / "pool.npy", mmap_mode="r")
    assert search.top_k(pool[:5], mapped, 3)[1].tolist() == brute(pool[:5], pool, 3).tolist()
