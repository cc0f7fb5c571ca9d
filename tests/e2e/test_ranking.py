"""Answer retrieval from command to scores, on small files with the tiny model: one pool of all languages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from tests.e2e.world import QUICK, cells, qa, sentence, write
from xtreme_noise import cli
from xtreme_noise.config import compose
from xtreme_noise.errors import DataError
from xtreme_noise.results.nearest import read as read_nearest
from xtreme_noise.stages.evaluate import LanguageSession
from xtreme_noise.stages.model_cache import ModelCache, train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.stages.training_set import check_overlap
from xtreme_noise.store import Store, digest

LANGUAGES = ("en", "de", "zh")
QUESTIONS = 6


@pytest.fixture
def job(tmp_path: Path, workdir: Path) -> list[str]:  # noqa: ARG001
    """Overrides of a lareqa in three languages: six questions, three sentences of each of six contexts a language."""
    write(tmp_path / "squad/train.en.jsonl.gz", qa("en", 24, 400))
    write(tmp_path / "tydiqa_goldp/heldout.en.jsonl.gz", qa("en", 8, 500))
    for code in LANGUAGES:
        folder = tmp_path / "lareqa/xquad_r"
        numbers = range(QUESTIONS)
        write(folder / f"contexts.{code}.jsonl.gz", [
            {"context_id": f"{code}:{n}", "context": " ".join(sentence(code, 3 * n + at) for at in range(3))}
            for n in numbers
        ])  # fmt: skip
        write(folder / f"candidates.{code}.jsonl.gz", [
            {"id": f"{code}:{n}:{at}", "context_id": f"{code}:{n}", "sentence": sentence(code, 3 * n + at)}
            for n in numbers for at in range(3)
        ])  # fmt: skip
        write(folder / f"questions.{code}.jsonl.gz", [
            {"id": f"q{n}", "question": f"{sentence(code, n, 3)}?", "answer_sentence_ids": [f"{code}:{n}:{n % 3}"]}
            for n in numbers
        ])  # fmt: skip
    languages = f"[{','.join(LANGUAGES)}]"
    return [*QUICK, "task=lareqa", f"task.languages={languages}", "source=files", f"source.root={tmp_path}"]


def predictions(sweep: str, row: dict[str, Any]) -> dict[str, list[str]]:
    table = pq.read_table(Path(sweep) / "predictions" / f"{row['cell']}.parquet").to_pydict()
    return {name: json.loads(line) for name, line in zip(table["id"], table["prediction"], strict=True)}


def average_precision(ranked: list[str], right: set[str]) -> float:
    """By hand, over the first 20."""
    found = [place for place, name in enumerate(ranked[:20], 1) if name in right]
    return sum(number / place for number, place in enumerate(found, 1)) / len(right)


def test_from_command_to_scores(job: list[str], store_path: Path) -> None:
    assert cli.main([*job, "noise.level=0.1", "task.class_scores=true", "sweep=s"]) == 0
    found = cells(Path("s"))
    assert {(row["language"], row["noise"]) for row in found} == {(c, n) for c in LANGUAGES for n in ("clean", "char")}
    for row in found:
        assert (row["status"], row["n"], row["metric"], row["family"]) == ("ok", QUESTIONS, "map_at_20", "ranking")
        ranked = predictions("s", row)
        right = {f"q{n}": {f"{code}:{n}:{n % 3}" for code in LANGUAGES} for n in range(QUESTIONS)}
        assert all(len(ids) == 20 for ids in ranked.values())
        stored = read_nearest(Path("s/class_scores") / f"{row['cell']}.parquet")
        assert dict(zip(stored.ids, stored.ranked, strict=True)) == ranked and stored.candidates == 9 * QUESTIONS
        assert len({name.split(":")[0] for ids in ranked.values() for name in ids}) > 1, "one pool of all languages"
        wanted = np.mean([average_precision(ids, right[name]) for name, ids in ranked.items()])
        assert row["score"] == pytest.approx(wanted)
    [stage] = [path for path in (store_path / "stages").iterdir() if path.is_dir() and not path.name.startswith(".")]
    assert load_file(stage / "dual_encoder.safetensors")["scale"] != 100.0, "learned, and saved"
    pools = [path for path in (store_path / "vectors").iterdir() if path.is_dir()]
    assert len(pools) == 1, "encoded once for all languages and levels"
    assert np.load(pools[0] / "vectors.npy").shape == (3 * 3 * QUESTIONS, 32)


def test_a_pool_without_a_language_is_another_task(job: list[str], tmp_path: Path, store_path: Path) -> None:
    (tmp_path / "lareqa/xquad_r/candidates.zh.jsonl.gz").unlink()
    [cfg] = compose.jobs([*job, "noise.level=0"])
    plan, store = Plan(cfg), Store(store_path)
    for cell in plan.cells:
        record, _ = LanguageSession(plan, store, ModelCache(plan, store, False), cell.language).record(cell)
        assert record.status == "missing" and "candidates.zh.jsonl.gz: no such file" in (record.error or "")


def test_training_on_a_paragraph_of_the_pool_is_refused(job: list[str], tmp_path: Path, store_path: Path) -> None:
    row = qa("en", 1, 400)[0]
    contexts = [{"context_id": f"en:{n}", "context": row["context"]} for n in range(QUESTIONS)]
    write(tmp_path / "lareqa/xquad_r/contexts.en.jsonl.gz", contexts)
    [cfg] = compose.jobs(job)
    with pytest.raises(DataError, match="1 of 24 training examples occur in the test set"):
        train(Plan(cfg), Store(store_path), False)
    for kind in ("qa", "mlm"):  # other families that read the same paragraphs
        arm = [f"intermediate={kind}", "intermediate.arm=english", "intermediate.size.train=24"]
        [other] = compose.jobs([*job, "task.train=false", *arm])
        [elsewhere] = compose.jobs(["model=tiny", "task=tatoeba", *job[-2:], *arm])
        assert Plan(other).stages[0].key() == Plan(elsewhere).stages[0].key(), "one stage serves every target"
        with pytest.raises(DataError, match="1 of 24 training examples occur in the test set"):
            check_overlap(Plan(other).stages[0], Store(store_path))


def test_whole_rankings_are_read_back(job: list[str]) -> None:
    """map needs more than 20 candidates; its predictions come back through mode=export and mode=score."""
    wanted = [*job, "task.train=false", "noise.level=0", "task.metric=map"]
    assert cli.main([*wanted, "sweep=s"]) == 0
    assert max(len(ids) for row in cells(Path("s")) for ids in predictions("s", row).values()) > 20
    assert cli.main(["mode=export", "sweep=s"]) == 0
    folder = next(path.parents[1] for path in Path("s").glob("export/*/*/*/lareqa/test-de.json"))
    assert cli.main([*wanted, "mode=score", f"score.folder={folder}", "sweep=again"]) == 0
    lines = Path("again/score.csv").read_text().splitlines()
    back = {line.split(",")[1]: float(line.split(",")[4]) for line in lines[1:]}
    assert back == pytest.approx({row["language"]: row["score"] for row in cells(Path("s"))})


def test_what_changes_a_ranking_is_in_its_key(job: list[str]) -> None:
    def keys(*overrides: str) -> tuple[str, str]:
        [cfg] = compose.jobs([*job, *overrides])
        plan = Plan(cfg)
        stage = digest(plan.stages[-1].key()) if plan.stages else ""
        return stage, digest(plan.prediction_key(plan.cells[0], held_out(cfg, "en")))

    plain = keys()
    assert keys("task.metric=map")[1] != plain[1]
    for override in ("model.pooling=cls", "model.prefix=x", "model.passage_prefix=y"):
        changed = keys(override)
        assert changed[0] != plain[0] and changed[1] != plain[1], override
    assert keys("task.languages=[en,de]")[1] != plain[1]
    assert keys("task.languages=[en,de]")[0] == plain[0]
