"""SIGINT and SIGTERM: our handler records the signal and raises, and `check` raises again if the exception got lost.

Python swallows an exception that a signal raises inside a library's `__del__`, and the program would run on. So the
signal is recorded, and checked between jobs, cells and batches, before the report and at the end. The same holds for
the signals by which a cluster warns a job: submitit's handler requeues the job, or says why not, by raising.
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
# A cluster's warnings of a time limit or preemption; submitit handles one of them. Windows has none.
WARNINGS = [getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name)]
_received: int | None = None
_stopped: BaseException | None = None
_at_steps = False
_others: Any = signal.SIG_DFL  # the handler of SIGTERM before a fit
_owner = 0  # the process that installed the handlers


class Interrupted(KeyboardInterrupt):
    """This process, or the process of a job, received the signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Stopped(BaseException):
    """A cluster ends this process. `reason`: what submitit raised, SystemExit if it has requeued the job.

    No Exception, so that no cell and no fit takes it for a failure of its own.
    """

    def __init__(self, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.reason = reason


def check() -> None:
    """Raise Interrupted or Stopped if a signal has come since `handled` was entered."""
    if _stopped is not None:
        raise Stopped(_stopped)
    if _received is not None:
        raise Interrupted(_received)


def end(number: int) -> NoReturn:
    """Record a signal that a library has handled in its own way, and raise Interrupted."""
    global _received
    _received = number
    raise Interrupted(number) from None


@contextlib.contextmanager
def handled() -> Iterator[None]:
    """Raise Interrupted for SIGINT and SIGTERM, unless someone else handles them (submitit, nohup), and Stopped in
    place of what a handler of a cluster's warning raises.
    """
    global _received, _stopped, _owner
    taken: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        taken = [number for number, default in _DEFAULTS.items() if signal.getsignal(number) is default]
    if taken:
        _received, _owner = None, os.getpid()
    handlers = ((number, signal.getsignal(number)) for number in WARNINGS)
    warned = {number: handler for number, handler in handlers if callable(handler)}
    shown = sys.unraisablehook
    try:
        for number in taken:
            signal.signal(number, _note)
        for number, handler in warned.items():
            signal.signal(number, partial(_stop, handler, os.getpid()))
        sys.unraisablehook = partial(_quiet, shown)
        yield
    finally:
        sys.unraisablehook = shown
        for number in taken:
            signal.signal(number, _DEFAULTS[number])
        for number, handler in warned.items():
            signal.signal(number, handler)
        if warned:
            _stopped = None


@contextlib.contextmanager
def terminated_at_steps() -> Iterator[None]:
    """Only record SIGTERM inside: Lightning ends the fit after the current step. See `fit_begins`."""
    global _at_steps, _others
    _at_steps, _others = True, signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        _at_steps = False


def fit_begins() -> None:
    """Give SIGTERM back to whoever else handles or ignores it, as submitit does: Lightning has set its own handler.

    Slurm sends it before it preempts a job, and requeues only a job that has not ended by itself.
    """
    if _others not in (_note, signal.SIG_DFL) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _others)


def _quiet(shown: Callable[[Any], object], lost: Any) -> None:
    """Python's report of exceptions swallowed in `__del__`, without ours, which `check` raises again."""
    if not isinstance(lost.exc_value, Interrupted | Stopped):
        shown(lost)


def _stop(handler: Callable[[int, FrameType | None], object], owner: int, number: int, frame: FrameType | None) -> None:
    global _stopped
    if os.getpid() != owner:  # a fork, such as a data loader: a cluster warns all processes of a job, and one acts
        return
    try:
        handler(number, frame)
    except (Exception, SystemExit) as raised:
        _stopped = raised
        raise Stopped(raised) from raised


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
