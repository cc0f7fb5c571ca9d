"""The texts that get noise, and the language of each."""

from __future__ import annotations

from xtreme_noise import languages, tasks
from xtreme_noise.config.schema import Config, TaskConfig
from xtreme_noise.languages.codes import fill


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
