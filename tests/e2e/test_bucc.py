"""Bitext mining from command to scores, on small files with the tiny model, against the protocol said anew."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from tests.e2e.world import cells, sentence, words, write
from tests.unit.test_mining import by_hand, f1
from xtreme_noise import cli, models
from xtreme_noise.config import compose
from xtreme_noise.mining import half
from xtreme_noise.stages.evaluate import LanguageSession
from xtreme_noise.stages.model_cache import ModelCache
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.store import Store, digest

QUERIES, CANDIDATES, GOLD = 60, 70, 24
Side = dict[str, str]


def corpora(root: Path, part: str, start: int, language: str = "de") -> tuple[Side, Side, set[tuple[str, str]]]:
    """Files of one part. A translation is the same letters with some others, which the tiny model can see; a few pairs
    are hard. One sentence of each side stands there twice."""
    ours = {f"{language}-{n}": sentence("de", start + n, 8) for n in range(QUERIES)}
    theirs = {f"en-{n}": sentence("en", start + n, 8) for n in range(CANDIDATES)}
    gold = {(f"{language}-{2 * n}", f"en-{n + 5}") for n in range(GOLD)}
    for name, other in gold:
        kept = 8 if int(other[3:]) % 4 else 2
        theirs[other] = " ".join([*ours[name].split()[:kept], "the", "old", other[3:]])
    ours[f"{language}-{QUERIES - 1}"], theirs["en-1"] = ours[f"{language}-{QUERIES - 3}"], theirs["en-0"]
    folder = root / "bucc2018"
    for code, side in ((language, ours), ("en", theirs)):
        rows = [{"id": name, "sentence": text} for name, text in side.items()]
        write(folder / f"{part}.{language}-en.{code}.jsonl.gz", rows)
    pairs = [{"source_id": name, "target_id": other} for name, other in sorted(gold)]
    write(folder / f"{part}.{language}-en.gold.jsonl.gz", pairs)
    return ours, theirs, gold


def tiny(store: Path) -> Path:
    [cfg] = compose.jobs(["model=tiny"])
    return models.materialise(cfg.model, Store(store), True)


def encoded(model: Path, texts: list[str]) -> list[list[float]]:
    """Mean of the last states over the tokens, one text at a time."""
    network, tokenizer = AutoModel.from_pretrained(model).eval(), AutoTokenizer.from_pretrained(model)
    with torch.inference_mode():
        found = [
            network(**tokenizer(text, return_tensors="pt", truncation=True, max_length=64)).last_hidden_state[0].mean(0)
            for text in texts
        ]
    return torch.nn.functional.normalize(torch.stack(found), dim=-1).tolist()


def mined(model: Path, ours: Side, theirs: Side) -> dict[tuple[str, str], float]:
    """Every text once; without the pairs of texts that stand there twice."""
    sides = [list(dict.fromkeys(side.values())) for side in (ours, theirs)]
    names = [{text: [n for n, t in side.items() if t == text] for text in side.values()} for side in (ours, theirs)]
    pairs = by_hand(encoded(model, sides[0]), encoded(model, sides[1]))
    found = {(*names[0][sides[0][i]], *names[1][sides[1][j]]): score for (i, j), score in pairs.items()}
    return {(pair[0], pair[1]): score for pair, score in found.items() if len(pair) == 2}


def best(pairs: dict[tuple[str, str], float], gold: set[tuple[str, str]]) -> float:
    """Of all thresholds between two scores the one with the highest F1."""
    scores = sorted(set(pairs.values()), reverse=True)
    cuts = [(high + low) / 2 for high, low in zip(scores, [*scores[1:], scores[-1]], strict=True)]
    return max(cuts, key=lambda cut: (f1({pair for pair, score in pairs.items() if score >= cut}, gold), cut))


def saved(sweep: str, row: dict[str, Any]) -> set[tuple[str, str]]:
    table = pq.read_table(Path(sweep) / "predictions" / f"{row['cell']}.parquet").to_pydict()
    return {(name, found) for name, found in zip(table["id"], table["prediction"], strict=True) if found}


def record(store: Path, row: dict[str, Any]) -> dict[str, Any]:
    name = f"cells/{row['cell']}/record.json"
    archives = [zipfile.ZipFile(path) for path in store.glob("packs/*.zip")]
    [found] = [archive.read(name) for archive in archives if name in archive.NameToInfo]
    return dict(json.loads(found))


@pytest.fixture
def job(tmp_path: Path, workdir: Path) -> list[str]:  # noqa: ARG001
    return words(tmp_path, "languages=[de]", "noise.level=0.1")


def only(folder: Path) -> Path:
    [found] = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return found


def test_each_half_by_the_threshold_of_the_other(job: list[str], tmp_path: Path, store_path: Path) -> None:
    ours, theirs, gold = corpora(tmp_path, "dev", 0)
    assert cli.main([*job, "task=bucc", "sweep=s"]) == 0
    noisy, clean = cells(Path("s"))
    assert [(row["noise"], row["status"], row["metric"], row["n"]) for row in (clean, noisy)] == [
        ("clean", "ok", "bucc_f1", QUERIES), ("char", "ok", "bucc_f1", QUERIES),
    ]  # fmt: skip
    pairs = mined(tiny(store_path), ours, theirs)
    thresholds = []
    for own in (0, 1):
        others = {pair: score for pair, score in pairs.items() if half(pair[0]) != own}
        thresholds.append(best(others, {pair for pair in gold if half(pair[0]) != own}))
    wanted = {pair for pair, score in pairs.items() if score >= thresholds[half(pair[0])]}
    assert saved("s", clean) == wanted
    assert clean["score"] == pytest.approx(f1(wanted, gold)) and 0.4 < clean["score"] < 1
    assert json.loads(clean["extra"])["recall"] == pytest.approx(len(wanted & gold) / GOLD)
    for row in (clean, noisy):
        assert record(store_path, row)["thresholds"] == pytest.approx(thresholds, abs=1e-5), "the clean one, always"
        assert "|metric:bucc_f1/v1(threshold: other half)|" in row["signature"]
    assert noisy["score"] == pytest.approx(f1(saved("s", noisy), gold)) and saved("s", noisy) != wanted
    assert np.load(only(store_path / "vectors") / "vectors.npy").shape == (CANDIDATES - 1, 32), "encoded once"
    only(store_path / "thresholds")


def test_the_threshold_of_the_dev_set(job: list[str], tmp_path: Path, store_path: Path) -> None:
    """XTREME's protocol; and our pairs come back through files."""
    dev, (ours, theirs, gold) = corpora(tmp_path, "dev", 100), corpora(tmp_path, "test", 0)
    assert cli.main([*job, "task=official/bucc", "sweep=s"]) == 0
    noisy, clean = cells(Path("s"))
    model = tiny(store_path)
    threshold = best(mined(model, *dev[:2]), dev[2])
    wanted = {pair for pair, score in mined(model, ours, theirs).items() if score >= threshold}
    assert saved("s", clean) == wanted and clean["score"] == pytest.approx(f1(wanted, gold))
    assert record(store_path, noisy)["thresholds"] == [pytest.approx(threshold, abs=1e-5)]
    assert "(threshold: files:bucc2018/dev.de-en.de.jsonl.gz@" in noisy["signature"]
    assert cli.main(["mode=export", "sweep=s"]) == 0
    [file] = Path("s/export").glob("*/clean/0/bucc2018/test-de.tsv")
    assert {tuple(line.split("\t")) for line in file.read_text().splitlines()} == wanted
    again = [*job, "task=official/bucc", "mode=score", f"score.folder={file.parents[1]}", "sweep=again"]
    assert cli.main(again) == 0
    with Path("again/score.csv").open(newline="") as lines:
        [back] = csv.DictReader(lines)
    assert float(back["score"]) == pytest.approx(clean["score"])
    assert float(back["precision"]) == pytest.approx(len(wanted & gold) / len(wanted))


