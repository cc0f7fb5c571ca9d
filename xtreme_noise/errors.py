"""Errors for people: what is wrong, where, what to do. Their text is shown as it is, without a traceback."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable, Iterable
from contextvars import ContextVar

# While a command is composed: whether it would be understood with a right name in place of the wrong one
# (config/compose.py). strictly: nothing else may be wrong with it either.
Composes = Callable[[str, str, bool], bool]
composes: ContextVar[Composes] = ContextVar("composes", default=lambda _wrong, _right, _strictly: True)

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # of an OSError: nothing can be written there


class UserError(Exception):
    """Something the user can put right. The message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A wrong key, option, name or value in the configuration. Ends a run before anything is loaded (exit code 2)."""


class Unusable(ConfigError):
    """A key or an option that there is not, that nothing would read, or that takes another kind of value."""


class DataError(UserError):
    """Malformed, missing or leaking data: names the file and the line."""


class ModelUnavailable(UserError):
    """A model or data set that is neither in the cache nor reachable; the message says how to get it."""


class NotFinite(UserError):
    """nan or inf in a loss, in weights, in what a model answers or in a score: never a result, whatever it reads as."""


class NotApplicable(UserError):
    """A noise family that has nothing to act on here (a cell is recorded as n/a, never as robust)."""


def suggest(name: str, known: Iterable[str], what: str, *, strictly: bool = False) -> str:
    """'; did you mean 'x'? Known <what>: ...' for an unknown `name`. What is suggested composes (see `composes`)."""
    names = sorted(map(str, known))
    near = nearest(str(name), names, cutoff=0.5, strictly=strictly)
    hint = f"; did you mean {near!r}?" if near else "."
    return f"{hint} Known {what}: {', '.join(names)}"


def nearest(name: str, known: Iterable[str], *, cutoff: float, strictly: bool = False) -> str | None:
    """What is written most like `name`, when the command composes with it."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return near[0] if near and composes.get()(name, near[0], strictly) else None


class JobFailed(UserError):
    """A job with failed cells or stages: they are recorded, everything else is finished."""


def install(extra: str) -> str:
    """How the packages of an extra are installed: no index has this package, so pip must know it already."""
    return (
        f"pip install 'xtreme-noise[{extra}]' beside an installed wheel, or in a checkout .venv/bin/python -m pip "
        f"install -c constraints.txt -e '.[{extra}]'"
    )
