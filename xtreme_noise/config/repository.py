"""Hydra's config files, each read once, and looked at then: what YAML makes of it cannot be seen afterwards."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra._internal import config_loader_impl
from hydra._internal.config_repository import ConfigRepository
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult

from xtreme_noise.config import where, written

_loaded: dict[tuple[Any, ...], ConfigResult] = {}


@contextmanager
def read_once() -> Iterator[None]:
    """Meanwhile Hydra reads its files through `Files`, in whichever way it is started."""
    own = config_loader_impl.ConfigRepository
    config_loader_impl.ConfigRepository = Files
    try:
        yield
    finally:
        config_loader_impl.ConfigRepository = own


class Files(ConfigRepository):  # type: ignore[misc]
    """The jobs of a study have most of their files in common, and reading them is what takes longest."""

    def load_config(self, config_path: str) -> ConfigResult | None:
        """What Hydra loads. Raises ConfigError for a text that is read as something else."""
        source = self._find_object_source(config_path, ObjectType.CONFIG)
        if source is None:
            return None
        name = config_path.removesuffix(".yaml")
        path = Path(source.path) / f"{name}.yaml" if source.scheme() == "file" else None
        stamp = where.stamp(path) if path else None
        key = (source.provider, source.path, name, stamp)
        if key not in _loaded:
            _loaded[key] = super().load_config(config_path)
        if path and stamp:
            written.check(name, path, stamp)
        return copy.deepcopy(_loaded[key])  # Hydra takes configs apart

    def __deepcopy__(self, _memo: dict[int, Any]) -> Files:
        """Hydra copies its repository for every composition and every group that --help lists, and every structured
        config with it, only to give the copy other sources (initialize_sources), which replaces their list.
        """
        return copy.copy(self)
