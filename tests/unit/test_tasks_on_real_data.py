"""Real rows of the tasks, where the data are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config
from xtreme_noise.data.sources import references
from xtreme_noise.noise import build
from xtreme_noise.noise.apply import perturb
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.store import Store

pytestmark = pytest.mark.usefixtures("workdir")


def job(root: Path, task: str) -> Config:
    [found] = compose.jobs([f"task={task}", "source=files", f"source.root={root}"])
    return found


@pytest.mark.parametrize(
    ("task", "language", "count", "labels"),
    [
        ("pawsx", "de", 2000 - 32, {0, 1}),
        ("pawsx", "ja", 1997 - 54, {0, 1}),
        ("wikiann", "nl", 10000, set(range(7))),
        ("mlqa", "zh", 504, set()),
        ("tydiqa", "id", 562, set()),
        ("sib200", "qu", 204, set(range(7))),
        ("sib200", "zh", 204, set(range(7))),
    ],
)
def test_rows(shared_data: Path, tmp_path: Path, task: str, language: str, count: int, labels: set[int]) -> None:
    cfg = job(shared_data, task)
    data = held_out(cfg, language).load(Store(tmp_path))
    assert len(data) == count
    found = {tag for tags in data["tags"] for tag in tags} if "tags" in data.column_names else set()
    assert (set(data["label"]) if "label" in data.column_names else found) == labels
    if cfg.task.family == "qa":
        for row in data:
            for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
                assert row["context"][start : start + len(text)] == text


@pytest.mark.parametrize("task", ["pawsx", "wikiann", "mlqa", "tydiqa", "sib200"])
def test_training_data_are_there(shared_data: Path, task: str) -> None:
    cfg = job(shared_data, task)
    for part in ("train", "dev"):
        for reference in references(
            cfg.task.data, part, ["en"], source=cfg.source, family=cfg.task.family, labels=cfg.task.labels, what=task
        ):
            assert reference.revision()


def test_a_parallel_item_has_one_id(shared_data: Path, tmp_path: Path) -> None:
    """The same id, the same label, in languages that dropped other rows."""
    for task, one, other in (("pawsx", "fr", "zh"), ("sib200", "wo", "ka")):
        cfg = job(shared_data, task)
        here, there = (held_out(cfg, code).load(Store(tmp_path)) for code in (one, other))
        gold = dict(zip(here["id"], here["label"], strict=True))
        pairs = [(gold[name], label) for name, label in zip(there["id"], there["label"], strict=True) if name in gold]
        assert len(pairs) > 0.97 * len(there) and all(first == second for first, second in pairs)


@pytest.mark.parametrize("language", ["de", "es", "fr"])
def test_attested_wikiann(shared_data: Path, tmp_path: Path, language: str) -> None:
    """Every item has a typo, of a few graphemes in a hundred, and the tokens of the noisy side."""
    cfg = job(shared_data, "attested/wikiann")
    assert cfg.reported_task() == "wikiann_noisy"
    data = held_out(cfg, language).load(Store(tmp_path)).select(range(300))
    noisy = perturb(
        data, family="tagging", field="tokens", perturber=build("attested"), level=1.0, seed=0, language=language,
        dataset_name="d", split="test",
    )  # fmt: skip
    assert noisy.changed == 1.0 and 0.025 < noisy.achieved < 0.055
    assert noisy.dataset["tokens"][:] == data["noisy_tokens"][:] != data["tokens"][:]
