"""Training on a CPU with several settings of precision and attention, compared to the default (float32).

XQuAD in windows of 256 tokens, where attention takes most of the time; e5_small. bf16-mixed is measured only on CPUs
with matrix instructions for bfloat16 (AMX); on others it is several times slower.
"""

from __future__ import annotations

import tempfile

from benchmarks.setting import fit_seconds, job, line
from xtreme_noise import hardware, models
from xtreme_noise.stages.datamodule import TaskDataModule
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store

SETTINGS = {
    "float32": ["model.precision=32-true"],
    "attention=eager attention_dropout=0": [
        "model.precision=32-true", "model.attention=eager", "model.attention_dropout=0",
    ],
    "bf16-mixed": ["model.precision=bf16-mixed"],
    "bf16-mixed attention=eager attention_dropout=0": [
        "model.precision=bf16-mixed", "model.attention=eager", "model.attention_dropout=0",
    ],
}  # fmt: skip


def main(size: int = 96) -> None:
    speed: dict[str, float] = {}
    for name, overrides in SETTINGS.items():
        if name.startswith("bf16") and hardware.instructions() != "amx":
            continue
        with tempfile.TemporaryDirectory() as folder:
            cfg = job(
                "model=e5_small",
                "task=xquad",
                "preset=two_cores",
                f"task.size.train={size}",
                f"store={folder}",
                *overrides,
            )
            stage, store = Plan(cfg).stages[-1], Store(folder)
            module = open_module(models.materialise(cfg.model, store, True), cfg, stage, stage.family, fresh_head=True)
            [part], _ = training_data(stage, store, cfg.seed, module.count)
            data = TaskDataModule(module, train=part.data, batch_size=stage.recipe.batch_size, seed=cfg.seed)
            seconds = fit_seconds(module, data, models.running(cfg.model, "cpu").train)
            speed[name] = data.tokens() / seconds
            line(f"training XQuAD, {name}, tokens per second", speed[name], speed["float32"], "1/s", "none")


if __name__ == "__main__":
    main()
