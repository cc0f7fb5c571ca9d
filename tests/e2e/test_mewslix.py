"""Entity retrieval on small files with the tiny model: one pool for all languages, trained on English pairs."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.e2e.world import cells, sentence, words, write
from xtreme_noise import cli

ENTITIES = 40


@pytest.mark.usefixtures("workdir")
def test_from_command_to_scores(tmp_path: Path) -> None:
    folder = tmp_path / "mewsli_x"
    pairs = [{"mention": sentence("en", n, 4), "entity": sentence("en", n, 8)} for n in range(100, 140)]
    write(folder / "train.en.jsonl.gz", pairs)
    write(folder / "dev.en.jsonl.gz", [
        {"mention": sentence("en", n, 4), "entity": sentence("en", n, 8)} for n in range(200, 210)
    ])  # fmt: skip
    entities = [{"entity_id": f"Q{n}", "description": sentence(("en", "de")[n % 2], n, 8)} for n in range(ENTITIES)]
    write(folder / "candidates.jsonl.gz", entities)
    for code in ("en", "de"):
        rows = [{"mention": sentence(code, n, 4), "entity_id": f"Q{n}"} for n in range(0, ENTITIES, 4)]
        write(folder / f"test.{code}.jsonl.gz", rows)
    job = words(tmp_path, "task=mewslix", "languages=[de,en]", "noise.level=0.1")
    assert cli.main([*job, "sweep=s"]) == 0
    found = cells(Path("s"))
    assert {(row["language"], row["noise"]) for row in found} == {
        (c, n) for c in ("en", "de") for n in ("clean", "char")
    }
    for row in found:
        assert (row["status"], row["n"], row["metric"]) == ("ok", ENTITIES // 4, "mrr_at_20")
        table = pq.read_table(Path("s/predictions") / f"{row['cell']}.parquet").to_pydict()
        assert set(table["choices"]) == {ENTITIES}, "what a guess scores depends on the size of the pool"
        ranks = []
        for prediction, right in zip(table["prediction"], table["gold"], strict=True):
            ranked = json.loads(prediction)
            assert len(ranked) == 20 == len(set(ranked)), "of one pool, its single file"
            ranks.append(1 / (ranked.index(right) + 1) if right in ranked else 0.0)
        assert row["score"] == pytest.approx(sum(ranks) / len(ranks))
