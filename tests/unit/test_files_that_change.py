"""What is stored is what its key says, also when files change between the plan and their reading."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.e2e.world import QUICK, job, nli, write
from xtreme_noise import models
from xtreme_noise.config import compose, fetched
from xtreme_noise.config.fetched import Entry
from xtreme_noise.config.schema import ModelConfig, SourceConfig
from xtreme_noise.config.splits import (
    GoldConfig,
    JoinConfig,
    NoisySideConfig,
    ParallelConfig,
    RepairConfig,
    SplitConfig,
)
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import DataError
from xtreme_noise.modules import TaskModule
from xtreme_noise.noise import build
from xtreme_noise.stages import evaluate
from xtreme_noise.stages import model_cache as training
from xtreme_noise.stages.fit import fit
from xtreme_noise.stages.plan import Cell, Plan
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.store import Store, file_digest

PAIRS = {"text": "premise", "text_pair": "hypothesis"}
# Everything that is read beside the rows themselves, and the file that it is read from.
BESIDE: dict[str, tuple[str, dict[str, Any]]] = {
    "rows": ("a.jsonl.gz", {}),
    "plain": ("a.jsonl", {"path": "a.jsonl"}),
    "parquet": ("a.parquet", {"path": "a.parquet"}),
    "repair": ("b.jsonl.gz", {"repair": RepairConfig("b.jsonl.gz", "id", ["premise"])}),
    "join": ("b.jsonl.gz", {"join": JoinConfig("b.jsonl.gz", "id", ["more"]), "columns": PAIRS | {"text": "more"}}),
    "noisy": ("b.jsonl.gz", {"noisy": NoisySideConfig("b.jsonl.gz", {"text": "premise"})}),
}


def rows(word: str) -> list[dict[str, Any]]:
    return [{"id": f"{n}", "premise": f"{word} {n}", "hypothesis": "x", "label": n % 3, "more": word} for n in range(6)]


def fill(path: Path, word: str) -> None:
    """Write rows into a file. Words of one length give files of one size, where nothing is compressed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows(word)), path)
    elif path.suffix == ".gz":
        write(path, rows(word))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows(word)), encoding="utf-8")


def reference(root: Path, **options: Any) -> SplitRef:
    split = SplitConfig(**{"path": "a.jsonl.gz", "columns": PAIRS, **options})
    labels = ("entailment", "neutral", "contradiction")
    return SplitRef("files", split, "test", "en", "classification", labels, SourceConfig("files", str(root)))


@pytest.mark.parametrize("what", BESIDE)
def test_a_file_that_changes_after_its_key_was_made(what: str, tmp_path: Path) -> None:
    name, options = BESIDE[what]
    for place in ("a.jsonl.gz", "a.jsonl", "a.parquet", "b.jsonl.gz"):
        fill(tmp_path / place, "first")
    before, store = reference(tmp_path, **options), Store(tmp_path / "store")
    key = before.identity()
    kept, times = (tmp_path / name).read_bytes(), (tmp_path / name).stat()
    fill(tmp_path / name, "other")
    os.utime(tmp_path / name, ns=(times.st_atime_ns, times.st_mtime_ns))  # as `cp -p` or `rsync -t` leave it
    assert before.identity() == key
    with pytest.raises(DataError, match=f"{name} has changed since this run was planned"):
        before.load(store)
    assert store.find("data", key) is None, "nothing is stored under a key that is not true"
    after = reference(tmp_path, **options)  # of a run that begins now
    assert after.identity() != key
    assert after.load(store).to_list() != []
    (tmp_path / name).write_bytes(kept)
    assert before.load(store).to_list() != after.load(store).to_list()
    fill(tmp_path / name, "other")
    assert len(before.load(store)) == 6, "what was read in time is there"
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=rf"{name} cannot be read \(No such file"):
        before.load(Store(tmp_path / "empty"))


def test_a_translation_that_changes(tmp_path: Path) -> None:
    for code in ("de", "en"):
        write(tmp_path / f"{code}.jsonl.gz", [{"text": f"{code} {n}"} for n in range(4)])
    split = SplitConfig("{language}.jsonl.gz", parallel=ParallelConfig("en"))
    one = SplitRef("files", split, "train", "de", "masked_lm", (), SourceConfig("files", str(tmp_path)))
    assert len(one.revision()) == 32
    write(tmp_path / "en.jsonl.gz", [{"text": f"EN {n}"} for n in range(4)])
    with pytest.raises(DataError, match=r"en\.jsonl\.gz has changed"):
        one.load(Store(tmp_path / "store"))