def test_what_can_change_a_pair_is_in_its_key(job: list[str], tmp_path: Path) -> None:
    corpora(tmp_path, "dev", 100)
    corpora(tmp_path, "test", 0)

    def key(*overrides: str) -> str:
        [cfg] = compose.jobs([*job, "task=official/bucc", *overrides])
        plan = Plan(cfg)
        return digest(plan.prediction_key(plan.cells[0], held_out(cfg, "de")))

    plain = key()
    for override in ("model.pooling=cls", "model.prefix=x", "model.retrieval_layer=1", "task.recipe.max_length=32"):
        assert key(override) != plain, override
    write(tmp_path / "bucc2018/dev.de-en.gold.jsonl.gz", [{"source_id": "de-0", "target_id": "en-0"}])
    changed = key()
    assert changed != plain, "another threshold"
    write(tmp_path / "bucc2018/test.de-en.en.jsonl.gz", [{"id": "en-0", "sentence": "a"}])
    assert key() not in (plain, changed)


@pytest.mark.parametrize(
    ("lost", "task"),
    [("dev.de-en.en", "bucc"), ("dev.de-en.gold", "bucc"), ("dev.de-en.en", "official/bucc")],
)
def test_a_side_that_is_not_there_is_a_named_gap(
    lost: str, task: str, job: list[str], tmp_path: Path, store_path: Path
) -> None:
    corpora(tmp_path, "dev", 100)
    corpora(tmp_path, "test", 0)
    (tmp_path / f"bucc2018/{lost}.jsonl.gz").unlink()
    [cfg] = compose.jobs([*job, f"task={task}"])
    plan, store = Plan(cfg), Store(store_path)
    for cell in plan.cells:
        record, _ = LanguageSession(plan, store, ModelCache(plan, store, False), cell.language).record(cell)
        assert record.status == "missing" and f"{lost}.jsonl.gz: no such file" in (record.error or "")


def test_a_translation_that_is_no_candidate(job: list[str], tmp_path: Path, store_path: Path) -> None:
    corpora(tmp_path, "dev", 0)
    write(tmp_path / "bucc2018/dev.de-en.gold.jsonl.gz", [{"source_id": "de-0", "target_id": "en-x"}])
    [cfg] = compose.jobs([*job, "task=bucc"])
    plan, store = Plan(cfg), Store(store_path)
    record, _ = LanguageSession(plan, store, ModelCache(plan, store, False), "de").record(plan.cells[0])
    assert (record.error or "") == f"the translation 'en-x' of 'de-0' is not among the {CANDIDATES} candidates"


def test_plan_and_preview(job: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpora(tmp_path, "dev", 0)
    assert cli.main([*job, "task=bucc", "mode=plan"]) == 0
    assert cli.main([*job, "task=bucc", "mode=preview"]) == 0
    shown = capsys.readouterr().out
    assert "bucc | tiny" in shown and "bucc de: char at level 0.1 (query)" in shown
