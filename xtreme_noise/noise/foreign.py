"""Tools for nlpaug's own augmenters: importing, constraining, seeding and calibrating them."""

from __future__ import annotations

import importlib
import inspect
import math
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.noise.alignment import LONG
from xtreme_noise.noise.stream import block
from xtreme_noise.noise.text import graphemes

_STEPS = 8
_PIECE = 1 << 12  # graphemes of a long text that an augmenter gets at once
_TEXT = tuple(f"nlpaug.augmenter.{kind}." for kind in ("char", "word", "sentence"))  # the others act on audio


def augmenter_class(path: str) -> Any:
    """The class at `path`; a configuration can only name nlpaug's own augmenters of text."""
    from nlpaug import Augmenter

    module, _, name = path.rpartition(".")
    if not path.startswith(_TEXT):
        raise ConfigError(f"{path!r} is not a class path inside nlpaug.augmenter.char, .word or .sentence")
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"cannot import {module!r}: {error}") from None
    known = [key for key, value in vars(imported).items() if inspect.isclass(value) and issubclass(value, Augmenter)]
    if name not in known:
        raise ConfigError(f"{module} has no augmenter {name!r}{suggest(name, known, 'augmenters')}")
    return getattr(imported, name)


def uncapped(augmenter: Any) -> Any:
    """The augmenter without minimum, maximum and rounding up of counts, on whole graphemes, with choices in the same
    order in every process.
    """

    def count(size: int, aug_min: Any, aug_max: Any, aug_p: float | None = None) -> int:  # noqa: ARG001
        share = augmenter.aug_p if aug_p is None else aug_p
        return math.floor((share or 0.0) * size + np.random.random())

    augmenter._generate_aug_cnt = count
    augmenter.token2char = graphemes
    if hasattr(augmenter, "aug_char_p"):  # min_char in graphemes; the augmenter's own test counts code points
        eligible = augmenter.pre_skip_aug

        def long_enough(tokens: list[str], *rest: Any) -> list[int]:
            return [i for i in eligible(tokens, *rest) if len(graphemes(tokens[i])) >= augmenter.min_char]

        augmenter.pre_skip_aug = long_enough
    make = getattr(augmenter, "get_model", None)
    asked = dict(inspect.signature(make).parameters) if make else {}
    if make and asked.pop("force_reload", None) and all(value.default is not value.empty for value in asked.values()):
        augmenter.model = make(force_reload=True)  # else the table of another instance of the class
    choices = getattr(getattr(augmenter, "model", None), "dict", None)
    if isinstance(choices, dict):
        augmenter.model.dict = {
            key: sorted(values) if isinstance(values, (list, set)) else values for key, values in choices.items()
        }
    return augmenter


def pieces(text: str) -> list[str]:
    """A long text in pieces, because nlpaug's time is quadratic; cut at spaces if possible, else between graphemes."""
    if len(text) <= LONG:
        return [text]
    units, parts, at = graphemes(text), [], 0
    while at < len(units):
        end = at + _PIECE
        while end < min(len(units), at + 2 * _PIECE) and not units[end].isspace():
            end += 1
        parts.append("".join(units[at:end]))
        at = end
    return parts


def bisect(measure: Callable[[float], float], level: float) -> float:
    """A rate in [0, 1] whose measure is near `level`, which is below that of rate 1."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if measure(middle) < level else (low, middle)
    return (low + high) / 2


def seed_from(key: bytes) -> None:
    words = block(key, 0)
    random.seed(words[0])
    np.random.seed(words[1] & 0xFFFFFFFF)


_outer: list[object] = []  # the active `restored`, if any


@contextmanager
def restored() -> Iterator[None]:
    """Restores the global random generators afterwards. Nested uses cost nothing: saving and restoring takes 0.1 ms, as
    long as many augmenters do.
    """
    if _outer:
        yield
        return
    plain, array = random.getstate(), np.random.get_state()
    _outer.append(array)
    try:
        yield
    finally:
        _outer.clear()
        random.setstate(plain)
        np.random.set_state(array)
