"""From the words of a command to its jobs: composed by Hydra, split as Hydra will, checked strictly."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # its rules, not a copy of them
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType, ValueType
from omegaconf import DictConfig, OmegaConf, open_dict

from xtreme_noise.config import across, earlier, paths, strict
from xtreme_noise.config.explain import COMPOSITION_ERRORS, explain
from xtreme_noise.config.keys import ambiguous, in_open_mapping
from xtreme_noise.config.schema import Config
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

paths.register()

# The layout of a results folder is what resuming, the report and the plan rely on.
_FIXED = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.job.chdir", "hydra.output_subdir")


@dataclass(frozen=True)
class Study:
    """A command, understood: its jobs, the folder they share, and what Hydra is told to run them.

    jobs and folders are parallel: folders[i] is where jobs[i] writes.
    """

    sweep: Path
    jobs: list[Config]
    folders: list[Path]
    overrides: list[str]
    multirun: bool
    launcher: str = "basic"


@dataclass(frozen=True)
class _Command:
    overrides: list[str]
    folders: list[Path]
    parsed: list[Override] = field(default_factory=list)

    def sources(self, overrides: Sequence[str], swept: Sequence[str] = (), cfg: DictConfig | None = None) -> Sources:
        choices = {} if cfg is None else {k: v for k, v in cfg.hydra.runtime.choices.items() if isinstance(v, str)}
        if cfg is None:  # not composed: what the overrides themselves choose
            for text in overrides:
                key, _, value = text.partition("=")
                choices[key.lstrip("+")] = value
        return Sources(tuple(overrides), tuple(swept), tuple(self.folders), choices)


def study(overrides: Sequence[str], multirun: bool = False, config_dir: str | Path | None = None) -> Study:
    """Compose and check every job of a command. Raises ConfigError for the first thing that is wrong.

    `config_dir` is a folder of further options and experiments (Hydra's --config-dir).
    """
    command = _read(list(overrides), config_dir)
    if multirun:
        command = replace(command, parsed=_of_jobs_alone(command.parsed))
    with _hydra():
        master = _compose(command, [o.input_line for o in command.parsed if not o.is_sweep_override()])
        sweeping = multirun or str(OmegaConf.select(master, "hydra.mode")).endswith("MULTIRUN")
        if not sweeping:
            _refuse_sweeps(command)
        base = _base_name(master, command)
        swept = _sweeper_parameters(master) if sweeping else {}
        sweep = _sweep_folder(master, command, base)
        final = [o.input_line for o in command.parsed if o.get_key_element().lstrip("+") != "sweep"]
        final.append(f"sweep={_quoted(str(sweep))}")
        own, hydras = _partition(final)
        batches = _split(swept, own, command) if sweeping else [own]
        typed = {_key(text) for text in own}
        jobs: list[Config] = []
        folders: dict[Path, str] = {}
        for batch in batches:
            added = [text for text in batch if _key(text) not in typed]  # by the experiment's own sweep
            cfg = _compose(command, hydras + batch, added) if sweeping else _in_folder(master, sweep)
            if sweeping and not swept and _sweeper_parameters(cfg):
                raise ConfigError(
                    "an experiment that sweeps by itself (hydra.sweeper.params) cannot be one value of a "
                    "sweep: run these experiments one after the other"
                )
            words = " ".join(text for text in batch if not text.startswith("sweep="))
            folder = sweep / "jobs" / paths.short_digest(str(cfg.hydra.job.override_dirname))
            if folder in folders:
                raise ConfigError(
                    "the sweep holds one job twice (or differing in nothing that changes a result): "
                    f"{folders[folder]} and {words}"
                )
            folders[folder] = words
            jobs.append(strict.check(cfg, command.sources(batch, added, cfg)))
    across.check(jobs, command.sources(own))
    across.check_beside(earlier.jobs(sweep, folders), jobs, sweep, command.sources(own))
    launcher = str(master.hydra.runtime.choices.get("hydra/launcher"))
    return Study(sweep, jobs, list(folders), final, sweeping, launcher)


def jobs(overrides: Sequence[str], multirun: bool = False, config_dir: str | Path | None = None) -> list[Config]:
    """The checked jobs of a command (see `study`)."""
    return study(overrides, multirun, config_dir).jobs


def _read(overrides: list[str], config_dir: str | Path | None) -> _Command:
    folders = [paths.conf_dir()]
    if config_dir is not None:
        folder = Path(config_dir).absolute()
        if not folder.is_dir():
            raise ConfigError(f"--config-dir {config_dir}: there is no such folder")
        folders.append(folder)
        overrides = _with_search_path(overrides, folder)
    command = _Command(overrides, folders)
    try:
        parsed = OverridesParser.create().parse_overrides(overrides)
    except COMPOSITION_ERRORS as error:
        raise explain(error, command.sources(overrides)) from None
    for override in parsed:
        _sane(override, command.sources(overrides).groups())
        if override.key_or_group in _FIXED:
            raise ConfigError(
                f"{override.input_line}: the layout of a results folder is fixed; choose the folder by sweep="
            )
        if override.key_or_group in ("sweep", "mode") and override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: a command has one {override.key_or_group}")
        if override.key_or_group == "hydra/sweeper" and override.value() != "basic":
            raise ConfigError(f"{override.input_line}: only Hydra's basic sweeper is supported")
    return replace(command, parsed=[_opened(override) for override in parsed])


def _sane(override: Override, groups: list[str]) -> None:
    """Raise ConfigError for what Hydra takes and then does not understand, or reads in silence as something else."""
    key, text = override.key_or_group, override.input_line
    if not key:
        raise ConfigError(f"{text!r} is not an override: write key=value")
    if override.type == OverrideType.DEL and key in groups:
        remedy = "clean inputs only: noise.levels=[0]" if key == "noise" else f"leave it out, or write {key}=name"
        raise ConfigError(f"{text}: every job has a {key}; {remedy}")
    if override.value_type == ValueType.GLOB_CHOICE_SWEEP and key not in groups:
        raise ConfigError(f"{text}: glob(...) chooses among the files of a group, and {key!r} is none: list the values")
    value = None if override.is_sweep_override() else override.value()
    if key in groups and isinstance(value, list):
        for name in value:
            if not isinstance(name, str):
                raise ConfigError(f"{text}: a list of names of {key} files, and {name!r} is none")
            if value.count(name) > 1:
                raise ConfigError(f"{text} names {name!r} twice")


def _opened(override: Override) -> Override:
    """`a.b=1` as `++a.b=1` where names are free: Hydra closes mappings, the strict check knows better."""
    key = override.key_or_group
    whole = isinstance(override.value(), dict) and in_open_mapping(f"{key}.any")  # the mapping itself, as {a: 1}
    if override.type == OverrideType.CHANGE and (whole or in_open_mapping(key)):
        return OverridesParser.create().parse_override(f"++{override.input_line}")
    return override


def _of_jobs_alone(parsed: Sequence[Override]) -> list[Override]:
    """Settings within a chain, or within several tasks, where `intermediate` is swept: as sweeps of one value.

    Hydra composes a study without the values of its sweeps as well, and there is no chain in it then.
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
    """--config-dir as hydra.searchpath: the one spelling that the compose API and hydra.main both take."""
    key = "hydra.searchpath="
    given = [text for text in overrides if text.startswith(key)]
    if len(given) > 1 or (given and not given[0].startswith(f"{key}[")):
        raise ConfigError(f"{given[-1]}: write hydra.searchpath=[...] once")
    rest = [text for text in overrides if text not in given]
    items = [_quoted(f"file://{folder}"), *([given[0][len(key) + 1 : -1]] if given else [])]
    return [*rest, f"{key}[{','.join(items)}]"]


def _quoted(value: str) -> str:
    """A value in Hydra's grammar, in quotes: whatever is in a path, it is taken literally."""
    escaped = value.replace("\\'", "\\\\'").replace("'", "\\'").replace("${", "\\${")
    return f"'{escaped}'"


def _hydra() -> AbstractContextManager[Any]:
    context: AbstractContextManager[Any] = initialize_config_dir(
        str(paths.conf_dir()), job_name="xtreme_noise", version_base="1.3"
    )
    return context


def _compose(command: _Command, overrides: list[str], swept: Sequence[str] = ()) -> DictConfig:
    try:
        cfg = hydra_compose(paths.CONFIG_NAME, overrides=overrides, return_hydra_config=True)
    except COMPOSITION_ERRORS as error:
        raise explain(error, command.sources(overrides, swept)) from None
    assert isinstance(cfg, DictConfig)
    for key, wanted in _layout().items():
        parent, _, name = key.rpartition(".")
        node = OmegaConf.select(cfg, parent)._get_node(name)
        if node._value() != wanted:
            at = command.sources(overrides, swept, cfg).of(key)
            raise ConfigError(f"{key}{at}: the layout of a results folder is fixed; choose the folder by sweep=")
    return cfg


@cache
def _layout() -> dict[str, Any]:
    """What config.yaml says of _FIXED: an experiment that says something else would lose its results."""
    plain = yaml.safe_load((paths.conf_dir() / f"{paths.CONFIG_NAME}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = {"hydra.output_subdir": ".hydra"}
    for key in _FIXED:
        node: Any = plain
        for part in key.split("."):
            node = node.get(part, {})
        if node != {}:
            found[key] = node
    return found


def _refuse_sweeps(command: _Command) -> None:
    for override in command.parsed:
        if override.is_sweep_override():
            raise ambiguous(str(override.input_line))


def _sweeper_parameters(cfg: DictConfig) -> dict[str, str]:
    """hydra.sweeper.params of an experiment, as overrides. Raises ConfigError for another sweeper."""
    if cfg.hydra.runtime.choices.get("hydra/sweeper") != "basic":
        raise ConfigError("only Hydra's basic sweeper is supported (hydra/sweeper)")
    parameters = OmegaConf.select(cfg, "hydra.sweeper.params") or {}
    return {str(key): f"{key}={value}" for key, value in parameters.items()}


def _key(text: str) -> str:
    return text.split("=", 1)[0]


def _partition(overrides: Sequence[str]) -> tuple[list[str], list[str]]:
    """The overrides of the job, and those of Hydra itself (as Hydra tells them apart)."""
    hydras = [text for text in overrides if _key(text).lstrip("+~").startswith(("hydra.", "hydra/"))]
    return [text for text in overrides if text not in hydras], hydras


def _split(swept: dict[str, str], own: list[str], command: _Command) -> list[list[str]]:
    """The overrides of each job. The last override of a key counts: the command line beats `params`."""
    try:
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())  # for glob(...)
        parsed = parser.parse_overrides([*swept.values(), *own])
        batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    except COMPOSITION_ERRORS as error:
        raise explain(error, command.sources([*swept.values(), *own], list(swept.values()))) from None
    return [list(batch) for batch in batches[0]]


def _in_folder(master: DictConfig, sweep: Path) -> DictConfig:
    """The one job of a command without a sweep: composed already, but for its folder."""
    master.sweep = str(sweep)
    return master


def _base_name(master: DictConfig, command: _Command) -> str:
    """What a study is called after: its experiment, else its task, else (a sweep over either) `sweep`."""
    swept = {o.get_key_element().lstrip("+") for o in command.parsed if o.is_sweep_override()}
    if "experiment" in swept:
        return "sweep"
    if experiment := master.hydra.runtime.choices.get("experiment"):
        return str(experiment)
    return "sweep" if "task" in swept else str(master.hydra.runtime.choices.get("task") or "sweep")


def _sweep_folder(master: DictConfig, command: _Command, base: str) -> Path:
    """`sweep=`, or a name made from the command. Absolute: the processes of a cluster must agree on it."""
    with open_dict(master):
        given = OmegaConf.select(master, "sweep")
    if given is not None:
        return Path(str(given)).expanduser().absolute()
    pairs = []
    for override in command.parsed:
        key = override.get_key_element().lstrip("+")
        if override.is_hydra_override() and not key.startswith("hydra.sweeper."):
            continue  # launchers, logging: how, not what
        if key == "experiment" and not override.is_sweep_override():
            continue  # is in the name
        if key == "task" and base == str(override.value()):
            continue
        value = str(override.input_line).partition("=")[2].strip()
        pairs.append((key, value))
    return (paths.RESULTS / paths.study_name(base, pairs)).absolute()
