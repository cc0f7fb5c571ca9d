"""A study inside another program, such as a notebook: what it changes in the process is put back afterwards."""

from __future__ import annotations

import gc
import io
import logging
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


@contextmanager
def as_before() -> Iterator[None]:
    """Put back the environment, the working directory, logging, random states, warning filters, Hydra's global state,
    the garbage collector's threshold, and how stdout and stderr encode. Signal handlers: interrupt.handled.
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        for kept in (_environment, _folder, _logging, _random, _hydra, _streams, _collector):
            stack.enter_context(kept())
        yield


@contextmanager
def _environment() -> Iterator[None]:
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _folder() -> Iterator[None]:
    before = Path.cwd()
    try:
        yield
    finally:
        os.chdir(before)


@contextmanager
def _logging() -> Iterator[None]:
    """Hydra replaces the handlers of the root logger, and the files of the new ones stay open."""
    root = logging.getLogger()
    others = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    before = [(one, one.level, list(one.handlers), one.propagate, one.disabled) for one in (root, *others)]
    try:
        yield
    finally:
        for handler in root.handlers:
            if isinstance(handler, logging.FileHandler) and handler not in before[0][2]:
                handler.close()
        for one, level, handlers, propagate, disabled in before:
            one.setLevel(level)
            one.handlers[:], one.propagate, one.disabled = handlers, propagate, disabled


@contextmanager
def _random() -> Iterator[None]:
    import numpy as np

    python, numpys = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    torchs = torch.get_rng_state() if torch else None
    deterministic = torch.are_deterministic_algorithms_enabled() if torch else False
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpys)
        if torch:
            torch.set_rng_state(torchs)
            torch.use_deterministic_algorithms(deterministic)


@contextmanager
def _hydra() -> Iterator[None]:
    """The caller may use Hydra, too: hydra.main refuses to begin in a process that has initialised it."""
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.hydra_config import HydraConfig

    known, config = GlobalHydra.instance(), HydraConfig.instance()
    before, cfg = known.hydra, config.cfg
    known.clear()
    try:
        yield
    finally:
        known.hydra, config.cfg = before, cfg


@contextmanager
def _streams() -> Iterator[None]:
    streams = [one for one in (sys.stdout, sys.stderr) if isinstance(one, io.TextIOWrapper)]
    before = [one.errors for one in streams]
    try:
        yield
    finally:
        for stream, errors in zip(streams, before, strict=True):
            with suppress(ValueError):  # closed meanwhile
                stream.reconfigure(errors=errors)


@contextmanager
def _collector() -> Iterator[None]:
    before = gc.get_threshold()
    try:
        yield
    finally:
        gc.set_threshold(*before)
