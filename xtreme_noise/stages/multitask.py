"""A multitask stage: one encoder, one head per task, batches of one task each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

from xtreme_noise.config.schema import Config
from xtreme_noise.modules.multitask import MultitaskModule
from xtreme_noise.stages.multitask_data import MultitaskData
from xtreme_noise.stages.sampling import epoch_batches, task_chances
from xtreme_noise.stages.stage import Stage
from xtreme_noise.stages.training_run import BestEpochSelector, TrainingRun, predictor, single_task_run
from xtreme_noise.store import Store

log = logging.getLogger(__name__)


class BestMeanEpochSelector(BestEpochSelector):
    """Keeps the epoch with the best mean over tasks, each scored on its own dev set by its own metric.

    Masked language modelling is scored, but does not count. A checkpoint includes the tasks' scores and `achieved`, the
    noise of earlier epochs.
    """

    def __init__(
        self, stage: Stage, tasks: Mapping[str, BestEpochSelector], achieved: Mapping[str, dict[int, float]],
        module: MultitaskModule, cfg: Config,
    ) -> None:  # fmt: skip
        first = next(iter(tasks.values()))
        super().__init__(
            name=stage.name,
            dev=first.dev,
            metric=stage.metric,
            language=first.language,
            predictor=predictor(module, cfg),
            patience=stage.recipe.patience,
            checkpoints=stage.recipe.averaged_checkpoints,
        )
        self.tasks = dict(tasks)
        self.achieved = dict(achieved)
        self.scores: dict[str, list[float]] = {name: [] for name in tasks}
        self.counted = [name for name, part in stage.tasks if not part.masked]

    def score(self) -> float:
        for name, task in self.tasks.items():
            self.scores[name].append(task.score())
        return fmean(self.scores[name][-1] for name in self.counted)

    def kept_scores(self) -> dict[str, float]:
        """The score on dev, by task, of the weights that are kept, which the module must have."""
        if self.checkpoints is not None:
            return {name: task.score() for name, task in self.tasks.items()}
        return {name: self.scores[name][self.chosen] for name in self.tasks}

    def state_dict(self) -> dict[str, Any]:
        return super().state_dict() | {"scores": self.scores, "achieved": self.achieved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.scores = state_dict["scores"]
        for name, levels in state_dict.get("achieved", {}).items():  # older checkpoints lack it
            self.achieved[name].update(levels)


def multitask_run(stage: Stage, parent: Path, store: Store, cfg: Config) -> TrainingRun:
    """The training run of a multitask stage: each task is prepared by itself, then they share one encoder.

    config/arms.py has refused adapters, and tasks that are trained on pairs of clean and noisy texts.
    """
    assert stage.sampling is not None
    runs = {name: single_task_run(part, parent, store, cfg, stage.recipe.epochs) for name, part in stage.tasks}
    module = MultitaskModule.of(
        {name: run.module for name, run in runs.items()}, stage.recipe, cfg.model.learning_rate_scale
    )
    masked = [part.masked for _, part in stage.tasks]
    drawn = task_chances([run.examples for run in runs.values()], masked, stage.sampling)
    for name, chance in zip(runs, drawn, strict=True):
        log.info("%s: %.1f %% of the batches", name, 100 * chance)
    parts = {name: run.data for name, run in runs.items() if not isinstance(run.data, MultitaskData)}
    count = partial(epoch_batches, masked=masked, sampling=stage.sampling)
    data = MultitaskData(parts, drawn, cfg.seed, cfg.trainer.workers, count)
    select = BestMeanEpochSelector(
        stage,
        tasks={name: run.select for name, run in runs.items()},
        achieved={name: run.achieved for name, run in runs.items()},
        module=module,
        cfg=cfg,
    )

    def facts() -> dict[str, Any]:
        each = {name: run.facts() for name, run in runs.items()}
        tokens, batches = data.trained(len(select.history))
        kept, metric = select.kept_scores(), {name: part.metric for name, part in stage.tasks}
        for name, own in each.items():
            own |= {"tokens": tokens[name], "batches": batches[name], "dev_scores": list(select.scores[name])}
            own |= {"dev_metric": metric[name]} | select.tasks[name].by_language(kept[name])
        sums = {
            name: sum(own[name] for own in each.values())
            for name in ("examples", "left_out_as_in_test", "windows", "tokens")
        }
        levels = [fmean(some) for some in zip(*(own["noise_achieved"] for own in each.values()), strict=True)]
        return sums | {"noise": next(iter(each.values()))["noise"], "noise_achieved": levels, "tasks": each}

    return TrainingRun(
        module=module,
        data=data,
        select=select,
        examples=sum(run.examples for run in runs.values()),
        renewed=any(run.renewed for run in runs.values()),
        achieved={},
        facts=facts,
    )