def test_pairs_of_mining_that_change(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl.gz", [{"id": f"{n}", "query": f"q {n}"} for n in range(4)])
    write(tmp_path / "gold.jsonl.gz", [{"source_id": "1", "target_id": "x"}])
    split = SplitConfig("a.jsonl.gz", gold=GoldConfig("gold.jsonl.gz"))
    one = SplitRef("files", split, "test", "de-en", "mining", (), SourceConfig("files", str(tmp_path)))
    one.revision()
    write(tmp_path / "gold.jsonl.gz", [{"source_id": "2", "target_id": "x"}])
    with pytest.raises(DataError, match=r"gold\.jsonl\.gz has changed"):
        one.load(Store(tmp_path / "store"))


def test_fetched_data_that_change(tmp_path: Path) -> None:
    root, store = tmp_path / "fetched", Store(tmp_path / "store")
    commits = ["a" * 40, "b" * 40]
    for commit in commits:
        (root / fetched.folder("o/n", commit) / "data").mkdir(parents=True)
        fill(root / fetched.folder("o/n", commit) / "data/test.parquet", commit[:5])

    def enter(commit: str) -> Path:
        file = root / fetched.folder("o/n", commit) / "data/test.parquet"
        names = {"data/test.parquet": file_digest(file)}
        fetched.write(root, {("o/n", ""): Entry(commit, list(names), names)})
        return file

    file = enter(commits[0])
    split = SplitConfig("o/n", split="test", columns=PAIRS)
    source = SourceConfig("files", str(root), offline=True)
    one = SplitRef("hub", split, "test", "en", "classification", ("entailment", "neutral", "contradiction"), source)
    key, times = one.identity(), file.stat()
    content = file.read_bytes()
    fill(file, "other")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    with pytest.raises(DataError, match=r"test\.parquet has other bytes than when it was fetched"):
        one.load(store)
    file.write_bytes(content)
    enter(commits[1])
    with pytest.raises(DataError, match=r"fetched\.json has changed since this run was planned: o/n was fetched again"):
        one.load(store)
    assert one.identity() == key and store.find("data", key) is None
    assert replace(one).load(store)["text"][0] == "bbbbb 0"
    enter(commits[0])
    assert one.load(store)["text"][0] == "aaaaa 0"


@pytest.mark.parametrize("family", ["codeswitch", "natural"])
@pytest.mark.parametrize("name", ["table.tsv", "table.{language}.tsv"])
def test_a_noise_table_that_changes(family: str, name: str, tmp_path: Path) -> None:
    files = [tmp_path / name.replace("{language}", code) for code in ("de", "fr")]
    for file in files:
        file.write_text("haus\tcasa\n", encoding="utf-8")
    perturber = build(family, path=str(tmp_path / name))
    signature = perturber.signature
    assert "casa" in perturber("haus haus", 1.0, "1", language="de").text
    for file in files:
        file.write_text("haus\tbaum\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"table[.fr]*\.tsv has changed"):
        perturber("haus haus", 1.0, "1", language="fr")
    assert perturber.signature == signature != build(family, path=str(tmp_path / name)).signature


# --- a local model

TINY = ["source=embedded", "task=intents", "model=xlmr_base", *QUICK[1:], "languages=[en]", "noise.level=0"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two checkpoints of one shape, of files of one size."""
    store = Store(tmp_path_factory.mktemp("store"))
    sizes = {"num_hidden_layers": 1}
    first = ModelConfig(loader="random", parameters=sizes)
    other = ModelConfig(loader="random", parameters={**sizes, "seed": 7})
    return models.materialise(first, store, True), models.materialise(other, store, True)


def local(directory: Path, source: Path) -> Plan:
    directory.mkdir(exist_ok=True)
    for file in source.iterdir():
        if file.name != "manifest.json":
            (directory / file.name).write_bytes(file.read_bytes())
    [cfg] = compose.jobs([*TINY, f"model.path={directory}"])
    return Plan(cfg)


def opened(plan: Plan, directory: Path) -> TaskModule:
    stage = plan.stages[0]
    return open_module(directory, plan.cfg, stage, stage.family, fresh_head=True, base=stage.base)


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "weights": lambda here, other: (here / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes()),
    "tokenizer": lambda here, other: (here / "tokenizer.json").write_bytes(  # noqa: ARG005
        (here / "tokenizer.json").read_bytes() + b"\n"
    ),
    "one file more": lambda here, other: (here / "adapter_config.json").write_text("{}"),  # noqa: ARG005
    "one file less": lambda here, other: (here / "tokenizer_config.json").unlink(),  # noqa: ARG005
}
NAMES = ("model.safetensors", "tokenizer.json", "adapter_config.json", "tokenizer_config.json")


@pytest.mark.parametrize(("change", "name"), zip(CHANGES, NAMES, strict=True))
def test_a_local_model_that_changes(
    change: str, name: str, tmp_path: Path, checkpoints: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = local(tmp_path / "model", checkpoints[0])
    real = models.load_model

    def loading(*arguments: Any, **options: Any) -> Any:
        """It changes while it is read, and is put back."""
        model = real(*arguments, **options)
        kept = {file.name: file.read_bytes() for file in (tmp_path / "model").iterdir()}
        CHANGES[change](tmp_path / "model", checkpoints[1])
        for file in (tmp_path / "model").iterdir():
            if file.name not in kept:
                file.unlink()
        for name, content in kept.items():
            (tmp_path / "model" / name).write_bytes(content)
        return model

    if change != "one file more":  # what came and went was not there when anything was read
        with monkeypatch.context() as patch:
            patch.setattr(models, "load_model", loading)
            with pytest.raises(DataError, match="has changed since this run was planned"):
                opened(plan, tmp_path / "model")
    CHANGES[change](tmp_path / "model", checkpoints[1])
    with pytest.raises(DataError, match=f"{name} has changed since this run was planned"):
        opened(plan, tmp_path / "model")


def test_weights_are_not_those_of_a_file_that_changes(tmp_path: Path, checkpoints: tuple[Path, Path]) -> None:
    plan = local(tmp_path / "model", checkpoints[0])
    module = opened(plan, tmp_path / "model")
    before = {name: weight.clone() for name, weight in module.named_parameters()}
    content = (checkpoints[1] / "model.safetensors").read_bytes()
    with (tmp_path / "model" / "model.safetensors").open("r+b") as stream:  # as rsync --inplace does
        stream.write(content)
    assert all(torch.equal(before[name], weight) for name, weight in module.named_parameters())


# --- whole studies


def study(root: Path, store: Path, *more: str) -> tuple[Plan, Store]:
    recipe = ["task.recipe.learning_rate=1e-3", "task.recipe.batch_size=4"]
    cfg = job(root, "task=xnli", "languages=[en,de]", "noise.level=0", *recipe, f"store={store}", *more)
    return Plan(cfg), Store(store)


def scores(plan: Plan, store: Store) -> dict[str, tuple[str, bytes]]:
    """By language: the cell, and the scores of its examples."""
    found = {}
    for cell, files in evaluate.evaluate(plan, store, training.ModelCache(plan, store, False)):
        assert files, cell.error
        found[cell.language] = (cell.cell, files["predictions"])
    return found


def test_files_that_change_while_something_trains(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scores are those of the files at plan time: a target's training file, too, while the stage before trains."""
    chain = [
        "intermediate=slots",
        "intermediate.arm=english",
        "intermediate.size.train=12",
        "intermediate.size.dev=4",
        "languages=[en]",
    ]
    straight = scores(*study(root, tmp_path / "straight", *chain))
    other = [{**row, "label": (row["label"] + 1) % 3} for row in nli("en", 60, 7000)]
    fits = []

    def fitting(*arguments: Any) -> Path:
        fits.append(arguments[0].role)
        for name in ("xnli/test.en", "lingnli/train.en", "lingnli/validation.en"):
            write(root / f"{name}.jsonl.gz", other)
        return fit(*arguments)

    monkeypatch.setattr("xtreme_noise.stages.fit.fit", fitting)
    training._last.clear()  # or the model of the study before is taken
    assert scores(*study(root, tmp_path / "changed", *chain)) == straight
    assert fits == ["intermediate", "target"]


def test_a_file_that_stays_changed(root: Path, tmp_path: Path) -> None:
    """A language whose turn comes later is planned with what there is then: under another key, with its own score."""
    plan, store = study(root, tmp_path / "s")
    first = plan.test("de")
    key = plan.cell_key(Cell("de", "clean", 0.0, 0), first)
    with gzip.open(root / "xnli/test.de.jsonl.gz", "at") as stream:
        stream.write(json.dumps(nli("de", 1, 900)[0]) + "\n")
    session = evaluate.LanguageSession(plan, store, training.ModelCache(plan, store, False), "de")
    session.test = first
    found, files = session.record(Cell("de", "clean", 0.0, 0))
    assert found.status == "error" and not files
    assert "xnli/test.de.jsonl.gz has changed since this run was planned" in (found.error or "")
    assert store.find("cells", key) is None and not list(store.root.glob("stages/*/training.json"))
