"""Tasks asked of a model that was trained on SQuAD: the stage is XQuAD's own; Tatoeba drops its head."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.world import cells, data, words
from xtreme_noise import cli
from xtreme_noise.config import compose
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import digest


@pytest.fixture
def job(tmp_path: Path, workdir: Path) -> list[str]:  # noqa: ARG001
    return words(data(tmp_path), "noise.level=0")


def stage(job: list[str], *overrides: str) -> str:
    [cfg] = compose.jobs([*job, *overrides])
    return digest(Plan(cfg).stages[-1].key())


def test_the_stage_is_shared_with_xquad(job: list[str]) -> None:
    assert stage(job, "task=tatoeba_squad") == stage(job, "task=xquad")
    noisy = ["train_noise=char"]
    assert stage(job, "task=tatoeba_squad", *noisy) == stage(job, "task=xquad", *noisy) != stage(job, "task=xquad")


@pytest.mark.parametrize("task", ["mlqa", "mlqa_cross", "multichecklist"])
def test_tasks_trained_on_squad_share_its_stage(job: list[str], task: str) -> None:
    assert stage(job, f"task={task}") == stage(job, "task=xquad")


def test_on_the_hub_they_share_it_too() -> None:
    own, *others = (compose.jobs([f"task={name}"])[0].task for name in ("xquad", "mlqa", "mlqa_cross", "tatoeba_squad"))
    wanted = own.data["hub"].train, own.data["hub"].dev, own.recipe
    assert all((task.data["hub"].train, task.data["hub"].dev, task.recipe) == wanted for task in others)


def test_another_score_than_of_the_model_as_it_is(job: list[str], store_path: Path) -> None:
    wanted = [*job, "language=de"]
    assert cli.main([*wanted, "task=tatoeba_squad", "task.recipe.learning_rate=0.01", "sweep=trained"]) == 0
    assert cli.main([*wanted, "task=tatoeba", "sweep=plain"]) == 0
    [trained], [plain] = cells(Path("trained")), cells(Path("plain"))
    assert (trained["task"], trained["family"], trained["metric"]) == ("tatoeba_squad", "retrieval", "accuracy")
    assert trained["status"] == plain["status"] == "ok" and trained["n"] == plain["n"] == 15
    stages = [path for path in (store_path / "stages").iterdir() if (path / "training.json").is_file()]
    assert len(stages) == 1 and '"dev_metric": "squad_f1"' in (stages[0] / "training.json").read_text()
