"""preset=disjoint: no premise or paragraph that a target is trained on is in any arm of the study."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtreme_noise.config import compose
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.stage import Stage
from xtreme_noise.store import Store


def texts(stage: Stage, column: str, store: Store) -> set[str]:
    """The English ones: the target has no others."""
    english = [one for sample in stage.samples for one in sample.references if one.language == "en"]
    return {text for one in english for text in one.load(store)[column]}


@pytest.mark.data
@pytest.mark.parametrize(("task", "column", "kind"), [("xnli", "text", "nli"), ("xquad", "context", "qa")])
@pytest.mark.usefixtures("workdir")
def test_no_training_text_is_shared(task: str, column: str, kind: str, shared_data: Path, tmp_path: Path) -> None:
    root = ["model=tiny", "source=files", f"source.root={shared_data}", f"task={task}", "language=en"]
    store = Store(tmp_path)
    arms = ["preset=disjoint", f"intermediate={kind}", "intermediate.arm=english,multilingual,native"]
    for job in compose.jobs([*root, *arms], multirun=True):
        intermediate, target = Plan(job).stages
        mine, theirs = texts(intermediate, column, store), texts(target, column, store)
        assert len(theirs) > 1000 and len(mine) > 1000
        assert not mine & theirs
