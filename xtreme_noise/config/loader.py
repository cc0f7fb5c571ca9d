"""How Hydra loads configurations here: each file is read once, and each job of a study is composed once."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hydra._internal import hydra as hydra_app
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig

from xtreme_noise.config import where, written

Composed = dict[tuple[str, ...], bytes]  # configurations by their overrides, pickled: a tenth of their size
_loaded: dict[tuple[Any, ...], bytes] = {}  # Hydra takes configs apart, and unpickling is faster than copying


@contextmanager
def loading(composed: Composed) -> Iterator[None]:
    """Meanwhile Hydra, however it is started, loads through `Loader`, and what it composes is kept in `composed`."""
    own = hydra_app.ConfigLoaderImpl
    hydra_app.ConfigLoaderImpl = partial(Loader, composed)
    try:
        yield
    finally:
        hydra_app.ConfigLoaderImpl = own


class Loader(ConfigLoaderImpl):  # type: ignore[misc]
    """Composes the same overrides once, though a command, its sweep and the launch of a job are checked apart."""

    def __init__(self, composed: Composed, config_search_path: Any) -> None:
        super().__init__(config_search_path)
        self.repository = Files(config_search_path)
        self.composed: Composed | None = composed

    def load_configuration(
        self, config_name: str | None, overrides: list[str], run_mode: RunMode, *how: Any, **named: Any
    ) -> DictConfig:
        """What Hydra composes: a configuration of its own for every caller."""
        key = tuple(overrides)
        if self.composed is None or run_mode != RunMode.RUN:
            fresh: DictConfig = super().load_configuration(config_name, overrides, run_mode, *how, **named)
            return fresh
        if key in self.composed:
            known: DictConfig = pickle.loads(self.composed[key])
            return known
        found: DictConfig = super().load_configuration(config_name, overrides, run_mode, *how, **named)
        self.composed[key] = pickle.dumps(found)
        return found

    def __getstate__(self) -> dict[str, Any]:
        """For the processes of a launcher, which compose the few jobs that they get. They keep nothing: Hydra runs the
        modules of plugins again there, so that the classes of configs are not those that pickle finds.
        """
        return self.__dict__ | {"composed": None}


class Files(ConfigRepository):  # type: ignore[misc]
    """Hydra's config files, each read once, and looked at then: what YAML makes of it cannot be seen afterwards.

    The jobs of a study have most of their files in common, and reading them is what takes longest.
    """

    def load_config(self, config_path: str) -> ConfigResult | None:
        """What Hydra loads. Raises ConfigError for a text that is read as something else."""
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None:
            return None
        if source.scheme() != "file":  # structured configs: Hydra's store gives each caller a copy
            return super().load_config(config_path)
        name = config_path.removesuffix(".yaml")
        path = Path(source.path) / f"{name}.yaml"
        stamp = where.stamp(path)
        key = (source.provider, source.path, name, stamp)
        if key not in _loaded:
            _loaded[key] = pickle.dumps(super().load_config(config_path))
        written.check(name, path, stamp)
        found: ConfigResult = pickle.loads(_loaded[key])
        return found

    def __deepcopy__(self, _memo: dict[int, Any]) -> Files:
        """Hydra copies its repository for every composition and every group that --help lists, and every structured
        config with it, only to give the copy other sources (initialize_sources), which replaces their list.
        """
        return copy.copy(self)
