"""What earlier commands have put into a study: jobs that later ones are compared with."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from xtreme_noise.config import strict
from xtreme_noise.config.schema import Config


def jobs(sweep: Path, now: Collection[Path]) -> list[Config]:
    """The jobs in the folder of a study that have a finished cell, but for those that are started `now` (folders).

    A job whose configuration or record cannot be read (another version wrote it, say) is not among them: the report
    looks at the cells themselves, and says so when some do not fit together.
    """
    found = []
    for path in sorted((sweep / "jobs").glob("*/config.yaml")):
        if path.parent in now or not _finished(path.parent / "job.json"):
            continue
        try:
            read = OmegaConf.load(path)
            assert isinstance(read, DictConfig)
            found.append(strict.typed(read))
        except (OSError, ValueError, AssertionError, yaml.YAMLError, OmegaConfBaseException):
            continue
    return found


def _finished(record: Path) -> bool:
    """Whether a job has a finished cell."""
    try:
        return any(cell["status"] == "ok" for cell in json.loads(record.read_text(encoding="utf-8"))["cells"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False
