"""What each setting of training brings on a CPU, compared to float32 and the checkpoint's dropout of attention weights.

XNLI (short pairs) and XQuAD (windows of 256 tokens, where attention takes most of the time), e5_small. Tokens per
second of processor time over all threads, the best of two alternating rounds. Settings are overrides, but for:

    fused optimizer     torch.optim.AdamW(fused=True)
    torch.compile       the encoder, with dynamic shapes; compiling is not included, and printed apart (it needs a C++
                        compiler)
    two threads         seconds of the clock, to be compared with the processor seconds of one thread: two jobs with a
                        thread each do twice the work of one in the same time

bf16-mixed is measured only on CPUs with matrix instructions for bfloat16 (AMX); on others it is several times slower.

    python -m benchmarks training_settings
"""

from __future__ import annotations

import os
import tempfile
import time
from functools import partial
from typing import Any

import torch

from benchmarks.setting import fit_seconds, job, line
from xtreme_noise import hardware, models
from xtreme_noise.stages.datamodule import TaskDataModule
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store

FLOAT32, BF16 = "model.precision=32-true", "model.precision=bf16-mixed"
DEFAULT = "float32, attention dropout 0.1"
EAGER = ("model.attention=eager", "model.attention_dropout=0")
COMPILED = "the same, torch.compile"
SETTINGS = {
    DEFAULT: (FLOAT32, "model.attention=sdpa", "model.attention_dropout=0.1"),
    "eager, attention dropout 0.1": (FLOAT32, "model.attention=eager", "model.attention_dropout=0.1"),
    "sdpa, no attention dropout": (FLOAT32, "model.attention=sdpa", "model.attention_dropout=0"),
    "eager, no attention dropout": (FLOAT32, *EAGER),
    "the same, batches twice as large": (FLOAT32, *EAGER, "task.recipe.batch_size=32"),
    "the same, fused optimizer": (FLOAT32, *EAGER),
    COMPILED: (FLOAT32, *EAGER),
    "the same, two threads": (FLOAT32, *EAGER),
    "bf16-mixed": (BF16,),
    "bf16-mixed, eager, no attention dropout": (BF16, *EAGER),
}
TASKS = {"xquad": 32, "xnli": 96}  # training examples


def main() -> None:
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")  # in this process, so that its seconds are counted
    here = (name for name in SETTINGS if not name.startswith("bf16") or hardware.instructions() == "amx")
    names = [name for name in here if name != COMPILED]
    with tempfile.TemporaryDirectory() as store:
        for task, size in TASKS.items():
            rounds = [{name: tokens_per_second(store, task, size, name) for name in names} for _ in range(2)]
            best = {name: max(speeds[name] for speeds in rounds) for name in names}
            for name in names:
                line(f"training {task}, {name}, tokens per second", best[name], best[DEFAULT], "1/s", "none")
            if task == "xnli":  # once: compiling takes minutes
                compiled = tokens_per_second(store, task, size, COMPILED)
                line(f"training {task}, {COMPILED}, tokens per second", compiled, best[DEFAULT], "1/s", "none")


def tokens_per_second(folder: str, task: str, size: int, name: str) -> float:
    """Of one epoch, without loading. folder: of the store."""
    threads, clock = torch.get_num_threads(), time.process_time
    cfg = job(
        "model=e5_small", f"task={task}", "preset=two_cores", f"task.size.train={size}", f"store={folder}",
        "task.recipe.batch_size=16", *SETTINGS[name],
    )  # fmt: skip
    stage, store = Plan(cfg).stages[-1], Store(folder)
    module = open_module(models.materialise(cfg.model, store, True), cfg, stage, stage.family, fresh_head=True)
    [part], _ = training_data(stage, store, cfg.seed, module.count)
    data = partial(TaskDataModule, module, train=part.data, batch_size=stage.recipe.batch_size, seed=cfg.seed)
    train = partial(fit_seconds, precision=models.running(cfg.model, "cpu").train)
    if "fused" in name:
        _fuse(module)
    if "compile" in name:
        module.model.base_model.compile(dynamic=True)
        print(f"{task}: the first epoch, with compiling: {train(module, data(), clock=clock):.0f} s")
    if "threads" in name:
        torch.set_num_threads(2)
        clock = time.perf_counter
    measured = data()
    try:
        seconds = train(module, measured, clock=clock)
    finally:
        torch.set_num_threads(threads)
    return measured.tokens() / seconds


def _fuse(module: Any) -> None:
    """Configure the module's optimizer as always, and have it update all weights in one kernel."""
    configure = module.configure_optimizers

    def fused() -> Any:
        made = configure()
        for group in made["optimizer"].param_groups:
            group["fused"] = True
        return made

    module.configure_optimizers = fused


if __name__ == "__main__":
    main()
