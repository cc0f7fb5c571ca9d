"""Reads the words of a command as Hydra overrides, and refuses those that Hydra would misread."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, OverrideType, ValueType
from hydra.errors import HydraException
from omegaconf import DictConfig

from xtreme_noise.config import paths
from xtreme_noise.config.explain import COMPOSITION_ERRORS, explain
from xtreme_noise.config.keys import in_open_mapping, many_of, schema_at
from xtreme_noise.config.places import place
from xtreme_noise.config.where import Sources, split_key
from xtreme_noise.config.written import not_as_written
from xtreme_noise.errors import ConfigError

# Resuming, the report and the plan rely on the layout of a results folder.
FIXED = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir", "hydra.output_subdir")
LIST_OF_OPTIONS = "noise"  # the one group that takes several options at once
OPEN_OF_HYDRA = "hydra.launcher.additional_parameters"  # of submitit_slurm: options of sbatch, by any name
OF_THE_STUDY = ("sweep", "mode", "experiment_name")  # one of each for all jobs of a sweep


@dataclass(frozen=True)
class Command:
    """The overrides as typed and as parsed, and the folders with the options."""

    overrides: list[str]
    folders: list[Path]
    parsed: list[Override] = field(default_factory=list)

    def sources(self, overrides: Sequence[str], swept: Sequence[str] = (), cfg: DictConfig | None = None) -> Sources:
        """Where each value of a job was written: its overrides, and the files it was composed from."""
        choices = {} if cfg is None else {k: v for k, v in cfg.hydra.runtime.choices.items() if isinstance(v, str)}
        if cfg is None:  # not composed yet: take the choices from the overrides
            for text in overrides:
                key, _, value = text.partition("=")
                choices[key.lstrip("+")] = value
        return Sources(tuple(overrides), tuple(swept), tuple(self.folders), choices)


def read(overrides: list[str], config_dir: str | Path | None) -> Command:
    """Parse the words of a command. Raises ConfigError for the first invalid one."""
    overrides = [readable(text) for text in overrides]
    folders = [paths.conf_dir()]
    if config_dir is not None:
        folder = Path(place("--config-dir", str(config_dir))).absolute()
        if not folder.is_dir():
            raise ConfigError(f"--config-dir {config_dir}: there is no such folder")
        folders.append(folder)
        overrides = _with_search_path(overrides, folder)
    folders += _searched(overrides, folders)
    command = Command(overrides, folders)
    _whole_words(overrides)
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except COMPOSITION_ERRORS as error:
        raise explain(error, command.sources(overrides)) from None
    groups = command.sources(overrides).groups()
    for override in parsed:
        _sane(override, groups)
        if override.key_or_group in FIXED:
            raise ConfigError(
                f"{override.input_line}: the layout of a results folder is fixed; choose the folder by sweep="
            )
        if override.key_or_group in OF_THE_STUDY and override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: a command has one {override.key_or_group}")
        if override.key_or_group == "hydra/sweeper" and override.value() != "basic":
            raise ConfigError(f"{override.input_line}: only Hydra's basic sweeper is supported")
    return replace(command, parsed=[_opened(override) for override in parsed])


def readable(text: str) -> str:
    """An override with its ~ paths in quotes: Hydra's grammar has no ~, and the shell does not expand it here."""
    key, equals, value = text.partition("=")
    if "~" not in value or _parses(text):
        return text
    parts = re.sub(r"(?<=[=\[,:{ ])~[^,\[\]{}'\"]*", lambda found: f"'{_escaped(found[0])}'", text)
    whole = f"{key}{equals}'{_escaped(value)}'"  # such as ~/models/${model.name}
    return next((one for one in (parts, whole) if _parses(one)), text)


def _parses(text: str) -> bool:
    try:
        OverridesParser.create().parse_override(text)
    except HydraException:
        return False
    return True


def _escaped(value: str) -> str:
    return value.replace("\\'", "\\\\'").replace("'", "\\'")


def quoted(value: str) -> str:
    """A value in quotes for Hydra's grammar, so that every character of a path is taken literally."""
    return "'" + _escaped(value).replace("${", "\\${") + "'"


def _whole_words(overrides: Sequence[str]) -> None:
    """Raise ConfigError for a list that the shell has split at its spaces: languages=[de, th]."""
    for number, text in enumerate(overrides):
        opened = _open(text)
        if "=" not in text or opened <= 0 or _parses(text):
            continue
        words = [text]
        for more in overrides[number + 1 :]:
            words.append(more)
            opened += _open(more)
            if opened <= 0:
                key = text.partition("=")[0]
                right = (many_of(key) or key) + "".join(words)[len(key) :]
                raise ConfigError(f"{' '.join(words)}: the shell cuts words at spaces; write {right}")


def _open(text: str) -> int:
    return sum(text.count(sign) for sign in "[{") - sum(text.count(sign) for sign in "]}")


