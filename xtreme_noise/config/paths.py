"""The folder of the configuration, and the folders of the jobs of a command."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

CONFIG_NAME = "config"
SCHEMA_NAME = "schema"  # `- schema` opens the defaults list of conf/config.yaml
RESULTS = Path("multirun_outputs")
STORE = RESULTS / "store"  # conf/config.yaml has the same default (a test compares them)

# Overrides that change where or how a study runs, but not its results: with or without them, the study and its
# folder are the same. exclude_keys in conf/config.yaml is this list (a test compares them).
NEUTRAL = (
    "sweep",
    "mode",
    "experiment_name",
    "trust_config_code",
    "strict",
    "store",
    "report.sensitivity",
    "intermediate.gate",
    "intermediate.gate.metric",
    "intermediate.gate.at_least",
    "tracker",
    "tracker.kind",
    "tracker.project",
    "trainer.progress",
    "trainer.workers",
    "trainer.eval_devices",
    "trainer.checkpoint_minutes",
    "source.offline",
)


@cache
def conf_dir() -> Path:
    """The folder of config.yaml: xtreme_noise/conf in a wheel, conf/ beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "conf", package.parent / "conf"):
        if (candidate / f"{CONFIG_NAME}.yaml").is_file():
            return candidate
    raise FileNotFoundError(f"no conf/{CONFIG_NAME}.yaml in {package} or beside it: the installation is broken")


def from_environment(variable: str, default: str | None = None) -> str | None:
    """The value of an environment variable; the default if it is unset or empty."""
    return os.environ.get(variable, "").strip() or default


def short_digest(text: str) -> str:
    """8 hex digits of the sha256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def last_part(path: str | None) -> str:
    """The name of a model whose option names none: the last part of its folder or hub id."""
    return (Path(path).expanduser().absolute().name if path else "") or "own"


def register() -> None:
    """Make the schema and the resolvers known to Hydra, in every process that composes a config."""
    from hydra.core.config_store import ConfigStore  # Hydra takes half a second; completion needs the folder alone
    from omegaconf import OmegaConf

    from xtreme_noise.config.schema import Config

    ConfigStore.instance().store(name=SCHEMA_NAME, node=Config, provider="xtreme_noise")
    OmegaConf.register_new_resolver("xn_env", from_environment, replace=True)
    OmegaConf.register_new_resolver("xn_last", last_part, replace=True)
    # override_dirname contains "=" and may exceed the 255 bytes of a file name; its digest avoids both.
    OmegaConf.register_new_resolver("xn_job", short_digest, replace=True)


def study_name(base: str, overrides: Iterable[tuple[str, Any]]) -> str:
    """The folder name of a study: `base`, and a digest of the other overrides, if any.

    `overrides` are (key, value text) pairs; neutral ones are ignored, and so is their order.
    """
    relevant = sorted(f"{key}={value}" for key, value in overrides if key not in NEUTRAL)
    name = re.sub(r"[^\w.+-]", "_", base, flags=re.ASCII)[:100]
    return f"{name}-{short_digest(chr(10).join(relevant))}" if relevant else name
