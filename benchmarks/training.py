"""Training on XNLI: examples per second, compared to transformers' Trainer with its default collator and sampler.

The same model, data, batch size, number of steps and frozen embeddings; loading and saving are not included.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any

from datasets import Dataset
from transformers import Trainer, TrainingArguments

from benchmarks.setting import fit_seconds, job, line
from xtreme_noise import models
from xtreme_noise.stages.datamodule import TaskDataModule
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store


def main(size: int = 480) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cfg = job("model=e5_small", "task=xnli", f"task.size.train={size}", f"store={folder}")
        stage, store = Plan(cfg).stages[-1], Store(folder)
        path = models.materialise(cfg.model, store, True)
        batch = stage.recipe.batch_size
        module = open_module(path, cfg, stage, "classification", fresh_head=True)
        [part], _ = training_data(stage, store, cfg.seed, module.count)
        data = part.data
        ours = size / fit_seconds(module, TaskDataModule(module, train=data, batch_size=batch, seed=cfg.seed))
        other = open_module(path, cfg, stage, "classification", fresh_head=True)
        trainer = size / trainer_seconds(other, data, batch, folder)
        line(
            "training, examples per second against transformers' Trainer",
            ours,
            trainer,
            "1/s",
            "at least 1.3",
        )


def trainer_seconds(
    module: Any, data: Dataset, batch: int, folder: str, clock: Callable[[], float] = time.perf_counter
) -> float:
    """One epoch of transformers' Trainer on a CPU, with its default collator and sampler."""
    columns = data[:]
    encoding = module.tokenizer(columns["text"], columns.get("text_pair"), truncation=True, max_length=128)
    encoded = Dataset.from_dict(dict(encoding) | {"labels": columns["label"]})
    arguments = TrainingArguments(
        output_dir=folder, num_train_epochs=1, per_device_train_batch_size=batch, report_to=[], save_strategy="no",
        disable_tqdm=True, use_cpu=True, logging_strategy="no",
    )  # fmt: skip
    trainer = Trainer(model=module.model, args=arguments, train_dataset=encoded, processing_class=module.tokenizer)
    begin = clock()
    trainer.train()
    return clock() - begin


if __name__ == "__main__":
    main()
