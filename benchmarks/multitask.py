"""Multitask training compared to training on one task with the same tokens: the cost of several heads.

Two tasks with half of the NLI examples each, compared to one task with all of them; e5_small, the same batch size.
"""

from __future__ import annotations

import tempfile

from benchmarks.setting import fit_seconds, job, line
from xtreme_noise import models
from xtreme_noise.modules.multitask import MultitaskModule
from xtreme_noise.stages.datamodule import TaskDataModule
from xtreme_noise.stages.multitask_data import MultitaskData
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store


def main(size: int = 640) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cfg = job("model=e5_small", "task=xnli", f"task.size.train={size}", f"store={folder}")
        stage, store = Plan(cfg).stages[-1], Store(folder)
        path = models.materialise(cfg.model, store, True)
        modules = [open_module(path, cfg, stage, "classification", fresh_head=True) for _ in range(3)]
        [part], _ = training_data(stage, store, cfg.seed, modules[0].count)
        batch = stage.recipe.batch_size
        single = TaskDataModule(modules[0], train=part.data, batch_size=batch, seed=cfg.seed)
        halves = {
            name: TaskDataModule(module, train=part.data.select(rows), batch_size=batch, seed=cfg.seed)
            for name, module, rows in (
                ("first", modules[1], range(size // 2)),
                ("second", modules[2], range(size // 2, size)),
            )
        }
        both = MultitaskData(halves, [0.5, 0.5], cfg.seed)
        multitask = MultitaskModule.of(
            dict(zip(halves, modules[1:], strict=True)), stage.recipe, cfg.model.learning_rate_scale
        )
        one_task = fit_seconds(modules[0], single)
        single_tokens = single.tokens()
        two_tasks = fit_seconds(multitask, both)
        tokens = sum(both.trained(1)[0].values())
        line(
            "multitask training on two tasks, tokens per second, compared to one task",
            tokens / two_tasks,
            single_tokens / one_task,
            "1/s",
            "at least 0.97",
        )


if __name__ == "__main__":
    main()
