"""A stage whose weights are the mean of several fits from the same checkpoint and head (recipe.averaged_runs).

Source: F. D. Schmidt, I. Vulić and G. Glavaš, One For All & All For One: Bypassing Hyperparameter Tuning with Model
Averaging for Cross-Lingual Transfer (Findings of EMNLP 2023).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.models.quiet import quiet
from xtreme_noise.stages.averaging import RunningMean
from xtreme_noise.stages.stage import HOLDS, TRAINING, Stage
from xtreme_noise.stages.training_run import open_module, selector
from xtreme_noise.store import Store, write_atomic


def average(stage: Stage, store: Store, cfg: Config, fitted: Callable[[Stage], Path]) -> Path:
    """The directory of the mean of a stage's runs. fitted: the directory of one run, trained if it is missing."""

    def make(directory: Path) -> None:
        mean, facts = RunningMean(), []
        for run in stage.runs:
            path = fitted(run)
            module = open_module(path, cfg, run, stage.family, fresh_head=False)
            mean.add(module.state_dict().items())
            facts.append(json.loads((path / TRAINING).read_text(encoding="utf-8")))
        module.load_state_dict(mean.mean)
        select = selector(stage, store, cfg, module)
        score = select.score()
        learned = {"dev_score": score} | select.by_language(score)
        with quiet():
            module.cpu().save(directory)
        write_atomic(directory / TRAINING, json.dumps(_together(facts) | learned, indent=1))

    return store.build("stages", stage.key(), make, HOLDS)


def _together(facts: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The facts about the training of an average: those of the first run, with sums over all."""
    sums = {name: sum(run[name] for run in facts) for name in ("tokens", "updates", "seconds")}
    own = {"dev_scores": [run["dev_score"] for run in facts], "chosen_epoch": None}
    return {**facts[0], **sums, **own, "averaged_runs": len(facts)}
