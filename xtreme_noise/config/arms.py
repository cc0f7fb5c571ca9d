"""Checks of intermediate training: arms, chains of stages, multitask stages, heads that the next stage keeps."""

from __future__ import annotations

from xtreme_noise import tasks
from xtreme_noise.config.checks import Checks
from xtreme_noise.config.fields import deciding
from xtreme_noise.config.schema import IntermediateConfig, RecipeConfig, SamplingConfig, TaskConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError, suggest

ENGLISH = "english"  # the arm that the others of a kind are compared with
MATCHES = ("examples", "tokens", "updates")
EVALUATED = ("any", "seen", "unseen")
ITEMS = ("same", "distinct")
MOST_MLM = 1000  # batches of masked language modelling for one of the other tasks
MASKED_LM = "masked_lm"  # the one family without labels that can be one of several tasks
OF_A_CHAIN = {"name", "arm", "arms", "version", "stages", "use"}
OF_SEVERAL = {"name", "arm", "arms", "version", "tasks", "use", "sampling", "recipe"}
# Recipes of a multitask stage: the settings that are read from its own recipe, and those from the recipe of each task.
OF_THE_WHOLE = ("learning_rate", "epochs", "warmup", "weight_decay")
OF_A_TASK = ("batch_size", "max_length", "stride")


def _trained(stage: IntermediateConfig | TaskConfig) -> str | None:
    """The task family that a stage is trained in."""
    return stage.trained_as.family if isinstance(stage, TaskConfig) and stage.trained_as else stage.family


def choose(stage: IntermediateConfig, sources: Sources, key: str = "intermediate", within: str | None = None) -> None:
    """Fill in the arm where only one is possible, here and in stages and tasks, and take the data of the arm.

    within: the arm of the chain or multitask stage around it. Raises ConfigError for an arm that the task lacks.
    """
    if stage.name == "none":
        return
    names = list(stage.arms)
    if stage.arm is None:
        stage.arm = within or (names[0] if len(names) == 1 else None)
    place = f"{key}.arm{sources.of(f'{key}.arm')}"
    if not names:
        raise ConfigError(f"{key}.arms is empty: {stage.name} has no arm; write arms: {{english: {{languages: [en]}}}}")
    if stage.arm is None:
        raise ConfigError(
            f"{place} is needed: {stage.name} has the arms {', '.join(names)}; write {key}.arm={names[0]}"
        )
    if stage.arm not in names:
        raise ConfigError(
            f"{place}: {stage.name} has no arm {stage.arm!r}{suggest(stage.arm, names, f'arms of {stage.name}')}"
        )
    own = stage.arms[stage.arm]
    stage.data = own.data or stage.data
    stage.evaluated = own.evaluated or stage.evaluated
    for what in ("stages", "tasks"):
        for name, part in getattr(stage, what).items():
            if stage.use is None or name in stage.use:
                choose(part, sources, f"{key}.{what}.{name}", stage.arm)


