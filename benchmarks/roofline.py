"""Inference and training compared to the machine's rate of matrix products, transformers' Trainer and plain loops.

The rate is measured in the same run, with the products of one layer over a batch of inference. A token costs

    forward    layers x (2 x (4 x hidden^2 + 2 x hidden x intermediate) + 4 x hidden x length)
    training   3 x forward; with frozen embeddings less 2 x 3 x hidden^2

operations: two for each weight of the encoder's matrices, and the products of attention with the `length` tokens of its
input. Backward passes have a product for the gradient of the weights and one for that of the inputs; frozen embeddings
need no gradient of the first layer's inputs. Only real tokens count: neither padding nor what else takes time
(tokenizing, dropout, norms, the head, the optimizer). The share is tokens/s x operations per token / rate. Seconds are
those of the processor, over all threads, so that other work on the machine disturbs little.

Texts: one to six commands of the embedded source each, 24 tokens on average, 55 at most.
bfloat16 is measured only on CPUs with its matrix instructions (AMX, AVX-512).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from datasets import Dataset

from benchmarks.setting import fit_seconds, line
from benchmarks.training import trainer_seconds
from xtreme_noise import hardware, models
from xtreme_noise.config import compose
from xtreme_noise.config.schema import Config
from xtreme_noise.data import embedded
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.stages.datamodule import TaskDataModule
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.predictor import BATCH_TOKENS
from xtreme_noise.stages.training_run import open_module, predictor
from xtreme_noise.store import Store

Clock = Callable[[], float]
LENGTH = 128  # to which plain loops pad, and the maximum of the recipe
MOST_COMMANDS = 6  # in a text
SECONDS = 2.0  # of matrix products
# Training in bfloat16 as docs/models.md recommends it.
PRECISIONS = {
    "float32": (["model.precision=32-true"], torch.float32, "at least 0.5"),
    "bfloat16": (
        ["model.precision=bf16-mixed", "model.attention=eager", "model.attention_dropout=0"],
        torch.bfloat16,
        "at least 0.33",
    ),
}


class Speed(NamedTuple):
    """Real tokens per second, and operations per second of the formula above."""

    tokens: float
    operations: float


class Bench(NamedTuple):
    """A composed job with its pretrained model in a store, and the clock that measures it."""

    cfg: Config
    path: Path
    clock: Clock

    @classmethod
    def of(cls, folder: str, clock: Clock, model: str, *overrides: str) -> Bench:
        cfg: Config
        (cfg,) = compose.jobs([
            f"model={model}", "task=intents", "source=embedded", f"task.recipe.max_length={LENGTH}",
            "trainer.progress=false", f"store={folder}", *overrides,
        ])  # fmt: skip
        return cls(cfg, models.materialise(cfg.model, Store(folder), True), clock)

    def module(self) -> TaskModule:
        """The module of the job's target task with a new head."""
        stage = Plan(self.cfg).stages[-1]
        return open_module(self.path, self.cfg, stage, stage.family, fresh_head=True)

    def infer(self, module: TaskModule, data: Dataset) -> Speed:
        """Encode the texts with a Predictor."""
        reads = predictor(module, self.cfg)
        begin = self.clock()
        reads.encode([data[:]])
        seconds = self.clock() - begin
        return _speed(forward(module.model.config, lengths(module, data)), lengths(module, data), seconds)

    def train(self, module: TaskModule, data: Dataset) -> Speed:
        """One epoch of training."""
        cfg = self.cfg
        loader = TaskDataModule(module, train=data, batch_size=cfg.task.recipe.batch_size, seed=cfg.seed)
        precision = models.running(cfg.model, cfg.trainer.accelerator).train
        seconds = fit_seconds(module, loader, precision, cfg.trainer.accelerator, self.clock)
        return _speed(training(module, lengths(module, data)), lengths(module, data), seconds)


def texts(count: int, split: str, languages: Sequence[str] = ("en",)) -> Dataset:
    """Texts of one to six commands each, in the order of the source; their label is that of the first command."""
    rows = [row for language in languages for row in embedded.rows("intents", language, split)]
    chosen = [rows[at : at + 1 + at % MOST_COMMANDS] for at in range(count)]
    return Dataset.from_dict({
        "text": [". ".join(row["text"] for row in some) for some in chosen],
        "label": [some[0]["label"] for some in chosen],
    })  # fmt: skip


def lengths(module: TaskModule, data: Dataset) -> list[int]:
    """Tokens of each text."""
    return [len(feature["input_ids"]) for feature in module.training_features(data[:])]


