"""What mode=plan counts: examples, model inputs and tokens. Kept in the store: the next plan of the same data and model
needs no tokenizer.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xtreme_noise import models
from xtreme_noise.config.schema import Config, ModelConfig
from xtreme_noise.data.sources import SplitRef, subsample
from xtreme_noise.errors import ModelUnavailable, UserError
from xtreme_noise.features import Features, features_class
from xtreme_noise.features.base import Limits
from xtreme_noise.models.quiet import quiet
from xtreme_noise.stages.plan import LanguageSample, Plan, Stage
from xtreme_noise.stages.training_set import prepare
from xtreme_noise.store import Store, digest, write_atomic

COUNTED_VERSION = 1  # raise it when the same data are counted in another way
FILE = "counted.json"
SAMPLE = 200  # examples of a test set whose length is measured
TRAINED = 500  # examples of a training set that are converted to model inputs
_tokenizers: dict[str, Any] = {}


def stage_counts(stage: Stage, store: Store, cfg: Config) -> tuple[list[list[tuple[float, float, float]]], bool]:
    """For each sample of each task of a stage: its examples, and model inputs and tokens per example. Also whether a
    tokenizer counted. Raises DataError and DataMissing for what cannot be trained on.
    """
    what = {"stage": digest(stage.key()), "prefixes": [cfg.model.prefix, cfg.model.passage_prefix]}
    counts, known = _counted(store, what, lambda: _counts(stage, store, cfg))
    return counts, known


def token_count(reference: SplitRef, store: Store, plan: Plan, at_most: int | None = None) -> tuple[float, bool]:
    """Subword tokens of all examples, or of `at_most` of them. Also whether a tokenizer counted."""

    def count() -> tuple[Any, bool]:
        known = _tokenizer(plan.cfg.model, store) is not None
        return (_length(reference, store, plan.cfg), len(reference.load(store)), known), known

    mean, size, known = _counted(store, {"data": reference.identity(), "model": plan.base["model"]}, count)
    return float(mean * min(size, at_most or size)), known


def _counted(store: Store, what: dict[str, Any], count: Callable[[], tuple[Any, bool]]) -> Any:
    """What `count` gave for the data and model that `what` identifies: JSON, and whether it is to be kept."""
    key = {"counted": COUNTED_VERSION, **what}
    if (path := store.peek("counted", key, FILE)) is not None:
        return json.loads(path.read_text(encoding="utf-8"))
    found, final = count()

    def write(directory: Path) -> None:
        write_atomic(directory / FILE, json.dumps(found))

    if final:
        with contextlib.suppress(UserError):  # a store that cannot be written: it is counted again next time
            store.build("counted", key, write, (FILE,))
    return found


def _counts(stage: Stage, store: Store, cfg: Config) -> tuple[Any, bool]:
    """For each sample of each task: its examples, and model inputs and tokens per example. Twice, whether a tokenizer
    counted.
    """
    if not store.there("stages", stage.key()):
        prepare(stage, store)
    known = _tokenizer(cfg.model, store) is not None
    counts = []
    for part in stage.parts:
        made = [_made(sample, part, store, cfg) for sample in part.samples]
        sizes = [_examples(sample, part, store, cfg) for sample in part.samples]
        counts.append([(size, one.inputs, one.tokens) for size, one in zip(sizes, made, strict=True)])
    return (counts, known), known


def _examples(sample: LanguageSample, part: Stage, store: Store, cfg: Config) -> float:
    """The number of examples of a sample; approximate when it is measured in tokens."""
    if sample.tokens_of is not None:
        tokens = _made(sample.tokens_of, part, store, cfg).tokens * (sample.tokens_of.size or 0)
        return tokens * sample.part / _made(sample, part, store, cfg).tokens
    available = sum(len(one.load(store)) for one in sample.references)
    return available if sample.size is None else min(sample.size, available)


@dataclass(frozen=True)
class _Made:
    """Average model inputs and tokens of an example."""

    inputs: float  # more than 1 when long examples are split into windows
    tokens: float  # of all inputs


def _made(sample: LanguageSample, part: Stage, store: Store, cfg: Config) -> _Made:
    """Measured with the features of training themselves, on a sample of the training examples.

    Without a tokenizer on this machine: one input per example, characters / 4.
    """
    tokenizer = _tokenizer(cfg.model, store)
    whole = replace(sample, exact=False, interleave=None, tokens_of=None)  # training checks the sizes
    chosen = subsample(whole.take(sample.load(store), part.role, part.seed), TRAINED, f"plan|{part.seed}")
    if tokenizer is None:
        return _Made(1.0, sum(map(len, _texts(chosen[:]))) / 4 / len(chosen))
    maker = _maker(part, tokenizer, cfg.model)
    with quiet():  # an example is longer than a model input, and is cut as it is when it is trained on
        features = maker.training_features(chosen[:])
    return _Made(len(features) / len(chosen), sum(map(maker.tokens, features)) / len(chosen))


def _maker(part: Stage, tokenizer: Any, model: ModelConfig) -> Features:
    """What makes the training features of a task. Only a family of another package needs its module, and torch."""
    limits = Limits(min(part.recipe.max_length, model.max_length), part.recipe.stride)
    if (own := features_class(part.family)) is not None:
        return own.alone(tokenizer, limits, model.prefix, model.passage_prefix)
    import torch

    from xtreme_noise.modules import module_class

    return module_class(part.family)(
        torch.nn.Module(), tokenizer, labels=part.labels, recipe=part.recipe, prefix=model.prefix,
        passage_prefix=model.passage_prefix, limits=limits,
    )  # fmt: skip


def _length(reference: SplitRef, store: Store, cfg: Config) -> float:
    """Mean subword tokens per example, on a sample; characters / 4 without a tokenizer on this machine."""
    columns = subsample(reference.load(store), SAMPLE, "plan")[:]
    texts = _texts(columns)
    count = len(columns["id"])
    tokenizer = _tokenizer(cfg.model, store)
    if tokenizer is None:
        return sum(map(len, texts)) / 4 / count
    with quiet():
        return sum(len(ids) for ids in tokenizer(texts)["input_ids"]) / count


def _texts(columns: dict[str, Any]) -> list[str]:
    """All input texts of these examples."""
    return [
        " ".join(value) if isinstance(value, list) else value
        for name in ("text", "text_pair", "tokens", "prompt", "choices", "question", "context", "query", "candidate")
        if name in columns
        for value in columns[name]
    ]


def _tokenizer(model: ModelConfig, store: Store) -> Any:
    """The model's tokenizer, or None when the model is not on this machine."""
    key = f"{model.loader}|{model.path}|{model.revision}|{model.trust_remote_code}"
    if key not in _tokenizers:
        try:
            path = models.tokenizer(model, store, offline=True)
            _tokenizers[key] = models.load_tokenizer(path, trust_remote_code=model.trust_remote_code)
        except ModelUnavailable:
            _tokenizers[key] = None
    return _tokenizers[key]
