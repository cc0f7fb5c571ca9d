"""Evaluation on several devices: the languages of a job in several processes, with the results of one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests import program
from tests.e2e import world
from xtreme_noise.config.schema import Config
from xtreme_noise.stages import divided
from xtreme_noise.stages.evaluate import LanguageSession
from xtreme_noise.stages.run import run_job

TIMES = ("seconds", "forward_seconds", "noise_seconds")
in_one_process = divided._evaluate


def one_is_killed(cfg: Config, languages: list[str], count: int) -> None:
    if os.environ["LOCAL_RANK"] == "1":
        os._exit(9)
    in_one_process(cfg, languages, count)


def results(root: Path, folder: Path, *options: str) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The records of the cells without times, and the predictions."""
    overrides = (
        "task=xnli", "languages=[en,de]", "noise=char", "noise.levels=[0,0.1]", "task.recipe.epochs=1",
        f"store={folder / 'store'}", f"sweep={folder}", *options,
    )  # fmt: skip
    run_job(world.job(root, *overrides), folder / "jobs" / "a")
    cells = json.loads((folder / "jobs" / "a" / "job.json").read_text())["cells"]
    assert len(cells) == 4 and all(cell["status"] == "ok" for cell in cells)
    predictions = {path.name: path.read_bytes() for path in sorted((folder / "predictions").iterdir())}
    return [{name: value for name, value in cell.items() if name not in TIMES} for cell in cells], predictions


def test_several_processes_give_what_one_does(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program.fork_ranks(monkeypatch)
    alone = results(root, tmp_path / "one")
    computed: list[str] = []
    encode = LanguageSession._encoded

    def watched(self: LanguageSession, *arguments: Any) -> Any:
        computed.append(self.language)
        return encode(self, *arguments)

    monkeypatch.setattr(LanguageSession, "_encoded", watched)
    assert results(root, tmp_path / "two", "trainer.eval_devices=2") == alone
    assert not computed, "the other processes leave nothing to this one"
    assert results(root, tmp_path / "two", "trainer.eval_devices=2") == alone, "nothing is missing: nothing is started"

    monkeypatch.setattr(divided, "_evaluate", one_is_killed)
    assert results(root, tmp_path / "lost", "trainer.eval_devices=8") == alone
    assert "de" in computed and "a process of the evaluation was lost" in caplog.text


def test_a_stage_that_fails_is_an_error_of_its_cells(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xtreme_noise.errors import JobFailed
    from xtreme_noise.stages import distributed

    monkeypatch.setattr(distributed, "run", lambda *_: pytest.fail("no process is needed"))
    with pytest.raises(JobFailed, match="4 of 4 cells failed"):
        results(root, tmp_path / "one", "trainer.eval_devices=2", "task.recipe.learning_rate=1e30")
