"""Every task reads its data sets of the hub: rows in the hub's own columns and types come out in normal form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from tests import hub_schemas
from tests.hub_client import connect
from tests.hub_schemas import ROWS, TABLES
from tests.hub_server import CONVERTED, Hub, serve
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config, SourceConfig
from xtreme_noise.config.splits import DataConfig, SplitConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.data.repository import COMMIT
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import DataError
from xtreme_noise.languages.codes import fill
from xtreme_noise.store import Store

CONF = Path(__file__).resolve().parents[2] / "conf"
TASKS = [name for name in Sources(folders=(CONF,)).options("task") if "/" not in name]


def of(task: str) -> tuple[Config, str]:
    """The task's job, and the language that is tried."""
    [job] = compose.jobs([f"task={task}", "source=hub"])
    return job, next((code for code in ("de", "de-en") if code in job.task.languages), job.task.languages[0])


def splits(data: DataConfig, language: str) -> Iterator[tuple[str, SplitConfig, str]]:
    """(part, split, language) of all that one language's evaluation reads."""
    for part, found, code in (
        ("train", data.train, "en"),
        ("dev", data.dev, "en"),
        *((part, [split], language) for part in ("test", "pool") if (split := getattr(data, part, None))),
    ):
        for split in found:
            yield part, split, code


def all_splits(job: Config, language: str) -> list[tuple[str, SplitConfig, str]]:
    first = getattr(job.task, "first", None)
    sources = [job.task.data, *([first.data] if first else [])]
    return [one for data in sources if "hub" in data for one in splits(data["hub"], language)]


def config(split: SplitConfig, language: str) -> str | None:
    return fill(split.name, language) if split.name else None


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    wanted: dict[tuple[str, bool], set[hub_schemas.Part]] = {}
    for task in TASKS:
        for _, split, code in all_splits(*of(task)):
            part = (config(split, code), fill(split.split or "train", code))
            wanted.setdefault((split.path, split.revision == CONVERTED), set()).add(part)
    paths = sorted({path for path, _ in wanted})
    unknown = [path for path in paths if path not in TABLES]
    assert not unknown, f"{unknown}: add their columns, as their cards have them, to tests/hub_schemas.py"

    def parts(path: str, converted: bool) -> list[hub_schemas.Part]:
        return sorted(wanted.get((path, converted), ()), key=str)

    repos = [hub_schemas.repository(path, parts(path, False), parts(path, True)) for path in paths]
    with serve(repos) as running:
        yield running


def family(job: Config, part: str) -> str:
    """Of a split: a task may be trained as another one (Tatoeba on SQuAD)."""
    other = getattr(job.task, "trained_as", None)
    found = other.family if other and part in ("train", "dev") else job.task.family
    return str(found)


def load(job: Config, part: str, split: SplitConfig, language: str, store: Path) -> Dataset:
    pinned = split.revision is not None and COMMIT.fullmatch(split.revision)
    reference = SplitRef(
        kind="hub",
        split=replace(split, revision=None) if pinned else split,  # the server's commits are its own
        part=part,
        language=language,
        family=family(job, part),
        labels=tuple(job.task.labels),
        source=SourceConfig(kind="hub"),
    )
    return reference.load(Store(store))


@pytest.mark.parametrize("task", TASKS)
def test_every_split_of_a_task(
    task: str, hub: Hub, workdir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workdir.is_dir()
    connect(monkeypatch, hub.endpoint, tmp_path)
    job, language = of(task)
    for part, split, code in all_splits(job, language):
        found = load(job, part, split, code, tmp_path / "store")
        raw = hub_schemas.rows(split.path, config(split, code), fill(split.split or "train", code))
        assert len(set(found["id"])) == len(found) >= ROWS, (part, split.path)
        if theirs := split.columns.get("id"):
            assert found["id"] == [str(row[theirs]) for row in raw]
        for row, was in zip(found, raw, strict=False):
            wanted = meant(job, family(job, part), split, code, was)
            assert {name: row[name] for name in wanted} == wanted, (part, split.path)


def meant(job: Config, family: str, split: SplitConfig, code: str, was: dict[str, Any]) -> dict[str, Any]:
    """What a raw row means, in the columns of the normal form that can be told from it."""
    columns, _ = hub_schemas.table(split.path, config(split, code))

    def column(ours: str) -> Any:
        name = split.columns.get(ours, ours)
        kind = columns[name]
        if kind[0] == "class" and job.task.labels:
            return kind[1][was[name]]
        if kind[0] == "list" and kind[1][0] == "class":
            return [kind[1][1][value] for value in was[name]]
        return was[name]

    labels = job.task.labels
    if family == "classification":
        pair = {"text_pair": column("text_pair")} if "text_pair" in split.columns else {}
        return {"text": column("text"), "label": labels.index(column("label")), **pair}
    if family == "tagging":
        return {"tokens": column("tokens"), "tags": [labels.index(tag) for tag in column("tags")]}
    if family == "qa":
        return {name: column(name) for name in ("question", "context", "answers")}
    if family == "retrieval":
        return {name: column(name) for name in ("query", "candidate")}
    if family == "cloze":
        return {"prompt": was["Prompt"], "subject": was["Subject"]}
    if family == "multiple_choice" and "answerC" in was:  # Social IQa counts from 1
        return {"choices": ["a", "b", "c"], "label": int(was["label"]) - 1}
    if family == "multiple_choice":
        return {"label": was["label"], "question": f"What was the {was['question']}?"}
    return {"query": column("query")} if "query" in split.columns else {}


# --- class numbers


def _read(names: tuple[str, ...], values: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    rows = [{"text": f"text {n}", "label": value} for n, value in enumerate(values)]
    content = hub_schemas.parquet({"text": "string", "label": ("class", names)}, rows)
    from tests.hub_server import Repo

    with serve([Repo("dataset", "a/nli", {"data/test.parquet": content})]) as running:
        connect(monkeypatch, running.endpoint, tmp_path)
        reference = SplitRef(
            "hub", SplitConfig(path="a/nli", split="test"), "test", "en", "classification",
            hub_schemas.NLI, SourceConfig(kind="hub"),
        )  # fmt: skip
        labels: list[int] = reference.load(Store(tmp_path / "store"))["label"]
        return labels


def test_class_numbers_in_another_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = ("contradiction", "entailment", "neutral")
    assert list(_read(other, [0, 1, 2], monkeypatch, tmp_path)) == [2, 0, 1]


def test_class_numbers_with_a_further_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not read as numbers, which would be a wrong label each; the class that is not ours is refused by its name."""
    more = ("_", "entailment", "neutral", "contradiction")
    assert list(_read(more, [1, 2, 3], monkeypatch, tmp_path)) == [0, 1, 2]
    with pytest.raises(DataError, match="row 2: label '_'"):
        _read(more, [1, 0], monkeypatch, tmp_path / "again")


def test_a_row_without_a_label(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2: label -1 is out of range"):
        _read(hub_schemas.NLI, [1, -1], monkeypatch, tmp_path)
