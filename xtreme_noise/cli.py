"""The command line: parse it, compose and check the configuration, then run the mode.

Exit codes: 0 done; 1 something failed (named on stderr and in the report); 2 the command or its configuration
is wrong and nothing was loaded; 130 and 143: ended by SIGINT (Ctrl-C) and by SIGTERM.

Slow imports are inside functions, so that signals are handled from the start.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import xtreme_noise
from xtreme_noise import interrupt, streams
from xtreme_noise.errors import DISK, ConfigError, UserError, suggest

READER_GONE = 141  # as shells report SIGPIPE
_HYDRA_FLAGS = ("help", "hydra_help", "shell_completion", "cfg", "info")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. `argv`: without the program's name (default: that of the process)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with interrupt.handled():
            streams.tolerant()
            code = _uninterrupted(arguments)
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a reader that has gone is no failure
            return code
    except UserError as error:
        print(f"xtreme-noise: {error}", file=sys.stderr)
        return 2 if isinstance(error, ConfigError) else 1
    except BrokenPipeError:  # the reader of the output has gone, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails on it again when it ends
        return READER_GONE
    except OSError as error:
        if error.errno not in DISK:
            raise
        print(
            f"xtreme-noise: {error.filename or 'a file'} cannot be written ({error.strerror}): free some space, or "
            "choose another folder with sweep= or store=. Finished work is kept: the same command resumes",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt as stop:
        number = stop.number if isinstance(stop, interrupt.Interrupted) else signal.SIGINT
        below = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""  # of the terminal's ^C
        print(
            f"{below}xtreme-noise: interrupted by {signal.Signals(number).name}. Finished work is kept (stages, cells, "
            "a fit up to its last checkpoint); the same command resumes",
            file=sys.stderr,
        )
        return 128 + number


def _uninterrupted(arguments: list[str]) -> int:
    """The exit code of a command. Raises Interrupted for a signal that a library swallowed or reported as a failure."""
    try:
        code = _main(arguments)
    except Exception:
        interrupt.check()
        raise
    interrupt.check()
    return code


def _decodable(arguments: list[str]) -> None:
    """Raise ConfigError for a name that cannot be decoded in this locale: libraries would fail on it much later."""
    folders = (os.environ.get(name, "") for name in ("XTREME_NOISE_STORE", "XTREME_NOISE_DATA"))
    for text in (*arguments, *folders, str(Path.cwd())):
        if any("\ud800" <= sign <= "\udfff" for sign in text):  # Python's escapes for undecodable bytes
            raise ConfigError(
                f"{text!a} is not valid text in the encoding of this locale ({sys.getfilesystemencoding()}): set "
                "PYTHONUTF8=1, or use another name"
            )


def _main(arguments: list[str]) -> int:
    _decodable(arguments)
    if (said := _at_once(_parse(arguments))) is not None:
        print(said)
        return 0
    from xtreme_noise import commands
    from xtreme_noise.config import compose
    from xtreme_noise.config.command import readable
    from xtreme_noise.launch import run_hydra

    arguments = [readable(text) for text in arguments]
    flags = _parse(arguments)
    if flags.cfg in ("job", "all"):
        compose.study(flags.overrides, flags.multirun, flags.config_dir)
    if any(getattr(flags, name) for name in _HYDRA_FLAGS):
        if flags.config_dir or any("searchpath" in text for text in flags.overrides):
            compose.check_trusted(flags.overrides, flags.config_dir)  # Hydra's help calls what the files name
        return run_hydra(arguments)
    given = _mode(flags.overrides)
    if given in commands.OF_FOLDERS and (studies := _only_sweep(flags.overrides)):
        others = [text for text in flags.overrides if not text.startswith("sweep=")]
        return commands.start_in(given, studies, compose.study(others) if len(others) > 1 else None)
    composed = compose.with_problems if given == "check" else compose.study
    return commands.start(composed(flags.overrides, flags.multirun, flags.config_dir))


def _at_once(flags: argparse.Namespace) -> str | None:
    """The answer to what needs no Hydra, whose import takes most of a second; None for everything else."""
    if flags.version:
        return f"xtreme-noise {xtreme_noise.__version__} (Hydra {version('hydra-core')})"
    if flags.help and not (flags.overrides or flags.resolve):
        from xtreme_noise.commands import help

        return help.text(flags.config_dir)
    if flags.shell_completion:
        from xtreme_noise.config import completion

        if completion.is_query(flags.overrides):
            words = completion.options(os.environ.get("COMP_LINE", ""))
            return None if words is None else " ".join(words)
    return None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message} (xtreme-noise --help shows the flags)")


def _parser() -> _Parser:
    """Hydra's flags, as far as they matter here: commands/help.py says what they do."""
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
    return parser


def _parse(arguments: list[str]) -> argparse.Namespace:
    """The words and flags of a command. Raises ConfigError."""
    parser = _parser()
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


def _only_sweep(overrides: list[str]) -> list[Path]:
    """The folders of `mode=report sweep=folder` or `sweep=[a,b]` (or another of OF_FOLDERS), if only report.* is beside
    them.
    """
    rest = [text for text in overrides if not text.startswith(("mode=", "report."))]
    if len(rest) != 1 or not rest[0].startswith("sweep="):
        return []
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    from xtreme_noise.config.places import place

    try:
        value = OverridesParser.create().parse_override(rest[0]).value()
    except HydraException:  # such as an unquoted path with a quote in it: use the text as it is
        value = rest[0].split("=", 1)[1].strip("'\"")
    folders = value if isinstance(value, list) and value else [value]
    return [Path(place("sweep", str(folder))).absolute() for folder in folders]
