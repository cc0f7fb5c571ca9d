"""A stage of several tasks at once: one encoder, a head a task, batches of one task each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.modules.together import TogetherModule
from xtreme_noise.stages.stage import Stage
from xtreme_noise.stages.together_data import TogetherData, chances
from xtreme_noise.stages.work import SelectOnDev, Work, one, predictor
from xtreme_noise.store import Store

log = logging.getLogger(__name__)


class SelectOnMean(SelectOnDev):
    """The epoch with the best mean over tasks, each scored on its own dev set by its own metric.

    Keeps what an interrupted fit knows of earlier epochs: the scores of the tasks, and `achieved`, their noise.
    """

    def __init__(
        self, name: str, tasks: Mapping[str, SelectOnDev], achieved: Mapping[str, dict[int, float]],
        module: TogetherModule, cfg: Config, patience: int | None,
    ) -> None:  # fmt: skip
        first = next(iter(tasks.values()))
        super().__init__(name, first.dev, "mean of tasks", first.language, predictor(module, cfg), patience)
        self.tasks = dict(tasks)
        self.achieved = dict(achieved)
        self.scores: dict[str, list[float]] = {name: [] for name in tasks}

    def score(self) -> float:
        for name, task in self.tasks.items():
            self.scores[name].append(task.score())
        return fmean(scores[-1] for scores in self.scores.values())

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"scores": self.scores, "achieved": self.achieved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.scores = state_dict["scores"]
        for name, levels in state_dict.get("achieved", {}).items():  # a state of before has none
            self.achieved[name].update(levels)


def several(stage: Stage, parent: Path, store: Store, cfg: Config) -> Work:
    """All tasks of a stage: each prepared by itself, then their encoders made one.

    That none has adapters or changes its examples in every epoch is checked with the configuration.
    """
    assert stage.sampling is not None
    works = {name: one(part, parent, store, cfg, stage.recipe.epochs) for name, part in stage.together}
    module = TogetherModule.of(
        {name: work.module for name, work in works.items()}, stage.recipe, cfg.model.learning_rate_scale
    )
    drawn = chances([work.examples for work in works.values()], stage.sampling.temperature, stage.sampling.cap)
    for name, chance in zip(works, drawn, strict=True):
        log.info("%s: %.1f %% of the batches", name, 100 * chance)
    parts = {name: work.data for name, work in works.items() if not isinstance(work.data, TogetherData)}
    data = TogetherData(parts, drawn, cfg.seed, cfg.trainer.workers)
    select = SelectOnMean(
        name=stage.name,
        tasks={name: work.select for name, work in works.items()},
        achieved={name: work.achieved for name, work in works.items()},
        module=module,
        cfg=cfg,
        patience=stage.recipe.patience,
    )

    def facts() -> dict[str, Any]:
        each = {name: work.facts() for name, work in works.items()}
        tokens, batches = data.trained(len(select.history))
        for name, own in each.items():
            own |= {"tokens": tokens[name], "batches": batches[name], "dev_scores": select.scores[name]}
        sums = {
            name: sum(own[name] for own in each.values())
            for name in ("examples", "left_out_as_in_test", "windows", "tokens")
        }
        levels = [fmean(some) for some in zip(*(own["noise_achieved"] for own in each.values()), strict=True)]
        return sums | {"noise": next(iter(each.values()))["noise"], "noise_achieved": levels, "tasks": each}

    noisy = any(work.noisy for work in works.values())
    return Work(module, data, select, sum(work.examples for work in works.values()), noisy, {}, facts)
