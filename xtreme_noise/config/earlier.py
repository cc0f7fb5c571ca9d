"""Jobs that earlier commands have put into a study, and that later ones are compared with."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from xtreme_noise.config.keys import hints, inner
from xtreme_noise.config.schema import Config
from xtreme_noise.config.written import SafeLoader


def jobs(sweep: Path, now: Collection[Path]) -> list[Config]:
    """The jobs in the folder of a study that have a finished cell, except those that start `now` (folders).

    Jobs whose configuration or record cannot be read (written by another version, for example) are left out: the
    report reads the cells themselves, and says when some cannot be compared.
    """
    found = []
    for path in sorted((sweep / "jobs").glob("*/config.yaml")):
        if path.parent in now or not _finished(path.parent / "job.json"):
            continue
        try:
            found.append(read(path))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, yaml.YAMLError):
            continue
    return found


def read(path: Path) -> Config:
    """The configuration in the folder of a job.

    Raises KeyError, TypeError or AttributeError for one of another version, OSError, ValueError, RecursionError or
    yaml.YAMLError for a file that cannot be read.
    """
    found: Config = typed(Config, yaml.load(path.read_text(encoding="utf-8"), Loader=SafeLoader))
    return found


def _finished(record: Path) -> bool:
    """Whether a job has a finished cell."""
    try:
        return any(cell["status"] == "ok" for cell in json.loads(record.read_text(encoding="utf-8"))["cells"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def typed(hint: Any, value: Any) -> Any:
    """A value that is known to fit, with its declared type. OmegaConf would check it again, which takes longer."""
    hint = inner(hint)
    if value is None:
        return None
    known: Any = hint
    if dataclasses.is_dataclass(hint):
        return known(**{name: typed(hints(known)[name], item) for name, item in value.items()})
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is dict:
        return {key: typed(arguments[1], item) for key, item in value.items()}
    if typing.get_origin(hint) is list:
        return [typed(arguments[0], item) for item in value]
    return value
