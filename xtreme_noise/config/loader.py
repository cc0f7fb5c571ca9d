"""Speeds up Hydra's loading: each file is read once, and jobs that choose the same options share one merge."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import omegaconf.base
import omegaconf.grammar_parser
import omegaconf.omegaconf
from hydra._internal import config_loader_impl
from hydra._internal import hydra as hydra_app
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository, IConfigRepository
from hydra._internal.defaults_list import DefaultsList
from hydra.core.default_element import ResultDefault
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, ListConfig

from xtreme_noise.config import trees, where, written

# Process-wide, by the folders that are searched and the state of their files.
_files: dict[tuple[Any, ...], ConfigResult] = {}  # copied when they are merged: Loader._load_single_config
_defaults: dict[tuple[Any, ...], DefaultsList] = {}  # by the options that are chosen
_merged: dict[tuple[Any, ...], DictConfig] = {}  # by the files, in their order
_KEPT = 256  # merged configurations
_create_defaults_list = config_loader_impl.create_defaults_list
_parse_rule = OverridesParser.parse_rule
_parsed_interpolation = lru_cache(10_000)(omegaconf.grammar_parser.parse)  # a tree that is only read
SCHEMA = "schema"  # the first name in the defaults list of conf/config.yaml


@contextmanager
def loading() -> Iterator[None]:
    """Meanwhile Hydra, however it is started, loads through `Loader`, and what OmegaConf does often takes less
    time: it copies through `trees.copied`, writes YAML in C, and parses an interpolation once.
    """
    _state.cache_clear()
    faster = (
        (hydra_app, "ConfigLoaderImpl", Loader),
        (config_loader_impl, "create_defaults_list", _defaults_list),
        (OverridesParser, "parse_rule", _parsed_once),
        (DictConfig, "__deepcopy__", trees.copied),
        (ListConfig, "__deepcopy__", trees.copied),
        (omegaconf.base, "parse", _parsed_interpolation),
        (omegaconf.omegaconf, "get_omega_conf_dumper", trees.dumper),
    )
    own = [getattr(owner, name) for owner, name, _ in faster]
    for owner, name, with_it in faster:
        setattr(owner, name, with_it)
    try:
        yield
    finally:
        for (owner, name, _), before in zip(faster, own, strict=True):
            setattr(owner, name, before)


def _parsed_once(_parser: OverridesParser, text: str, rule: str) -> Any:
    """Hydra parses the same overrides for every job. A copy, because it sets config_loader in it."""
    return copy.copy(_parsed(text, rule))


@lru_cache(10_000)
def _parsed(text: str, rule: str) -> Any:
    return _parse_rule(OverridesParser.create(), text, rule)


def _defaults_list(
    repo: IConfigRepository, config_name: str | None, overrides_list: Sequence[Override], **how: bool
) -> DefaultsList:
    """Hydra's list of the files to merge. It depends on the overrides that choose options, not on those of values."""
    plain = [override for override in overrides_list if not override.is_sweep_override()]
    values = [o for o in plain if isinstance(o.value(), dict) or not repo.group_exists(o.key_or_group)]
    options = tuple(str(override.input_line) for override in plain if override not in values)
    key = (config_name, options, _places(repo), *sorted(how.items()))
    if key not in _defaults:
        _defaults[key] = _create_defaults_list(repo, config_name, list(overrides_list), **how)
    known = _defaults[key]
    return DefaultsList(known.defaults, known.defaults_tree, values, known.overrides)


def _places(repo: IConfigRepository) -> tuple[tuple[Any, ...], ...]:
    """The folders that a configuration is searched in, and the state of every file there."""
    return tuple(
        (source.provider, source.path, *(_state(Path(source.path)) if source.scheme() == "file" else ()))
        for source in repo.get_sources()
    )


@cache
def _state(folder: Path) -> tuple[tuple[Any, ...], ...]:
    """The stamp of every config file below a folder, taken once while a command loads."""
    found = []
    for directory, _, names in os.walk(folder):
        for name in sorted(names):
            if name.endswith(".yaml"):
                path = Path(directory, name)
                found.append((str(path), *where.stamp(path)))
    return tuple(found)


class _Merged(ResultDefault):  # type: ignore[misc]
    """Several files of a defaults list that are merged already."""

    def __init__(self, config: DictConfig) -> None:
        super().__init__()
        self.config = config


class Loader(ConfigLoaderImpl):  # type: ignore[misc]
    """Merges the same files once, although every job is composed twice: by our checks, and by its launcher."""

    def __init__(self, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = Files(config_search_path)

    def _compose_config_from_defaults_list(self, defaults: list[ResultDefault], repo: IConfigRepository) -> DictConfig:
        """The files of a defaults list merged, once for all jobs that choose the same options. What every job begins
        with, Hydra's own files and the schema, is merged once for all.
        """
        key = (_places(repo), repr(defaults))
        if key not in _merged:
            if len(_merged) >= _KEPT:
                _merged.clear()
            begins = next((place for place, one in enumerate(defaults, 1) if one.config_path == SCHEMA), 0)
            if 0 < begins < len(defaults):
                first = _Merged(self._compose_config_from_defaults_list(defaults[:begins], repo))
                defaults = [first, *defaults[begins:]]
            _merged[key] = super()._compose_config_from_defaults_list(defaults, repo)
        return copy.deepcopy(_merged[key])

    def _load_single_config(self, default: ResultDefault, repo: IConfigRepository) -> ConfigResult:
        """A file to merge. One without a package is merged as it is, and its nodes then belong to the merged
        configuration, so it is copied here; the others are copied where Hydra puts them into their package.
        """
        if isinstance(default, _Merged):
            return ConfigResult("merged", SCHEMA, default.config, header={})
        found: ConfigResult = super()._load_single_config(default, repo)
        if found is repo.load_config(default.config_path):
            found = copy.copy(found)
            found.config = copy.deepcopy(found.config)
        return found


class Files(ConfigRepository):  # type: ignore[misc]
    """Hydra's config files, each read once and checked then: values that YAML misreads cannot be seen afterwards.

    The jobs of a study share most of their files, and reading them takes the longest.
    """

    def load_config(self, config_path: str) -> ConfigResult | None:
        """A config, as Hydra loads it. Raises ConfigError for a text that YAML misreads."""
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None:
            return None
        if source.scheme() == "structured":  # Hydra's store gives each caller a copy
            return super().load_config(config_path)
        name = config_path.removesuffix(".yaml")
        if source.scheme() != "file":  # Hydra's own and those of its plugins
            own = (source.provider, source.path, name)
            if own not in _files:
                _files[own] = super().load_config(config_path)
            return _files[own]
        path = Path(source.path) / f"{name}.yaml"
        stamp = where.stamp(path)
        key = (source.provider, source.path, name, stamp)
        if key not in _files:
            _files[key] = super().load_config(config_path)
        written.check(name, path, stamp)
        return _files[key]  # not to be changed

    def __deepcopy__(self, _memo: dict[int, Any]) -> Files:
        """Copy without the structured configs: Hydra copies its repository for every composition and every group that
        --help lists, only to replace the list of sources in the copy (initialize_sources).
        """
        return copy.copy(self)