def forward(config: Any, lengths: Sequence[int]) -> float:
    """Operations of forward passes over inputs of these lengths."""
    hidden, inner = config.hidden_size, config.intermediate_size
    weights = 2 * (4 * hidden**2 + 2 * hidden * inner)
    return float(config.num_hidden_layers * sum(n * (weights + 4 * hidden * n) for n in lengths))


def training(module: TaskModule, lengths: Sequence[int]) -> float:
    """Operations of forward and backward passes."""
    config = module.model.config
    frozen = not any(weight.requires_grad for weight in models.embeddings(module.model).parameters())
    return 3 * forward(config, lengths) - float(frozen * sum(lengths) * 2 * 3 * config.hidden_size**2)


def _speed(operations: float, lengths: Sequence[int], seconds: float) -> Speed:
    return Speed(sum(lengths) / seconds, operations / seconds)


def product_rate(config: Any, dtype: torch.dtype, device: str, clock: Clock) -> float:
    """Operations per second of a layer's matrix products: the best of the passes of two seconds."""
    hidden, inner, tokens = config.hidden_size, config.intermediate_size, BATCH_TOKENS[device]
    shapes = [(hidden, hidden)] * 4 + [(hidden, inner), (inner, hidden)]
    products = [
        (torch.rand(tokens, n, dtype=dtype, device=device), torch.rand(m, n, dtype=dtype, device=device))
        for n, m in shapes
    ]
    best, end = 0.0, time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        begin = clock()
        for states, weights in products:
            torch.nn.functional.linear(states, weights)
        best = max(best, sum(2 * tokens * n * m for n, m in shapes) / (clock() - begin))
    return best


def _padded(module: TaskModule, data: Dataset, size: int) -> list[dict[str, torch.Tensor]]:
    """Batches in the order of the data, padded to the maximum length."""
    columns = data[:]
    encoding = module.tokenizer(
        columns["text"], padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    every = dict(encoding) | {"labels": torch.tensor(columns["label"])}
    return [{name: tensor[at : at + size] for name, tensor in every.items()} for at in range(0, len(data), size)]


def _plain_inference(module: TaskModule, data: Dataset, size: int) -> float:
    """Processor seconds of a plain loop of forward passes."""
    batches = _padded(module, data, size)
    module.eval()
    begin = time.process_time()
    with torch.inference_mode():
        for batch in batches:
            module.model(**batch)
    return time.process_time() - begin


def _plain_training(module: TaskModule, data: Dataset, size: int) -> float:
    """Processor seconds of a plain loop of training steps."""
    batches = _padded(module, data, size)
    weights = [weight for weight in module.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights)
    module.train()
    begin = time.process_time()
    for batch in batches:
        module.model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return time.process_time() - begin


def main(inputs: int = 240, examples: int = 192) -> None:
    read, learnt = texts(inputs, "test"), texts(examples, "train")
    with tempfile.TemporaryDirectory() as folder:
        for name, (overrides, dtype, goal) in PRECISIONS.items():
            if dtype is torch.bfloat16 and hardware.instructions() not in hardware.BF16:
                continue
            bench = Bench.of(folder, time.process_time, "e5_small", "trainer.accelerator=cpu", *overrides)
            module = bench.module()
            before = product_rate(module.model.config, dtype, "cpu", bench.clock)
            infer, train = bench.infer(module, read), bench.train(module, learnt)
            rate = max(before, product_rate(module.model.config, dtype, "cpu", bench.clock))
            if dtype is torch.float32:
                _compare(bench, infer, train, read, learnt, folder)
            for what, speed in (("inference", infer), ("training", train)):
                print(f"{what}, {name}: {speed.tokens:.0f} tokens per processor second")
                title = f"{what}, {name}, 10^9 operations/s compared to matrix products"
                line(title, speed.operations / 1e9, rate / 1e9, "1/s", goal)


def _compare(bench: Bench, infer: Speed, train: Speed, read: Dataset, learnt: Dataset, folder: str) -> None:
    """Tokens per second beside transformers' Trainer and plain loops, both in float32."""
    size = bench.cfg.task.recipe.batch_size
    module = bench.module()
    tokens, trained = sum(lengths(module, read)), sum(lengths(module, learnt))
    padded = tokens / _plain_inference(module, read, size)
    line("inference, tokens per second compared to a loop over padded batches", infer.tokens, padded, "1/s", "none")
    trainer = trained / trainer_seconds(bench.module(), learnt, size, folder, bench.clock)
    line("training, tokens per second compared to transformers' Trainer", train.tokens, trainer, "1/s", "at least 1.3")
    padded = trained / _plain_training(bench.module(), learnt, size)
    line("training, tokens per second compared to a loop over padded batches", train.tokens, padded, "1/s", "none")


if __name__ == "__main__":
    main()
