"""SIGINT and SIGTERM: our handler records the signal and raises, and `check` raises again if the exception got lost.

Python swallows an exception that a signal raises inside a library's `__del__`, and the program would run on. So the
signal is recorded, and checked between jobs, cells and batches, before the report and at the end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any, NoReturn

_DEFAULTS: dict[signal.Signals, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
_received: int | None = None
_at_steps = False
_owner = 0  # the process that installed the handlers


class Interrupted(KeyboardInterrupt):
    """This process, or the process of a job, received the signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def check() -> None:
    """Raise Interrupted if a signal has come since `handled` was entered."""
    if _received is not None:
        raise Interrupted(_received)


def end(number: int) -> NoReturn:
    """Record a signal that a library has handled in its own way, and raise Interrupted."""
    global _received
    _received = number
    raise Interrupted(number) from None


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Raise Interrupted for SIGINT and SIGTERM, unless someone else handles them (submitit, nohup)."""
    global _received, _owner
    taken: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number, default in _DEFAULTS.items() if signal.getsignal(number) is default]
    if taken:
        _received, _owner = None, os.getpid()
    shown = sys.unraisablehook
    try:
        for number in taken:
            signal.signal(number, _note)
        sys.unraisablehook = partial(_quiet, shown)
        yield
    finally:
        sys.unraisablehook = shown
        for number in taken:
            signal.signal(number, _DEFAULTS[number])


@contextlib.contextmanager
def terminated_at_steps() -> Iterator[None]:
    """Only record SIGTERM inside: Lightning ends the fit after the current step, as a cluster may request."""
    global _at_steps
    _at_steps = True
    try:
        yield
    finally:
        _at_steps = False


def _quiet(shown: Callable[[Any], object], lost: Any) -> None:
    """Python's report of exceptions swallowed in `__del__`, without ours, which `check` raises again."""
    if not isinstance(lost.exc_value, Interrupted):
        shown(lost)


def _note(number: int, _: FrameType | None) -> None:
    global _received
    if os.getpid() != _owner and number == signal.SIGTERM:  # a fork, such as a data loader, terminated by its parent
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        return
    if _at_steps and number == signal.SIGTERM:
        _received = number
    else:
        end(number)