class ArmChecks(Checks):
    """The checks of `intermediate`, and of `keep_head`."""

    def _intermediate(self) -> None:
        if self.cfg.intermediate.name != "none":
            self._arm("intermediate", self.cfg.intermediate)

    def _arm(self, key: str, stage: IntermediateConfig) -> None:
        languages = f"{key}.arms.{stage.arm}.languages"
        if stage.stages:
            self._parts(key, stage, "stages", OF_A_CHAIN)
            return
        if stage.tasks:
            self._several(key, stage)
            return
        if stage.use is not None:
            raise self._wrong(f"{key}.use", f"chooses stages of a chain or tasks, and {stage.label} has none")
        if stage.sampling != SamplingConfig():
            raise self._wrong(f"{key}.sampling", f"is for multitask stages, and {stage.label} is one task")
        if stage.family is None:
            raise self._wrong(f"{key}.family", f"must be one of {', '.join(tasks.names())}")
        self._one_of(f"{key}.family", stage.family, tasks.names(), "task families")
        if not stage.languages:
            raise self._wrong(languages, "must name at least one language")
        self._codes(languages, stage.languages)
        if stage.arm == ENGLISH and stage.languages != ["en"]:
            raise self._wrong(languages, f"must be [en], not {stage.languages}")
        if stage.arm != ENGLISH and stage.languages == ["en"]:
            raise self._wrong(languages, f"is English only: such an arm is called {ENGLISH}")
        self._mixture(key, stage)
        self._one_of(f"{key}.match", stage.match, MATCHES, "things to match")
        if stage.recipe.patience is not None and stage.size.train is not None:
            raise self._wrong(
                f"{key}.recipe.patience",
                f"may end one arm before the other, but both must have the same number of {stage.match}: leave it out",
            )
        self._stage(key, stage)

    def _mixture(self, key: str, stage: IntermediateConfig) -> None:
        """The languages of an arm, and the weight of each."""
        of_the_arm = f"{key}.arms.{stage.arm}.evaluated"
        evaluated = of_the_arm if stage.arms[str(stage.arm)].evaluated else f"{key}.evaluated"
        self._one_of(evaluated, stage.evaluated, EVALUATED, "kinds of languages")
        self._one_of(f"{key}.items", stage.items, ITEMS, "ways to spread parallel examples")
        self._at_least(f"{key}.first_languages", stage.first_languages, 1)
        if stage.first_languages is not None and stage.first_languages > len(stage.languages):
            raise self._wrong(f"{key}.first_languages", f"is more than there are: {len(stage.languages)}")
        trained = self.cfg.trained_languages(stage)
        if not trained:
            raise self._wrong(evaluated, f"={stage.evaluated} leaves none of {', '.join(stage.languages)}")
        if stage.arm != ENGLISH and stage.evaluated != "any" and trained == ["en"]:
            which = "evaluate one of the others as well" if stage.evaluated == "seen" else "leave one out of languages"
            raise self._wrong(
                evaluated,
                f"={stage.evaluated} leaves only English of {', '.join(stage.languages)} (the languages of its "
                f"training data), which is no multilingual arm: {which}",
            )
        for code, weight in stage.weights.items():
            self._one_of(f"{key}.weights", code, trained, f"languages that {stage.label} is trained in")
            self._positive(f"{key}.weights.{code}", weight)
        own = [split for data in stage.data.values() for split in data.train if split.languages is not None]
        if stage.items == "distinct" and own:
            raise self._wrong(
                f"{key}.items",
                "=distinct is for data with the same examples in all languages, and "
                f"{own[0].path} of {stage.label} is for {', '.join(own[0].languages or ())} only",
            )
        if stage.items == "distinct" and (stage.weights or stage.match == "tokens"):
            raise self._wrong(
                f"{key}.items", "=distinct spreads the examples evenly: leave out weights and match=tokens"
            )

    def _parts(self, key: str, whole: IntermediateConfig, what: str, own: set[str]) -> None:
        """Refuse settings of a chain (or of a multitask stage) that only its stages (or tasks) read."""
        parts = getattr(whole, what)
        for name, default in vars(IntermediateConfig()).items():
            if name not in own and getattr(whole, name) != default:
                first = f"{key}.{what}.{next(iter(parts))}.{name}"
                raise self._wrong(f"{key}.{name}", f"is a setting of one of the {what} of {whole.name}: {first}")
        if whole.use is not None:
            if not whole.use:
                raise self._wrong(f"{key}.use", f"must name at least one of {', '.join(parts)}")
            for name in whole.use:
                self._one_of(f"{key}.use", name, list(parts), what)
            self._distinct(f"{key}.use", whole.use)
        for name, part in whole.chosen().items():
            if part.name == "none":
                raise self._wrong(f"{key}.{what}.{name}.name", f"is needed: {name} would not be trained without a name")
            self._arm(f"{key}.{what}.{name}", part)

    def _several(self, key: str, whole: IntermediateConfig) -> None:
        self._parts(key, whole, "tasks", OF_SEVERAL)
        if self.cfg.model.lora.rank is not None:
            raise self._wrong(
                "model.lora.rank",
                f"must be null for a multitask stage ({whole.title}), which trains the whole encoder: choose "
                "a model without adapters, such as model=e5_small",
            )
        for name, part in whole.chosen().items():
            self._task_of_several(key, name, part)
        for setting in OF_A_TASK:
            if getattr(whole.recipe, setting) != getattr(RecipeConfig(), setting):
                first = f"{key}.tasks.{next(iter(whole.chosen()))}.recipe.{setting}"
                raise self._wrong(
                    f"{key}.recipe.{setting}", f"is a setting of one of the tasks of {whole.name}: {first}"
                )
        for place, recipe in {"": whole.recipe, **{f"tasks.{n}.": p.recipe for n, p in whole.chosen().items()}}.items():
            if recipe.averaged_runs is not None:
                raise self._wrong(f"{key}.{place}recipe.averaged_runs", "is for a stage that trains one task")
        if not deciding(whole):
            raise self._wrong(
                f"{key}.use" if whole.use is not None else f"{key}.tasks",
                "leaves only masked language modelling, and another task must choose the epoch: name one, or choose "
                "a stage without others (intermediate=mlm)",
            )
        self._recipe(f"{key}.recipe", whole.recipe, "several tasks")
        self._positive(f"{key}.sampling.temperature", whole.sampling.temperature)
        self._at_least(f"{key}.sampling.cap", whole.sampling.cap, 1)
        self._positive(f"{key}.sampling.mlm_weight", whole.sampling.mlm_weight)
        if whole.sampling.mlm_weight > MOST_MLM:
            raise self._wrong(f"{key}.sampling.mlm_weight", f"must be at most {MOST_MLM}: it is batches a batch")

    def _task_of_several(self, key: str, name: str, part: IntermediateConfig) -> None:
        if part.stages or part.tasks or part.keep_head:
            raise self._wrong(f"{key}.tasks.{name}", "must be one task with a new head")
        if tasks.family(str(part.family)).pretraining and part.family != MASKED_LM:
            raise self._wrong(
                f"{key}.tasks.{name}",
                f"is a {part.family} task, which is a stage of its own: make it a stage of a chain",
            )
        if part.match == "updates":
            why = f"is updates, but the multitask stage sets how often a task is drawn: {key}.sampling"
            raise self._wrong(f"{key}.tasks.{name}.match", why)
        for setting in ("patience", "averaged_checkpoints"):
            if getattr(part.recipe, setting) is not None:
                raise self._wrong(
                    f"{key}.tasks.{name}.recipe.{setting}",
                    f"is a setting of the multitask stage: {key}.recipe.{setting}",
                )
        for setting in OF_THE_WHOLE:
            own = f"{key}.tasks.{name}.recipe.{setting}"
            # The task's own file sets it for the task alone: that is no mistake.
            if self.sources.sets(own):
                raise self._wrong(own, f"is a setting of the multitask stage: {key}.recipe.{setting}")

    def _heads(self) -> None:
        """A stage can keep the head of the stage before only if there is one and it fits."""
        line: list[tuple[str, IntermediateConfig | TaskConfig]] = [
            (f"intermediate {stage.label}", stage) for stage in self.cfg.intermediate.in_order()
        ]
        if self.cfg.task.train:
            line.append((f"task {self.cfg.task.name}", self.cfg.task))
        for number, (what, stage) in enumerate(line):
            if not stage.keep_head:
                continue
            key = "task.keep_head" if isinstance(stage, TaskConfig) else "intermediate"
            if number == 0:
                raise self._wrong(key, f"keeps the head of the stage before, and there is none before {what}")
            before, other = line[number - 1]
            if (other.family, other.labels) != (_trained(stage), stage.labels):
                raise self._wrong(
                    key,
                    f"keeps the head of {before}, whose family and labels are not those of {what}: leave out keep_head",
                )
