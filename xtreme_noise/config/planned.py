"""What a study is to evaluate: the configurations of its jobs, in their folders before the first of them begins."""

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
UNFINISHED = "unfinished"  # in a job's folder until its last run has come to an end, whatever end


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Texts that OmegaConf reads as numbers, such as 1e3, are in quotes."""

    def text(self, value: str) -> yaml.ScalarNode:
        try:
            quotes = math.isfinite(float(value.replace("_", "")))
        except ValueError:
            quotes = False
        node: yaml.ScalarNode = self.represent_scalar("tag:yaml.org,2002:str", value, "'" if quotes else None)
        return node


_Dumper.add_representer(str, _Dumper.text)


def write(jobs: Sequence[Config], folders: Sequence[Path]) -> None:
    """Put every job's configuration into its folder, and the mark that the job is to be run.

    So that what is interrupted is seen to be incomplete, with the jobs that have not begun.
    """
    texts = [
        yaml.dump(dataclasses.asdict(job), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
        for job in jobs
    ]
    for folder, text in zip(folders, texts, strict=True):
        write_atomic(folder / CONFIG, text)
        (folder / UNFINISHED).touch()


def cells(sweep: Path) -> tuple[list[CellRecord], list[Path]]:
    """The cells that the jobs in the folder of a study were to evaluate, without results, and the folders of
    jobs that have not come to an end and left no configuration that tells.

    The grid of a job that has ended is in its record as well: a configuration of another version takes nothing away.
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
