"""Restricts the code that a configuration makes Hydra call (handlers, launchers, callbacks) to what Hydra ships.

Hydra imports and calls whatever `()`, `class` or `_target_` name, before any of our code runs: a folder of options from
somebody else would be a program. To trust such a folder, write trust_config_code=true on the command line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from xtreme_noise.config import trees
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

KEY = "trust_config_code"
NAMES = (
    "()",
    "class",
    "_target_",
)  # the keys whose value is imported, by logging.config and by hydra.utils.instantiate
IMPORTED = "ext://"  # logging.config imports what follows it
SHIPPED = frozenset({
    "logging.StreamHandler",
    "logging.FileHandler",
    "colorlog.ColoredFormatter",
    "ext://sys.stdout",
    "ext://sys.stderr",
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra.experimental.callbacks.LogJobReturnCallback",
    "hydra.experimental.callbacks.PickleJobInfoCallback",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_aws_launcher.RayAWSLauncher",
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    "hydra_plugins.hydra_rq_launcher.rq_launcher.RQLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
})  # fmt: skip


def check(cfg: DictConfig, sources: Sources) -> None:
    """Raise ConfigError when the `hydra` node makes Hydra call something that it does not ship and nobody typed."""
    if OmegaConf.select(cfg, KEY):
        if sources.sets_by_override(KEY):
            return
        raise ConfigError(f"{KEY}{sources.of(KEY)}: no file can vouch for itself: write {KEY}=true on the command line")
    for key, value in _called(trees.plain(cfg.hydra), "hydra"):
        if value not in SHIPPED and not sources.sets_by_override(key):
            raise ConfigError(
                f"{key}{sources.of(key)} is {value!r}, which Hydra would import and call, but does not ship: "
                f"leave it out or, where you trust all files of the configuration, add {KEY}=true"
            )


def _called(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """(key, name) of everything in a node that Hydra would import."""
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield from _called(item, f"{path}[{number}]")
    elif isinstance(node, dict):
        for key, item in node.items():
            if key in NAMES and not isinstance(item, dict | list) and item is not None:
                yield f"{path}.{key}", str(item)
            else:
                yield from _called(item, f"{path}.{key}")
    elif isinstance(node, str) and node.strip().startswith(IMPORTED):
        yield path, node.strip()
