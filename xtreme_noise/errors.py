"""Errors for users: what is wrong, where, what to do. They are shown without a traceback."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Set while a command is composed (config/compose.py): whether it would compose with a suggested name in place of the
# wrong one. strictly: without any other error.
Composes = Callable[[str, str, bool], bool]
composes: ContextVar[Composes] = ContextVar("composes", default=lambda _wrong, _right, _strictly: True)

# Set while mode=check composes (config/compose.py): the errors of checks that do not need each other.
gathered: ContextVar[list[ConfigError] | None] = ContextVar("gathered", default=None)

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # errno of a full or read-only disk


class UserError(Exception):
    """An error that the user can fix. The message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A wrong key, option, name or value in the configuration. Ends a run before anything is loaded (exit code 2)."""


class Unusable(ConfigError):
    """A key or option that does not exist, that nothing would read, or that needs another type of value."""


class DataError(UserError):
    """Malformed, missing or leaking data; the message names the file and the line."""


class ModelUnavailable(UserError):
    """A model or data set that is neither in the cache nor reachable; the message says how to get it."""


class NotFinite(UserError):
    """nan or inf in a loss, in weights, in outputs of a model or in a score: never reported as a result."""


class NotApplicable(UserError):
    """A noise family that has nothing to act on; the cell is recorded as n/a, never as robust."""


@contextmanager
def check() -> Iterator[None]:
    """A check on which later ones do not depend: in mode=check they follow when it fails, and its error is gathered."""
    found = gathered.get()
    try:
        yield
    except ConfigError as error:
        if found is None:
            raise
        found.append(error)
    except (KeyError, TypeError, ValueError, AttributeError):
        if not found:
            raise
        # otherwise a value was used that has been found to be wrong


def refuse(error: ConfigError) -> None:
    """Raise the error of one value; in mode=check gather it, and let the check of other values go on."""
    if (found := gathered.get()) is None:
        raise error
    found.append(error)


def suggest(name: str, known: Iterable[str], what: str, *, strictly: bool = False) -> str:
    """'; did you mean 'x'? Known <what>: ...' for an unknown `name`. Suggests only names that compose (`composes`)."""
    names = sorted(map(str, known))
    near = nearest(str(name), names, cutoff=0.5, strictly=strictly)
    hint = f"; did you mean {near!r}?" if near else "."
    return f"{hint} Known {what}: {', '.join(names)}"


def nearest(name: str, known: Iterable[str], *, cutoff: float, strictly: bool = False) -> str | None:
    """The most similar of the known names, if the command composes with it."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return near[0] if near and composes.get()(name, near[0], strictly) else None


class JobFailed(UserError):
    """A job with failed cells or stages. They are recorded; everything else is finished."""

    FIRST = ", first "

    @classmethod
    def brief(cls, message: str) -> str:
        """The message without the first cell's error, which is logged where it occurs and listed at the end."""
        return message.partition(cls.FIRST)[0] if " cells failed" in message else message


def install(extra: str) -> str:
    """The command that installs an extra. This package is on no index, so pip needs a wheel or a checkout."""
    return (
        f"pip install 'xtreme-noise[{extra}]' beside an installed wheel, or in a checkout .venv/bin/python -m pip "
        f"install -c constraints.txt -e '.[{extra}]'"
    )
