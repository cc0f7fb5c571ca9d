"""The command: read it, compose and check all of it, then do what its mode says.

Exit codes: 0 done; 1 something failed (named on stderr and in the report); 2 the command or its configuration
is wrong and nothing was loaded; 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

import xtreme_noise
from xtreme_noise import modes
from xtreme_noise.config import completion, compose
from xtreme_noise.config.command import readable
from xtreme_noise.config.places import place
from xtreme_noise.errors import ConfigError, UserError, suggest
from xtreme_noise.launch import run_hydra

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_HYDRA_FLAGS = ("help", "hydra_help", "shell_completion", "cfg", "info")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. `argv` is without the program's name (default: the process's own)."""
    arguments = [readable(text) for text in (sys.argv[1:] if argv is None else argv)]
    try:
        return _main(arguments)
    except UserError as error:
        print(f"xtreme-noise: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except OSError as error:
        if error.errno not in _DISK:
            raise
        print(
            f"xtreme-noise: {error.filename or 'a file'} cannot be written ({error.strerror}): make room there, or "
            "choose another folder with sweep= or store=. What is finished is kept: the same command goes on from here",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            "\nxtreme-noise: interrupted. What is finished is kept; the same command goes on from here.",
            file=sys.stderr,
        )
        return 130


def _main(arguments: list[str]) -> int:
    flags = _parse(arguments)
    if flags.version:
        print(f"xtreme-noise {xtreme_noise.__version__} (Hydra {hydra.__version__})")
        return 0
    if flags.shell_completion and completion.is_query(flags.overrides):
        words = completion.options(os.environ.get("COMP_LINE", ""))
        if words is not None:
            print(" ".join(words))
            return 0
    if flags.cfg in ("job", "all"):
        compose.study(flags.overrides, flags.multirun, flags.config_dir)
    if any(getattr(flags, name) for name in _HYDRA_FLAGS):
        if flags.config_dir or any("searchpath" in text for text in flags.overrides):
            compose.check_trusted(flags.overrides, flags.config_dir)  # --help calls what the files name as well
        return run_hydra(arguments)
    given = _mode(flags.overrides)
    if given in modes.OF_A_FOLDER and (sweep := _only_sweep(flags.overrides)) is not None:
        return modes.OF_A_FOLDER[given](sweep)
    return modes.start(compose.study(flags.overrides, flags.multirun, flags.config_dir))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (xtreme-noise --help shows the flags)")


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Hydra's flags, as far as they matter here. Raises ConfigError."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("--multirun", "-m", action="store_true")
    parser.add_argument("--run", "-r", action="store_true")
    parser.add_argument("--config-dir", "-cd")
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--help", "-h", action="store_true")
    parser.add_argument("--hydra-help", action="store_true")
    parser.add_argument("--shell-completion", "-sc", action="store_true")
    parser.add_argument("--cfg", "-c", choices=["job", "hydra", "all"])
    parser.add_argument("--resolve", action="store_true")
    parser.add_argument("--package", "-p")
    info = ["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]
    parser.add_argument("--info", "-i", const="all", nargs="?", choices=info)
    flags, unknown = parser.parse_known_intermixed_args(arguments)
    if unknown:
        known = [option for action in parser._actions for option in action.option_strings]
        raise ConfigError(f"unknown flag {unknown[0]!r}{suggest(unknown[0], known, 'flags')}")
    if flags.run and flags.multirun:
        raise ConfigError("--run and --multirun exclude each other")
    if flags.resolve and not (flags.cfg or flags.help):
        raise ConfigError("--resolve goes with --cfg or --help")
    return flags


def _mode(overrides: list[str]) -> str | None:
    given = [text.split("=", 1)[1] for text in overrides if text.lstrip("+").startswith("mode=")]
    return given[-1] if given else None


def _only_sweep(overrides: list[str]) -> Path | None:
    """The folder of a plain `mode=report sweep=folder` (or export), for which nothing has to be composed."""
    rest = [text for text in overrides if not text.startswith("mode=")]
    if len(rest) != 1 or not rest[0].startswith("sweep="):
        return None
    try:
        value = OverridesParser.create().parse_override(rest[0]).value()
    except HydraException:  # such as a path with a quote that nobody quoted: taken as it is
        value = rest[0].split("=", 1)[1].strip("'\"")
    return Path(place("sweep", str(value))).absolute()
