"""The planned jobs of a study: their configurations are written into their folders before the first job begins."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import yaml

from xtreme_noise.config import earlier, grid
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import ConfigError
from xtreme_noise.record import CellRecord
from xtreme_noise.store import write_atomic

CONFIG = "config.yaml"
JOB = "job.json"  # a job's record
FAILURE = "failure.txt"  # its last line says why the last run of the job failed
UNFINISHED = "unfinished"  # in a job's folder until its last run ends, with or without success


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Puts texts that OmegaConf would read as numbers, such as 1e3, in quotes."""

    def text(self, value: str) -> yaml.ScalarNode:
        try:
            quotes = math.isfinite(float(value.replace("_", "")))
        except ValueError:
            quotes = False
        node: yaml.ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", value, "'" if quotes else None)
        return node


_Dumper.add_representer(str, _Dumper.text)


def write(jobs: Sequence[Config], folders: Sequence[Path]) -> None:
    """Write every job's configuration into its folder, and mark the job as unfinished.

    An interrupted study is then seen to be incomplete, even if some of its jobs have not begun.
    """
    texts = [
        yaml.dump(dataclasses.asdict(job), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
        for job in jobs
    ]
    for folder, text in zip(folders, texts, strict=True):
        write_atomic(folder / CONFIG, text)
        (folder / UNFINISHED).touch()


def cells(sweep: Path) -> tuple[list[CellRecord], list[Path]]:
    """The planned cells of the jobs in the folder of a study, without results, and the folders of unfinished jobs
    whose configuration cannot be read.

    The record of a finished job has its cells as well, so a configuration of another version loses nothing.
    """
    found: list[CellRecord] = []
    unknown: list[Path] = []
    for folder in sorted(path for path in (sweep / "jobs").glob("*") if path.is_dir()):
        try:
            found += grid.all_planned(earlier.read(folder / CONFIG))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, yaml.YAMLError, ConfigError):
            if (folder / UNFINISHED).exists() or not (folder / JOB).exists():
                unknown.append(folder)
    return found, unknown
