"""Checks of the values of a config: known names, ranges, noise that fits the task."""

from __future__ import annotations

import dataclasses
import difflib
import importlib.util
from pathlib import Path
from typing import Any

from xtreme_noise import errors, languages, tasks
from xtreme_noise.config import schema
from xtreme_noise.config.arms import ArmChecks
from xtreme_noise.config.fields import column_language
from xtreme_noise.config.schema import Config, IntermediateConfig, TaskConfig, TrainedAsConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError, install, suggest
from xtreme_noise.parts import LOADERS, NOISE, SOURCES, TRACKERS

STRATEGIES = ("ddp", "fsdp")
PRECISIONS = ("auto", "32-true", "bf16-mixed", "16-mixed")
ATTENTIONS = ("eager", "sdpa", "flash_attention_2")
POOLINGS = ("mean", "cls", "max")
CLOCKS = ("grapheme", "word", "token")
SCHEDULES = ("constant", "linear")
STAGES = ("intermediate", "target")
OVERLAPS = ("drop", "refuse")
SAMPLINGS = ("random", "shortest", "longest")
TABLES = (".tsv", ".txt")  # two columns, clean and noisy; other parallel files have named columns


def check(cfg: Config, sources: Sources) -> None:
    """Raise ConfigError for the first invalid value."""
    _Check(cfg, sources).run()


def tracker_installed(kind: str) -> None:
    """Raise ConfigError when the package of a tracker is missing: before hours of training, not after."""
    optional = {"tensorboard", "mlflow", "wandb"}  # each needs the module of its name, in the extra of its name
    if kind in optional and importlib.util.find_spec(kind) is None:
        raise ConfigError(f"tracker={kind} needs a package that is not installed: {install(kind)}")


