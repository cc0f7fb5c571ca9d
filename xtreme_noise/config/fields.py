"""Which texts get noise, and in which language each of them is."""

from __future__ import annotations

from xtreme_noise import languages
from xtreme_noise.config.schema import Config, TaskConfig
from xtreme_noise.languages.codes import fill

# Task family -> noise field -> its columns; xtreme_noise/noise/apply.py has what is done to them.
NOISE_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "classification": {"text": ("text",), "text_pair": ("text_pair",), "both": ("text", "text_pair")},
    "tagging": {"tokens": ("tokens",), "tokens_protected": ("tokens",)},
    "qa": {"question": ("question",), "context": ("context",), "context_protected": ("context",)},
    "retrieval": {"query": ("query",), "candidate": ("candidate",), "both": ("query", "candidate")},
    "ranking": {"query": ("query",)},
    "mining": {"query": ("query",)},
    "masked_lm": {"text": ("text",)},
    "robust_contrastive": {"text": ("text",)},
    "multiple_choice": {"text": ("text",), "choices": ("choices",), "both": ("text", "choices")},
}


def noise_field(cfg: Config) -> str:
    """The field that gets noise in the test set."""
    return cfg.noise.field or cfg.task.noise_field


def column_language(task: TaskConfig, language: str, column: str) -> str:
    """The language of a column in a cell: the cell's own (of a pair the first), unless the task names another.

    Raises ConfigError for a pattern of `column_languages` that cannot be filled in.
    """
    pattern = task.column_languages.get(column)
    return languages.main(language) if pattern is None else fill(pattern, language)


def spoken(cfg: Config, language: str) -> dict[str, str]:
    """column -> language, of the columns of the field that gets noise."""
    columns = NOISE_FIELDS[cfg.task.family][noise_field(cfg)]
    return {column: column_language(cfg.task, language, column) for column in columns}
