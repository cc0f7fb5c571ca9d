"""Checks of the chosen options: one per group, each with a name of its own."""

from __future__ import annotations

from omegaconf import DictConfig

from xtreme_noise.config.command import LIST_OF_OPTIONS
from xtreme_noise.config.explain import chosen_in
from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import PRESET, Sources
from xtreme_noise.errors import ConfigError

FULL = "full"  # the preset that changes nothing
# A job has one of each.
GROUPS = ("model", "task", "intermediate", "train_noise", "source", "preset", "trainer", "tracker")


def check_choices(cfg: DictConfig, sources: Sources) -> None:
    """Raise ConfigError when a file has chosen several options of a group: Hydra would merge them into one."""
    for group in GROUPS:
        if group not in cfg.hydra.runtime.choices:
            place = sources.override(group) or chosen_in(group, sources)
            raise ConfigError(
                f"several options of {group}{f' ({place})' if place else ''}: a job has one, and only "
                f"{LIST_OF_OPTIONS} takes a list; for a job with each: -m {group}=a,b"
            )
    _check_preset(sources)


def _check_preset(sources: Sources) -> None:
    """Raise ConfigError for a preset without a file for the task or for the intermediate task."""
    preset = sources.choices[PRESET]
    if preset == FULL:
        return
    for group in ("task", "intermediate"):
        option = sources.choices[group]
        if option != "none" and sources.path(f"{PRESET}/{preset}/{group}/{option}") is None:
            place = sources.override(group) or sources.override(PRESET) or sources.line(f"override /{PRESET}")
            at = f" ({place})" if place else ""
            raise ConfigError(
                f"preset={preset} has no file for {group}={option}{at}: use {PRESET}={FULL} and sizes of your own, or "
                f"write {PRESET}/{preset}/{group}/{option}.yaml in a folder for --config-dir"
            )


def check_names(job: Config, sources: Sources) -> None:
    """Raise ConfigError for an option that has the name of another one, or no name."""
    names = {
        "model": job.model.name,
        "task": job.task.reported_as or job.task.name,
        "intermediate": job.intermediate.name,
    }
    for group, name in names.items():
        option = sources.choices.get(group)
        if option is None or option == name or sources.sets_by_override(f"{group}.name"):
            continue
        what = f"{group}={option} ({sources.file(f'{group}/{option}')})"
        if group == "intermediate" and name == "none":
            raise ConfigError(f"{what} has no name, so nothing would be trained: write name: {option}")
        if name in sources.options(group) and not option.endswith(f"/{name}"):
            also = ", or reported_as," if group == "task" else ""
            raise ConfigError(
                f"{what} has the name of another {group}, {name}, and its results would be taken for that one's: give "
                f"it a name{also} of its own, as in name: {option}"
            )
    for group, is_none in (("train_noise", not job.train_noise.families), ("tracker", job.tracker.kind == "csv")):
        option = sources.choices.get(group)
        key = "train_noise.families" if group == "train_noise" else "tracker.kind"
        usual = "none" if group == "train_noise" else "csv"
        if option not in (None, usual) and is_none and not sources.sets(key):
            what = f"{group}={option} ({sources.file(f'{group}/{option}')})"
            raise ConfigError(f"{what} sets no {key}, and would be {group}={usual}")