class _Check(ArmChecks):
    def run(self) -> None:
        cfg = self.cfg
        for one in (
            self._names_of_parts, self._model, self._task, self._intermediate, self._heads, self._trainer,
            self._languages, self._shots, self._noise, self._train_noise, self._pairs_noise, self._modes,
        ):  # fmt: skip
            with errors.check():
                one()
        if not 0 <= cfg.seed < 2**32:
            raise self._wrong("seed", f"must be from 0 to {2**32 - 1}, not {cfg.seed}")
        self._at_least("limit", cfg.limit, 2)

    def _names_of_parts(self) -> None:
        cfg = self.cfg
        self._one_of("mode", cfg.mode, schema.MODES, "modes")
        self._one_of("source.kind", cfg.source.kind, ["auto", *SOURCES.names()], SOURCES.many)
        self._roots()
        self._one_of("tracker.kind", cfg.tracker.kind, TRACKERS.names(), TRACKERS.many)
        tracker_installed(cfg.tracker.kind)

    def _modes(self) -> None:
        """The settings of single modes."""
        cfg = self.cfg
        if cfg.list.what is not None:
            self._one_of("list.what", cfg.list.what, schema.LISTED, "parts")
        self._at_least("clean.hours", cfg.clean.hours, 0)
        self._at_least("check.rows", cfg.check.rows, 1)
        if cfg.mode == "mine_typos":
            self._mine()
        if cfg.mode == "score":
            self._score()
        if cfg.mode == "fetch":
            self._fetch()
        if cfg.mode == "power":
            self._power()
        if cfg.mode == "noise_table" and cfg.noise.level == 0:
            raise self._wrong("noise.level", "must be above 0 for a table of what noise does")

    def _roots(self) -> None:
        root = self.cfg.source.root
        listed = root if isinstance(root, list) else [root]
        if root is not None and not (listed and all(isinstance(folder, str) for folder in listed)):
            raise self._wrong("source.root", f"must be a folder, or a list of them, written [a,b], not {root!r}")
        self._distinct("source.root", listed)

    def _model(self) -> None:
        model = self.cfg.model
        self._one_of("model.loader", model.loader, LOADERS.names(), LOADERS.many)
        self._one_of("model.precision", model.precision, PRECISIONS, "precisions")
        self._one_of("model.pooling", model.pooling, POOLINGS, "poolings")
        if model.attention is not None:
            self._one_of("model.attention", model.attention, ATTENTIONS, "implementations")
        if model.attention == "flash_attention_2" and importlib.util.find_spec("flash_attn") is None:
            raise self._wrong("model.attention", "=flash_attention_2 needs the package flash-attn, and a CUDA device")
        if model.attention_dropout is not None and not 0 <= model.attention_dropout < 1:
            raise self._wrong(
                "model.attention_dropout", f"is a share from 0 to below 1, not {model.attention_dropout:g}"
            )
        if model.loader == "hub" and not model.path:
            raise self._wrong("model.path", "must name a hub repository or a local directory (model.loader is hub)")
        self._at_least("model.layers", model.layers, 1)
        self._at_least("model.max_length", model.max_length, 8)
        self._positive("model.learning_rate_scale", model.learning_rate_scale)
        if model.lora.rank is not None:
            self._at_least("model.lora.rank", model.lora.rank, 1)
            self._positive("model.lora.alpha", model.lora.alpha)
            if not 0 <= model.lora.dropout < 1:
                raise self._wrong("model.lora.dropout", f"is a share from 0 to below 1, not {model.lora.dropout:g}")
            if importlib.util.find_spec("peft") is None:
                raise self._wrong("model.lora.rank", f"needs the package peft, which is missing: {install('lora')}")

    def _task(self) -> None:
        task = self.cfg.task
        families = [name for name in tasks.names() if name not in tasks.having("pretraining")]
        self._one_of("task.family", task.family, families, "task families")
        self._one_of("task.overlap", task.overlap, OVERLAPS, "ways to treat overlap")
        for how in task.layer_sweep:
            self._one_of("task.layer_sweep", how, POOLINGS, "poolings")
        self._distinct("task.layer_sweep", task.layer_sweep)
        if task.layer_sweep and task.family != "retrieval":
            raise self._wrong("task.layer_sweep", f"is for retrieval tasks, and {task.name} is a {task.family} task")
        if task.trained_as is not None:
            self._one_of("task.trained_as.family", task.trained_as.family, tasks.names(), "task families")
        fields = list(tasks.family(task.family).noise_fields)
        self._one_of("task.noise_field", task.noise_field, fields, f"noise fields of a {task.family} task")
        if not task.languages:
            raise self._wrong("task.languages", "must name at least one language")
        self._codes("task.languages", task.languages, pairs=True)
        self._codes("task.train_language", [task.train_language])
        self._column_languages(task)
        self._stage("task", task)
        if task.first is not None:
            self._size("task.first.size", task.first.size)
            self._recipe("task.first.recipe", task.first.recipe, task.family)
            for kind, data in task.first.data.items():
                self._one_of("task.first.data", kind, SOURCES.names(), "kinds of source")
                self._data(f"task.first.data.{kind}", data)
        if (
            self.cfg.source.kind != "auto"
            and task.data
            and self.cfg.source.kind not in task.data
            and len(task.data) > 1
        ):
            raise self._wrong(
                "source.kind",
                f"is {self.cfg.source.kind}, but {task.name} has data in: {', '.join(sorted(task.data))}",
            )

    def _column_languages(self, task: TaskConfig) -> None:
        """The language of every column must be in the language table."""
        columns = list(
            dict.fromkeys(column for one in tasks.family(task.family).noise_fields.values() for column in one.columns)
        )
        for column in task.column_languages:
            key = f"task.column_languages.{column}"
            self._one_of("task.column_languages", column, columns, f"text columns of a {task.family} task")
            for code in task.languages:
                try:
                    languages.language(column_language(task, code, column))
                except ConfigError as error:
                    raise ConfigError(f"{key}{self.sources.of(key)}: {error}") from None

    def _trainer(self) -> None:
        trainer = self.cfg.trainer
        self._at_least("trainer.eval_tokens", trainer.eval_tokens, 1)
        self._at_least("trainer.workers", trainer.workers, 0)
        self._at_least("trainer.checkpoint_minutes", trainer.checkpoint_minutes, 0)
        self._at_least("trainer.accumulate_grad_batches", trainer.accumulate_grad_batches, 1)
        self._at_least("trainer.devices", trainer.devices, 1)
        self._at_least("trainer.eval_devices", trainer.eval_devices, 1)
        if trainer.eval_devices > 1 and trainer.accelerator == "mps":
            raise self._wrong("trainer.eval_devices", "must be 1 on MPS, which is one device")
        self._one_of("trainer.strategy", trainer.strategy, STRATEGIES, "strategies")
        if trainer.strategy == "fsdp" and (trainer.devices == 1 or trainer.accelerator in ("cpu", "mps")):
            raise self._wrong("trainer.strategy", "is fsdp, for a model shared over CUDA devices: set trainer.devices")
        if trainer.devices > 1:
            self._one_device()

    def _one_device(self) -> None:
        """Refuse stages that would be trained differently if their batches were split, before anything is loaded."""
        task = self.cfg.task
        together = [stage.title for stage in self.cfg.intermediate.in_order() if stage.tasks]
        if together:
            raise self._wrong("trainer.devices", f"must be 1 for a multitask stage ({together[0]})")
        trained = [(stage.label, stage.family) for stage in self.cfg.intermediate.trained_on()]
        if task.train:
            trained.append((task.name, (task.trained_as or task).family))
        for name, family in trained:
            if tasks.family(str(family)).whole_batches:
                raise self._wrong(
                    "trainer.devices",
                    f"must be 1 for {name}: in a {family} stage the other examples of the batch are the wrong answers, "
                    "and each device would have only its own part of them",
                )

    def _shots(self) -> None:
        shots = self.cfg.shots
        self._one_of("shots.sampling", shots.sampling, SAMPLINGS, "ways to sample")
        self._at_least("shots.k", shots.k, 1)
        self._at_least("shots.epochs", shots.epochs, 1)
        if shots.learning_rate is not None:
            self._positive("shots.learning_rate", shots.learning_rate)
        if shots.k is not None and not self.cfg.task.train:
            raise self._wrong("shots.k", f"starts from a trained target, and {self.cfg.task.name} is not trained")
        if shots.k is not None and self.cfg.task.trained_as is not None:
            raise self._wrong(
                "shots.k", f"starts from the target's own head, and {self.cfg.task.name} is trained as another task"
            )
        pairs = [code for code in self.cfg.wanted_languages() if len(languages.sides(code)) == 2]
        if shots.k is not None and pairs:
            raise self._wrong("shots.k", f"is for test sets of one language, and {pairs[0]} is a pair")
        if shots.k is not None and self.cfg.task.family == "ranking":
            raise self._wrong(
                "shots.k", "is not for ranking: the candidates are encoded by one model for all languages"
            )

    def _languages(self) -> None:
        key = "language" if self.cfg.language is not None else "languages"
        wanted = self.cfg.wanted_languages()
        if not wanted:
            raise self._wrong("languages", "must name at least one language, or be null for all of the task's")
        if self.cfg.language is not None or self.cfg.languages is not None:  # those of the task are checked with it
            self._codes(key, wanted, pairs=self.cfg.mode != "noise_table")
        if self.cfg.mode == "noise_table":
            return  # this mode is about noise, not about a task
        for code in wanted:
            if code not in self.cfg.task.languages:
                near = difflib.get_close_matches(code, self.cfg.task.languages, n=1)
                raise self._wrong(
                    key,
                    f"names {code!r} ({languages.language(code).name}), which {self.cfg.reported_task()} lacks"
                    + (f"; did you mean {near[0]!r}?" if near else ".")
                    + f" It has: {', '.join(self.cfg.task.languages)}",
                )

    def _noise(self) -> None:
        from xtreme_noise.noise.registry import plain

        wanted = self.cfg.noise
        key = "noise.level" if wanted.level is not None else "noise.levels"
        levels = self.cfg.wanted_levels()
        if not levels:
            raise self._wrong(key, "must name at least one level")
        for level in levels:
            if not 0 <= level <= 1:  # also refuses NaN
                raise self._wrong(key, f"is a share of graphemes from 0 to 1, not {level:g}")
        self._distinct(key, levels)
        if not wanted.seeds:
            raise self._wrong("noise.seeds", "must name at least one seed")
        for seed in wanted.seeds:
            self._at_least("noise.seeds", seed, 0)
        self._distinct("noise.seeds", wanted.seeds)
        if wanted.field is not None:
            family = self.cfg.task.family
            self._one_of(
                "noise.field", wanted.field, list(tasks.family(family).noise_fields), f"noise fields of a {family} task"
            )
        self._one_of("noise.calibrate_by", wanted.calibrate_by, CLOCKS, "rates to calibrate by")
        noisy = any(level > 0 for level in levels)
        if noisy and not wanted.families:
            raise self._wrong("noise.families", "is empty: choose at least one, as in noise=[char]")
        for family, parameters in wanted.families.items():
            self._family(family, parameters or {})
            if noisy and plain(family, parameters or {}).paired:
                self._paired(family)

    def _paired(self, family: str) -> None:
        """The test set must have a noisy side; checked before anything is trained."""
        if not any(data.paired for data in self.cfg.task.data.values()):
            raise self._wrong(
                "noise.families",
                f"names {family!r}, for which {self.cfg.reported_task()} has no noisy side: choose a task with a "
                "paired test set, such as task=attested/xnli",
            )

    def _train_noise(self) -> None:
        from xtreme_noise.noise.registry import plain

        wanted = self.cfg.train_noise
        if not wanted.families:
            return
        if len(wanted.families) > 1:
            raise self._wrong(
                "train_noise.families", f"names {', '.join(wanted.families)}: at most one family; a mix counts as one"
            )
        if not 0 < wanted.level <= 1:
            raise self._wrong("train_noise.level", f"is a share of graphemes above 0, up to 1, not {wanted.level:g}")
        if not 0 < wanted.share <= 1:
            raise self._wrong("train_noise.share", f"is a share of examples above 0, up to 1, not {wanted.share:g}")
        self._one_of("train_noise.schedule", wanted.schedule, SCHEDULES, "schedules")
        self._at_least("train_noise.seed", wanted.seed, 0)
        if not wanted.stages:
            raise self._wrong("train_noise.stages", f"must name at least one of {', '.join(STAGES)}")
        for name in wanted.stages:
            self._one_of("train_noise.stages", name, STAGES, "stages")
        self._distinct("train_noise.stages", wanted.stages)
        by_role: dict[str, list[tuple[TaskConfig | IntermediateConfig, list[str]]]] = {
            "intermediate": [
                (stage, self.cfg.trained_languages(stage)) for stage in self.cfg.intermediate.trained_on()
            ],
            "target": [(self.cfg.task, [self.cfg.task.train_language])] if self.cfg.task.train else [],
        }
        ((family, parameters),) = wanted.families.items()
        self._family(family, parameters or {}, "train_noise")
        perturber = plain(family, parameters or {})
        if perturber.paired:
            raise self._wrong("train_noise.families", f"names {family!r}, which exists in test sets only")
        for stage, codes in (pair for name in wanted.stages for pair in by_role[name]):
            data = (stage.trained_as if isinstance(stage, TaskConfig) else None) or stage
            assert data.family is not None
            fields = [
                name for name in tasks.family(str(data.family)).noise_fields if name != "tokens_protected"
            ]  # for test sets
            what = f"noise fields of the {data.family} task {_called(data)}"
            self._one_of("train_noise.field", wanted.field or data.noise_field, fields, what)
            for code in codes:
                if not perturber.supports(code):
                    raise self._wrong(
                        "train_noise.families",
                        f"names {family!r}, which cannot act in {code!r}, a training language of {_called(stage)}",
                    )

    def _pairs_noise(self) -> None:
        """A stage that is trained on clean and noisy sides needs noise in intermediate training."""
        wanted = self.cfg.train_noise
        for stage in self.cfg.intermediate.in_order():
            if stage.family == "robust_contrastive" and not (wanted.families and "intermediate" in wanted.stages):
                raise self._wrong(
                    "train_noise.stages",
                    f"must contain intermediate, because {stage.label} is trained on clean and noisy sides: add "
                    "train_noise=char (or another one) and train_noise.stages=[intermediate]",
                )

    def _mine(self) -> None:
        wanted = self.cfg.mine
        for key in ("paths", "language", "output"):
            if not getattr(wanted, key):
                raise self._wrong(f"mine.{key}", "is needed by mode=mine_typos")
        self._codes("mine.language", [str(wanted.language)])
        for path in wanted.paths:
            if not Path(path).is_file():
                raise self._wrong("mine.paths", f"names {path}: there is no such file")
            self._rows("mine.paths", path)
        if len(wanted.clean) != len(wanted.noisy):
            raise self._wrong("mine.noisy", f"must name as many columns as mine.clean ({len(wanted.clean)})")
        if not wanted.clean and not all(path.removesuffix(".gz").endswith(TABLES) for path in wanted.paths):
            raise self._wrong("mine.clean", f"must name the columns of files that are not {' or '.join(TABLES)}")
        if Path(str(wanted.output)).is_dir():
            raise self._wrong("mine.output", f"is a folder, {wanted.output}; name a file")

    def _score(self) -> None:
        folder = self.cfg.score.folder
        if not folder:
            raise self._wrong("score.folder", "is needed by mode=score: the folder with <task>/test-<language>.*")
        if not Path(folder).is_dir():
            raise self._wrong("score.folder", f"is {folder}: there is no such folder")

    def _fetch(self) -> None:
        folder = self.cfg.fetch.folder
        if not folder:
            raise self._wrong("fetch.folder", "is needed by mode=fetch: the folder that gets models and data")
        if Path(folder).expanduser().is_file():
            raise self._wrong("fetch.folder", f"is {folder}: a file; name a folder")
        if self.cfg.model.trust_remote_code:
            raise self._wrong("model.trust_remote_code", "is not for mode=fetch, which fetches no code")

    def _power(self) -> None:
        wanted = self.cfg.power
        if wanted.hours is None:
            raise self._wrong("power.hours", "is needed by mode=power: the hours that the study may take")
        self._positive("power.hours", wanted.hours)
        if wanted.difference is not None:
            self._positive("power.difference", wanted.difference)
        self._at_least("power.items", wanted.items, 2)
        for key in ("tasks", "arms", "languages"):
            if (values := getattr(wanted, key)) is not None:
                if not values:
                    raise self._wrong(f"power.{key}", "is empty: name at least one, or leave it out")
                self._distinct(f"power.{key}", values)
        for count in wanted.languages or ():
            self._at_least("power.languages", count, 1)

    def _family(self, family: str, parameters: dict[str, Any], group: str = "noise") -> None:
        from xtreme_noise.noise import registry

        key = f"{group}.families.{family}"
        self._one_of(f"{group}.families", family, NOISE.names(), NOISE.many)
        known = [field.name for field in dataclasses.fields(registry.parameters_class(family))]
        for name in parameters:
            if name not in known:
                at = self.sources.of(f"{key}.{name}")
                of = f"parameters of {family}"
                raise ConfigError(f"unknown key '{key}.{name}'{at}{suggest(name, known, of)}")
        try:
            registry.checked_parameters(family, parameters)
        except (ConfigError, TypeError, ValueError) as error:
            raise ConfigError(f"{error}{self.sources.of(key)}") from None


def _called(stage: TaskConfig | TrainedAsConfig | IntermediateConfig) -> str:
    return stage.label if isinstance(stage, IntermediateConfig) else stage.name
