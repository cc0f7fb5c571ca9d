"""From the words of a command to its jobs: composes them with Hydra, splits sweeps as Hydra does, checks every job."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from xtreme_noise import errors
from xtreme_noise.config import across, command, earlier, idle, loader, options, paths, strict, sweeps, trees, trusted
from xtreme_noise.config.command import FIXED, Command, quoted
from xtreme_noise.config.explain import COMPOSITION_ERRORS, explain
from xtreme_noise.config.keys import ambiguous
from xtreme_noise.config.places import place
from xtreme_noise.config.schema import LOOKING, OF_STUDIES, Config
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError, Unusable, composes, gathered

paths.register()

TRIED = 8  # jobs of a sweep in which a suggestion is tried out: an error must be answered quickly


@dataclass(frozen=True)
class Study:
    """The study of a command: its jobs, their common folder, and the overrides with which Hydra runs them.

    jobs and folders are parallel: folders[i] is where jobs[i] writes. given: whether sweep= names the folder.
    tasks: processes that the launcher would start for each job. searched: the folders with options.
    problems: what is wrong with values (with_problems).
    """

    sweep: Path
    jobs: list[Config]
    folders: list[Path]
    overrides: list[str]
    multirun: bool
    launcher: str = "basic"
    given: bool = True
    tasks: int = 1
    searched: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Job:
    """A composed job: its overrides, its folder, its checked configuration, and the sources of its values."""

    batch: list[str]
    folder: Path
    checked: Config
    sources: Sources


class _Composition:
    """Composes a command with Hydra: the folder of its study, and its jobs one by one."""

    def __init__(self, words: Command, multirun: bool) -> None:
        self.words = replace(words, parsed=command.of_jobs_alone(words.parsed)) if multirun else words
        self.master = _compose(self.words, [o.input_line for o in self.words.parsed if not o.is_sweep_override()])
        by_itself = str(OmegaConf.select(self.master, "hydra.mode")).endswith("MULTIRUN")
        self.sweeping = multirun or by_itself
        if not self.sweeping:
            _refuse_sweeps(self.words)
        self.swept = _sweeper_parameters(self.master) if self.sweeping else {}
        with open_dict(self.master):
            self.given = OmegaConf.select(self.master, "sweep") is not None
        self.sweep = _sweep_folder(self.master, self.words)
        final = [o.input_line for o in self.words.parsed if o.get_key_element().lstrip("+") != "sweep"]
        self.final = [*final, f"sweep={quoted(str(self.sweep))}"]
        self.own, self.hydras = _partition(self.final)
        if self.sweeping and not by_itself:
            self.hydras.append("hydra.mode=MULTIRUN")  # as hydra.main does, so that it can reuse what is composed here

    def jobs(self) -> Iterator[_Job]:
        """Compose and check the jobs one by one."""
        typed = {_key(text) for text in self.own}
        typed |= {many for key, many in sweeps.MANY.items() if key in typed}
        for batch in _split(self.swept, self.own, self.words) if self.sweeping else [self.own]:
            added = [text for text in batch if _key(text) not in typed]  # by the experiment's own sweep
            cfg = _compose(self.words, self.hydras + batch, added) if self.sweeping else self._in_folder()
            if self.sweeping and not self.swept and _sweeper_parameters(cfg):
                raise ConfigError(
                    "an experiment that sweeps by itself (hydra.sweeper.params) cannot be one value of a "
                    "sweep: run these experiments one after the other"
                )
            folder = self.sweep / "jobs" / paths.short_digest(str(cfg.hydra.job.override_dirname))
            sources = self.words.sources(batch, added, cfg)
            checked = strict.check(cfg, sources)
            with errors.check():
                options.check_names(checked, sources)
            yield _Job(batch, folder, checked, sources)

    def _in_folder(self) -> DictConfig:
        """The one job of a command without a sweep: composed already, except for its folder."""
        self.master.sweep = str(self.sweep)
        return self.master


def study(overrides: Sequence[str], multirun: bool = False, config_dir: str | Path | None = None) -> Study:
    """Compose and check every job of a command. Raises ConfigError for the first thing that is wrong.

    `config_dir` is a folder of further options and experiments (Hydra's --config-dir).
    """
    return _study(overrides, multirun, config_dir)


def with_problems(overrides: Sequence[str], multirun: bool = False, config_dir: str | Path | None = None) -> Study:
    """As `study`, but wrong values are in its `problems`. Raises ConfigError for what cannot be composed at all, with
    whatever was found before it, one a line.
    """
    found: list[ConfigError] = []
    token = gathered.set(found)
    try:
        made = _study(overrides, multirun, config_dir)
    except ConfigError as error:
        raise ConfigError("\n".join(dict.fromkeys(map(str, [*found, error])))) from error
    finally:
        gathered.reset(token)
    return replace(made, problems=tuple(dict.fromkeys(map(str, found))))


def _study(overrides: Sequence[str], multirun: bool, config_dir: str | Path | None) -> Study:
    with _hydra(), _suggesting(list(overrides), multirun, config_dir):
        whole = _Composition(command.read(list(overrides), config_dir), multirun)
        found: list[_Job] = []
        folders: dict[Path, str] = {}
        for job in whole.jobs():
            words = " ".join(text for text in job.batch if not text.startswith("sweep="))
            if job.folder in folders:
                raise ConfigError(
                    "the sweep contains one job twice (or two that differ in nothing that changes a result): "
                    f"{folders[job.folder]} and {words}"
                )
            folders[job.folder] = words
            found.append(job)
        jobs, own = [job.checked for job in found], whole.words.sources(whole.own)
        with errors.check():
            idle.check(jobs, [job.sources for job in found])
    with errors.check():
        across.check(jobs, own)
    if jobs[0].mode not in (*OF_STUDIES, *LOOKING):
        across.check_beside(earlier.jobs(whole.sweep, folders), jobs, whole.sweep, own)
    launcher = str(whole.master.hydra.runtime.choices.get("hydra/launcher"))
    return Study(
        sweep=whole.sweep,
        jobs=jobs,
        folders=list(folders),
        overrides=whole.final,
        multirun=whole.sweeping,
        launcher=launcher,
        given=whole.given,
        tasks=_tasks(whole.master),
        searched=tuple(whole.words.folders),
    )


def _tasks(master: DictConfig) -> int:
    launcher = trees.plain(master.hydra.launcher)
    return int(launcher.get("nodes") or 1) * int(launcher.get("tasks_per_node") or 1)


@contextmanager
def _suggesting(overrides: list[str], multirun: bool, config_dir: str | Path | None) -> Iterator[None]:
    """In this context, a suggestion for a wrong word is made only if the corrected command works."""

    def works(wrong: str, right: str, strictly: bool) -> bool:
        with_it = [_instead(text, wrong, right) for text in overrides]
        if with_it == overrides:
            return True  # the wrong word is in a file
        nothing = composes.set(lambda _wrong, _right, _strictly: False)  # no suggestions about suggestions
        raised = gathered.set(None)
        try:
            for job in islice(_Composition(command.read(with_it, config_dir), multirun).jobs(), TRIED):
                with suppress(Unusable):
                    idle.check([job.checked], [job.sources])  # a setting unused in one job may be used in the next
                    return True
            return False
        except ConfigError as error:
            return not strictly and not isinstance(error, Unusable)
        finally:
            composes.reset(nothing)
            gathered.reset(raised)

    token = composes.set(works)
    try:
        yield
    finally:
        composes.reset(token)


def _instead(text: str, wrong: str, right: str) -> str:
    """An override with a wrong word corrected: its key, the beginning of its key, or a word of its value."""
    key, equals, value = text.partition("=")
    plain = key.lstrip("+~")
    if plain == wrong or plain.startswith((f"{wrong}.", f"{wrong}[")):
        return f"{right}{plain[len(wrong) :]}{equals}{value}"
    return key + equals + re.sub(rf"(?<![\w./-]){re.escape(wrong)}(?![\w./-])", lambda _: right, value)


def jobs(overrides: Sequence[str], multirun: bool = False, config_dir: str | Path | None = None) -> list[Config]:
    """The checked jobs of a command (see `study`)."""
    return study(overrides, multirun, config_dir).jobs


def check_trusted(overrides: Sequence[str], config_dir: str | Path | None = None) -> None:
    """Raise ConfigError for a configuration that makes Hydra call code that it does not ship. Needed for --help too."""
    words = command.read(list(overrides), config_dir)
    with _hydra():
        _compose(words, [o.input_line for o in words.parsed if not o.is_sweep_override()])


@contextmanager
def _hydra() -> Iterator[None]:
    with (
        loader.loading(),
        initialize_config_dir(str(paths.conf_dir()), job_name="xtreme_noise", version_base="1.3"),
    ):
        yield


def _compose(words: Command, overrides: list[str], swept: Sequence[str] = ()) -> DictConfig:
    try:
        cfg = hydra_compose(paths.CONFIG_NAME, overrides=overrides, return_hydra_config=True)
    except COMPOSITION_ERRORS as error:
        raise explain(error, words.sources(overrides, swept)) from None
    assert isinstance(cfg, DictConfig)
    sources = words.sources(overrides, swept, cfg)
    options.check_choices(cfg, sources)
    trusted.check(cfg, sources)
    for key, wanted in _layout().items():
        parent, _, name = key.rpartition(".")
        node = OmegaConf.select(cfg, parent)._get_node(name)
        if node._value() != wanted:
            at = sources.of(key)
            raise ConfigError(f"{key}{at}: the layout of a results folder is fixed; choose the folder by sweep=")
    return cfg


@cache
def _layout() -> dict[str, Any]:
    """The values of FIXED in config.yaml: an experiment with other values would lose its results."""
    plain = yaml.safe_load((paths.conf_dir() / f"{paths.CONFIG_NAME}.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = {"hydra.output_subdir": ".hydra"}
    for key in FIXED:
        node: Any = plain
        for part in key.split("."):
            node = node.get(part, {})
        if node != {}:
            found[key] = node
    return found


def _refuse_sweeps(words: Command) -> None:
    for override in words.parsed:
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
    """The overrides of the job, and those of Hydra itself (by Hydra's own rule)."""
    hydras = [text for text in overrides if _key(text).lstrip("+~").startswith(("hydra.", "hydra/"))]
    return [text for text in overrides if text not in hydras], hydras


def _split(swept: dict[str, str], own: list[str], words: Command) -> list[list[str]]:
    """The overrides of each job. The last override of a key wins: the command line beats `params`."""
    typed = {o.key_or_group: o for o in words.parsed}
    if "intermediate" in typed and str(typed["intermediate"].input_line) == sweeps.NONE:
        for key, override in typed.items():
            if sweeps.of_intermediate(key):
                raise Unusable(f"{override.input_line} does nothing: intermediate is none; leave one of them out")
    try:
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())  # for glob(...)
        parsed = parser.parse_overrides([*swept.values(), *own])
        batches = sweeps.split(parsed)
    except COMPOSITION_ERRORS as error:
        raise explain(error, words.sources([*swept.values(), *own], list(swept.values()))) from None
    return [list(batch) for batch in batches[0]]


def _base_name(master: DictConfig, words: Command) -> str:
    """The name of a study: experiment_name, its experiment, its task, or `sweep` for a sweep over either."""
    if (name := OmegaConf.select(master, "experiment_name")) is not None:
        return str(name)
    swept = {o.get_key_element().lstrip("+") for o in words.parsed if o.is_sweep_override()}
    if "experiment" in swept:
        return "sweep"
    if experiment := master.hydra.runtime.choices.get("experiment"):
        return str(experiment)
    return "sweep" if "task" in swept else str(master.hydra.runtime.choices.get("task") or "sweep")


def _sweep_folder(master: DictConfig, words: Command) -> Path:
    """`sweep=`, or a name made from the command. Absolute: the processes of a cluster must agree on it."""
    with open_dict(master):
        given = OmegaConf.select(master, "sweep")
    if given is not None:
        return Path(place("sweep", str(given))).absolute()
    base = _base_name(master, words)
    pairs = []
    for override in words.parsed:
        key = override.get_key_element().lstrip("+")
        if override.is_hydra_override() and not key.startswith("hydra.sweeper."):
            continue  # launchers and logging change no results
        if key in ("experiment", "task") and not override.is_sweep_override() and base == str(override.value()):
            continue  # already in the name
        value = str(override.input_line).partition("=")[2].strip()
        pairs.append((key, value))
    return (paths.RESULTS / paths.study_name(base, pairs)).absolute()
