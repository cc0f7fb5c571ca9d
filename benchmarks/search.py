"""python -m benchmarks.search [pool] [queries]: exact search in a candidate pool of the size of Mewsli-X.

Seeded random unit vectors: 1,003,893 x 384 float32 in a memory-mapped file, 14,624 queries, top 20.
Measured in a separate process: seconds, processor time of all cores, and peak resident memory, including the pages of
the file that are in memory. The results of 64 queries are compared to brute force in double precision.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.search import top_k

POOL, QUERIES, WIDTH, K = 1_003_893, 14_624, 384, 20
CHECKED = 64
CHUNK = 65_536
EQUAL = 1e-6  # scores closer than this may be in either order in single precision


def main(rows: int = POOL, queries: int = QUERIES) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "pool.npy", rows, 1)
        _write(folder / "queries.npy", queries, 2)
        command = [sys.executable, "-m", "benchmarks.search", "--measure", name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        result: dict[str, float] = json.loads(done.stdout)
        print(
            f"search of {queries:,} queries in {rows:,} x {WIDTH}, top {K}: {result['seconds']:.1f} s "
            f"(target: under 300; {result['processor']:.1f} s of processor time), "
            f"peak memory {result['gigabytes']:.2f} GB (target: under 3)",
            flush=True,
        )
        wrong = _check(folder, rows)
        print(f"against brute force in double precision, {min(CHECKED, queries)} queries: {wrong} differ (target: 0)")


def _write(path: Path, rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    file = np.lib.format.open_memmap(path, "w+", dtype=np.float32, shape=(rows, WIDTH))
    for start in range(0, rows, CHUNK):
        part = random.standard_normal((min(CHUNK, rows - start), WIDTH), dtype=np.float32)
        file[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    file.flush()


def _measure(folder: Path) -> None:
    queries = np.load(folder / "queries.npy")
    pool = np.load(folder / "pool.npy", mmap_mode="r")
    begin, used = time.perf_counter(), time.process_time()
    _, rows = top_k(queries, pool, K)
    seconds, processor = time.perf_counter() - begin, time.process_time() - used
    np.save(folder / "found.npy", rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # kilobytes on Linux
    print(json.dumps({"seconds": seconds, "processor": processor, "gigabytes": peak}))


def _check(folder: Path, rows: int) -> int:
    """The number of checked queries whose results differ from brute force, ignoring ties in single precision."""
    queries: NDArray[np.float64] = np.load(folder / "queries.npy")[:CHECKED].astype(np.float64)
    pool = np.load(folder / "pool.npy", mmap_mode="r")
    found = np.load(folder / "found.npy")[:CHECKED]
    best: Any = np.full((len(queries), 0), 0.0)
    for start in range(0, rows, CHUNK):
        scores = queries @ pool[start : start + CHUNK].astype(np.float64).T
        best = np.sort(np.concatenate([best, scores], axis=1), axis=1)[:, -K:]
    ours = np.stack([pool[row].astype(np.float64) @ query for row, query in zip(found, queries, strict=True)])
    distinct = np.array([len(set(row.tolist())) == min(K, rows) for row in found])
    same = np.abs(ours - best[:, ::-1]).max(axis=1) < EQUAL
    return int((~(same & distinct)).sum())


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        _measure(Path(sys.argv[2]))
    else:
        main(*map(int, sys.argv[1:]))
