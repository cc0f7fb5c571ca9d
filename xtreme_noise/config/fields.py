"""The texts that get noise, and the language of each; whose head is evaluated; what the epoch of a multitask stage is
chosen on.
"""

from __future__ import annotations

from xtreme_noise import languages, tasks
from xtreme_noise.config.schema import Config, GateConfig, IntermediateConfig, TaskConfig
from xtreme_noise.languages.codes import fill


def own_head(cfg: Config) -> bool:
    """Whether the checkpoint's own head is evaluated, because the task needs a head and trains none."""
    return not cfg.task.train and tasks.family(cfg.task.family).head


def limits(cfg: Config) -> tuple[int, int]:
    """The longest test input in tokens, and the overlap of QA windows: the recipe's, within the model's.

    With the checkpoint's own head only overlapping windows have the recipe's length: other inputs may have all tokens
    that the model can read.
    """
    recipe, longest = cfg.task.recipe, cfg.model.max_length
    if own_head(cfg) and not tasks.family(cfg.task.family).strided:
        return longest, recipe.stride
    return min(recipe.max_length, longest), recipe.stride


def system(cfg: Config) -> str:
    """The name in results of what a model was trained on before the target."""
    return "own head" if own_head(cfg) else cfg.intermediate.title


def noise_field(cfg: Config) -> str:
    """The field that gets noise in the test set."""
    return cfg.noise.field or cfg.task.noise_field


def column_language(task: TaskConfig, language: str, column: str) -> str:
    """The language of a column in a cell: the cell's own (the first of a pair), unless the task names another.

    Raises ConfigError for a pattern of `column_languages` that cannot be filled in.
    """
    pattern = task.column_languages.get(column)
    return languages.main(language) if pattern is None else fill(pattern, language)


def spoken(cfg: Config, language: str) -> dict[str, str]:
    """column -> language, for the columns of the field that gets noise."""
    columns = tasks.family(cfg.task.family).noise_fields[noise_field(cfg)].columns
    return {column: column_language(cfg.task, language, column) for column in columns}


def deciding(whole: IntermediateConfig) -> dict[str, IntermediateConfig]:
    """The tasks of a multitask stage whose dev scores choose its epoch, by name: all but masked language modelling."""
    unlabelled = tasks.having("pretraining")
    return {name: part for name, part in whole.chosen().items() if part.family not in unlabelled}


def dev_metric(whole: IntermediateConfig) -> str:
    """The metric of the dev score of a multitask stage: that of its deciding task, or a mean over several."""
    metrics = [part.metric for part in deciding(whole).values()]
    return metrics[0] if len(metrics) == 1 else "mean of tasks"


def gate(stage: IntermediateConfig) -> GateConfig:
    """The gate of the dev score of a stage; a mean over several tasks has none."""
    if not stage.tasks:
        return stage.gate
    task = gated(stage)
    return GateConfig() if task is None else stage.tasks[task].gate


def gated(stage: IntermediateConfig) -> str | None:
    """The task of a multitask stage whose gate is that of the stage: its only deciding one; None: there is none."""
    names = list(deciding(stage)) if stage.tasks else []
    return names[0] if len(names) == 1 else None
