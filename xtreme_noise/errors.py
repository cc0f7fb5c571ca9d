"""Errors for people: what is wrong, where, what to do. Their text is shown as it is, without a traceback."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # of an OSError: nothing can be written there


class UserError(Exception):
    """Something the user can put right. The message says what is wrong, where, and what to do."""


class ConfigError(UserError):
    """A wrong key, option, name or value in the configuration. Ends a run before anything is loaded (exit code 2)."""


class DataError(UserError):
    """Malformed, missing or leaking data: names the file and the line."""


class ModelUnavailable(UserError):
    """A model or data set that is neither in the cache nor reachable; the message says how to get it."""


class NotFinite(UserError):
    """nan or inf in a loss, in weights, in what a model answers or in a score: never a result, whatever it reads as."""


class NotApplicable(UserError):
    """A noise family that has nothing to act on here (a cell is recorded as n/a, never as robust)."""


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """'; did you mean 'x'? Known <what>: ...' for an unknown `name`."""
    names = sorted(map(str, known))
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"{hint} Known {what}: {', '.join(names)}"


class JobFailed(UserError):
    """A job with failed cells or stages: they are recorded, everything else is finished."""
