"""xtreme-noise --help: what can be said, without composing anything. With options it is Hydra's help of their job."""

from __future__ import annotations

from pathlib import Path

import yaml

from xtreme_noise.config.paths import conf_dir
from xtreme_noise.config.where import Sources

FLAGS = {
    "--multirun, -m": "a sweep: key=a,b is a job for each value (language, noise, noise.level: a list in one job)",
    "--run, -r": "one job, also where an experiment sweeps",
    "--config-dir, -cd": "a folder of further options and experiments",
    "--cfg, -c": "print the configuration (job, hydra or all), run nothing; --package, -p: a part of it; --resolve",
    "--info, -i": "where the configuration is from: all, config, defaults, defaults-tree, plugins or searchpath",
    "--shell-completion, -sc": "install=bash prints the script for a shell",
    "--hydra-help": "keys and options of Hydra itself (launchers, logging)",
    "--version": "of this program and of Hydra",
    "--help, -h": "this; with options, such as task=xnli --help, their configuration too",
}


def text(config_dir: str | None = None) -> str:
    """Commands, flags, and every option of every group."""
    sources = Sources(folders=(conf_dir(), *([Path(config_dir)] if config_dir else [])))
    shipped = yaml.safe_load((conf_dir() / "config.yaml").read_text(encoding="utf-8"))
    flags = [f"{name:<24} {what}" for name, what in FLAGS.items()]
    groups = [f"{group}: {', '.join(sources.options(group))}" for group in sources.groups()]
    return "\n".join([
        shipped["hydra"]["help"]["header"], "", "Flags:", *flags, "", "Options (group=option):", *groups, "",
        "Every key of a job can be set, too (key=value): xtreme-noise --cfg job shows them, and xtreme-noise task=xnli",
        "--cfg job those of this task.",
    ])  # fmt: skip
