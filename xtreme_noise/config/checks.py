"""Shared parts of the checks of a config: messages with the place of an error, ranges, known names, data of a stage."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from xtreme_noise import languages, tasks
from xtreme_noise.config.schema import Config, IntermediateConfig, RecipeConfig, TaskConfig
from xtreme_noise.config.splits import DataConfig, SizeConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError, refuse, suggest
from xtreme_noise.parts import SOURCES

SHEETS = (".csv", ".csv.gz", ".xls", ".xlsx", ".ods")  # tables that cannot be read
MAKERS = (
    "answer_sentence", "answer_ids", "all_sentences", "filled_templates", "bitext_queries", "bitext_candidates",
    "shuffled_choices", "shuffled_table_of_choices",
)  # fmt: skip


class Checks:
    """Checks of one config; `sources` says where each of its values was written."""

    def __init__(self, cfg: Config, sources: Sources) -> None:
        self.cfg = cfg
        self.sources = sources

    def _wrong(self, key: str, problem: str) -> ConfigError:
        return ConfigError(f"{key}{self.sources.of(key)} {problem}")

    def _one_of(self, key: str, value: Any, known: Sequence[str], what: str) -> None:
        if value not in known:
            refuse(ConfigError(f"{key}{self.sources.of(key)}: unknown {value!r}{suggest(str(value), known, what)}"))

    def _at_least(self, key: str, value: float | None, least: float) -> None:
        if value is not None and not (math.isfinite(value) and value >= least):
            refuse(self._wrong(key, f"must be at least {least:g}, not {value:g}"))

    def _positive(self, key: str, value: float) -> None:
        if not (math.isfinite(value) and value > 0):
            refuse(self._wrong(key, f"must be greater than 0, not {value:g}"))

    def _distinct(self, key: str, values: Iterable[Any]) -> None:
        twice = [value for value, count in Counter(values).items() if count > 1]
        if twice:
            refuse(self._wrong(key, f"names {twice[0]!r} twice"))

    def _codes(self, key: str, codes: Sequence[str], *, pairs: bool = False) -> None:
        """pairs: whether a code may be a pair such as ar-de."""
        for code in codes:
            if len(languages.sides(code)) == 2 and not pairs:
                refuse(
                    self._wrong(key, f"names {code!r}: a pair of languages is a test set of a task, and nothing else")
                )
            try:
                languages.language(code)
            except ConfigError as error:
                hint = "Norwegian is nb: " if code == "no" else ""
                refuse(ConfigError(f"{key}{self.sources.of(key)}: {hint}{error}"))
        self._distinct(key, codes)

    def _stage(self, name: str, stage: TaskConfig | IntermediateConfig) -> None:
        self._distinct(f"{name}.labels", stage.labels)
        from_file = isinstance(stage, IntermediateConfig) and stage.labels_file
        if from_file and stage.labels:
            raise self._wrong(f"{name}.labels", "and labels_file exclude each other")
        family = tasks.family(str(stage.family))
        if len(stage.labels) < family.least_labels and not from_file:
            least = f"at least {family.least_labels} labels" if family.least_labels > 2 else "at least two labels"
            raise self._wrong(f"{name}.labels", f"must name {least} of a {stage.family} task")
        self._size(f"{name}.size", stage.size)
        self._recipe(f"{name}.recipe", stage.recipe, str(stage.family))
        for kind, data in stage.data.items():
            self._one_of(f"{name}.data", kind, SOURCES.names(), SOURCES.many)
            self._data(f"{name}.data.{kind}", data)
            pooled = family.pooled
            if data.test and (data.pool is not None) != pooled:
                need = (
                    "must name the candidates of"
                    if pooled
                    else f"is for {' and '.join(tasks.having('pooled'))} tasks, not for"
                )
                raise self._wrong(f"{name}.data.{kind}.pool", f"{need} a {stage.family} task")
            if data.threshold and stage.family != "mining":
                need = f"is for mining tasks, not for a {stage.family} task"
                raise self._wrong(f"{name}.data.{kind}.threshold", need)

    def _rows(self, key: str, path: str) -> None:
        if path.lower().endswith(SHEETS):
            raise self._wrong(
                key,
                f"is {path}: rows are read from JSON lines (.jsonl, .jsonl.gz) or parquet. Write it once with pandas: "
                'read_csv(...).to_json("name.jsonl.gz", orient="records", lines=True, force_ascii=False)',
            )

    def _size(self, key: str, size: SizeConfig) -> None:
        for field in dataclasses.fields(size):
            self._at_least(f"{key}.{field.name}", getattr(size, field.name), 1)

    def _recipe(self, key: str, recipe: RecipeConfig, family: str) -> None:
        self._positive(f"{key}.learning_rate", recipe.learning_rate)
        self._at_least(f"{key}.epochs", recipe.epochs, 1)
        self._at_least(f"{key}.batch_size", recipe.batch_size, 1)
        self._at_least(f"{key}.max_length", recipe.max_length, 8)
        self._at_least(f"{key}.weight_decay", recipe.weight_decay, 0)
        self._at_least(f"{key}.patience", recipe.patience, 1)
        self._averages(key, recipe)
        self._at_least(f"{key}.contrast_weight", recipe.contrast_weight, 0)
        if recipe.contrast_temperature is not None:
            self._positive(f"{key}.contrast_temperature", recipe.contrast_temperature)
        if not 0 <= recipe.warmup < 1:
            raise self._wrong(f"{key}.warmup", f"is a share of all steps, from 0 to below 1, not {recipe.warmup:g}")
        for setting in ("contrast_weight", "contrast_temperature"):
            if family != "robust_contrastive" and getattr(recipe, setting) is not None:
                raise self._wrong(f"{key}.{setting}", f"is for robust_contrastive, and this is {family}")
        if family == "qa" and not 0 <= recipe.stride < recipe.max_length:
            raise self._wrong(
                f"{key}.stride",
                f"must be smaller than max_length ({recipe.max_length}) in span QA, not {recipe.stride}",
            )

    def _averages(self, key: str, recipe: RecipeConfig) -> None:
        self._at_least(f"{key}.averaged_checkpoints", recipe.averaged_checkpoints, 2)
        self._at_least(f"{key}.averaged_runs", recipe.averaged_runs, 2)
        if recipe.averaged_checkpoints is None:
            return
        if recipe.patience is not None:
            raise self._wrong(
                f"{key}.averaged_checkpoints",
                f"are spread evenly over all updates, and {key}.patience may end training earlier: leave one out",
            )
        if self.cfg.trainer.sharded:
            raise self._wrong(
                f"{key}.averaged_checkpoints", "needs whole models, and trainer.strategy=fsdp shards them: use ddp"
            )

    def _data(self, key: str, data: DataConfig) -> None:
        splits = [("test", data.test), ("paired", data.paired), ("pool", data.pool)] + [
            (f"{p}[{i}]", s) for p in ("train", "dev") for i, s in enumerate(getattr(data, p))
        ]
        if data.threshold:
            splits += [("threshold.test", data.threshold.test), ("threshold.pool", data.threshold.pool)]
        for part, split in splits:
            if split is None:
                continue
            others = [other.path for other in (split.noisy, split.repair, split.join, split.gold) if other]
            for path in (split.path, *others):
                self._rows(f"{key}.{part}.path", path)
            if split.make is not None:
                self._one_of(f"{key}.{part}.make", split.make, MAKERS, "ways to make rows")
            if split.parallel is not None:
                self._codes(f"{key}.{part}.parallel.language", [split.parallel.language])
            if split.languages is not None:
                self._codes(f"{key}.{part}.languages", split.languages, pairs=part in ("test", "paired"))
            if split.cut is not None and not (len(split.cut) == 2 and 0 <= split.cut[0] < split.cut[1] <= 1):
                raise self._wrong(f"{key}.{part}.cut", f"is [low, high] with 0 <= low < high <= 1, not {split.cut}")