def _sane(override: Override, groups: list[str]) -> None:
    """Raise ConfigError for an override that Hydra accepts but fails on later, or silently misreads."""
    key, text = override.key_or_group, override.input_line
    if not key:
        raise ConfigError(f"{text!r} is not an override: write key=value")
    if override.type == OverrideType.DEL and key in groups:
        remedy = "clean inputs only: noise.levels=[0]" if key == "noise" else f"leave it out, or write {key}=name"
        raise ConfigError(f"{text}: every job has a {key}; {remedy}")
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP and key not in groups:
        raise ConfigError(
            f"{text}: glob(...) chooses among the files of a group, and {key!r} is not one: list the values"
        )
    for value in _values(override):
        if key in groups or "/" in key:
            _names(override, key, value)
        else:
            _value(override, key, value)


def _values(override: Override) -> Iterator[Any]:
    """The value of an override, or all values of a sweep."""
    value = override._value
    if isinstance(value, ChoiceSweep) and not isinstance(value.list, str):
        yield from (replace(override, value_type=ValueType.ELEMENT, _value=item).value() for item in value.list)
    elif not override.is_sweep_override():
        yield override.value()


def _names(override: Override, key: str, value: Any) -> None:
    """Check the name of an option; only `noise` takes a list of them."""
    text = override.input_line
    if not isinstance(value, list):
        return
    if key != LIST_OF_OPTIONS:
        names = ",".join(map(str, value))
        few = f"; for a job with each: -m {key}={names}" if len(value) > 1 else f": write {key}={names}"
        raise ConfigError(f"{text}: a job has one {key}, and only {LIST_OF_OPTIONS} takes a list{few}")
    for name in value:
        if not isinstance(name, str):
            raise ConfigError(f"{text}: must be a list of names of {key} files, and {name!r} is not one")
        if value.count(name) > 1:
            raise ConfigError(f"{text} names {name!r} twice")


def _value(override: Override, key: str, value: Any) -> None:
    """Check the value of a key: text must be read as typed, and a list needs a key that takes one."""
    text = str(override.input_line)
    hint = schema_at(split_key(key))
    if isinstance(value, list) and hint in (int, float, bool, str):
        items = ",".join(map(str, value))
        if key == "sweep":
            combined = f"; mode=report sweep=[{items}] makes one report of several, and a folder of it for other modes"
            raise ConfigError(f"{text}: a command has the folder of one study{combined}")
        many = many_of(key)
        listed = f"for several write {many}=[{items}], or " if many else ""
        raise ConfigError(f"{text}: {key} is one value; {listed}for a job with each: -m {key}={items}")
    wrong = not_as_written(value, hint, text.partition("=")[2])
    if wrong is not None:
        raise ConfigError(f"{text}: {key} is text, and {wrong} is read as another kind of value: put it in quotes")


def _opened(override: Override) -> Override:
    """`a.b=1` as `++a.b=1` in mappings with free names: Hydra allows no new names there; the strict check does."""
    key = override.key_or_group
    whole = isinstance(override.value(), dict) and in_open_mapping(f"{key}.any")  # the mapping itself, as {a: 1}
    opened = whole or in_open_mapping(key) or f"{key}.".startswith(f"{OPEN_OF_HYDRA}.")
    if override.type == OverrideType.CHANGE and opened:
        return OverridesParser.create().parse_override(f"++{override.input_line}")
    return override


def of_jobs_alone(parsed: Sequence[Override]) -> list[Override]:
    """In a sweep over `intermediate`, make the settings of its stages and tasks sweeps of one value.

    Hydra also composes the study once without its swept values, and that configuration has no chain to set.
    """
    swept = any(one.key_or_group == "intermediate" and one.is_sweep_override() for one in parsed)
    found = []
    for one in parsed:
        within = one.key_or_group.startswith(("intermediate.stages.", "intermediate.tasks."))
        if swept and within and one.type == OverrideType.CHANGE and not one.is_sweep_override():
            key, _, value = str(one.input_line).partition("=")
            one = OverridesParser.create().parse_override(f"{key}=choice({value})")
        found.append(one)
    return found


def _with_search_path(overrides: list[str], folder: Path) -> list[str]:
    """--config-dir as hydra.searchpath: the one form that both the compose API and hydra.main accept."""
    key = "hydra.searchpath="
    given = [text for text in overrides if text.startswith(key)]
    if len(given) > 1 or (given and not given[0].startswith(f"{key}[")):
        raise ConfigError(f"{given[-1]}: write hydra.searchpath=[...] once")
    rest = [text for text in overrides if text not in given]
    items = [quoted(f"file://{folder}"), *([given[0][len(key) + 1 : -1]] if given else [])]
    return [*rest, f"{key}[{','.join(items)}]"]


def _searched(overrides: Sequence[str], known: Sequence[Path]) -> list[Path]:
    """Further folders of hydra.searchpath."""
    found: list[Path] = []
    for text in overrides:
        if text.startswith("hydra.searchpath=[") and _parses(text):
            given = [
                str(item).removeprefix("file://") for item in OverridesParser.create().parse_override(text).value()
            ]
            found += [Path(item) for item in given if Path(item).is_dir() and Path(item) not in known]
    return found
