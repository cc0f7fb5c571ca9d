"""Working with nlpaug's own augmenters: finding, taming, seeding and calibrating them."""

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
_PIECE = 1 << 12  # graphemes that an augmenter gets of a long text
_TEXT = tuple(f"nlpaug.augmenter.{kind}." for kind in ("char", "word", "sentence"))  # the others act on sound


def augmenter_class(path: str) -> Any:
    """The class at `path`; only nlpaug's own that act on text are built from configuration."""
    from nlpaug import Augmenter

    module, _, name = path.rpartition(".")
    if not path.startswith(_TEXT):
        raise ConfigError(f"{path!r} is not a class path inside nlpaug.augmenter.char, .word or .sentence")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"cannot import {module!r}: {error}") from None
    known = [key for key, value in vars(found).items() if inspect.isclass(value) and issubclass(value, Augmenter)]
    if name not in known:
        raise ConfigError(f"{module} has no augmenter {name!r}{suggest(name, known, 'augmenters')}")
    return getattr(found, name)


def uncapped(augmenter: Any) -> Any:
    """No minimum, maximum or rounding up of counts; whole graphemes; choices in an order that every process
    has.
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
    """A text, cut where it is so long that nlpaug, whose time grows with the square of a text, would take minutes: at
    spaces, where there are some, and between graphemes.
    """
    if len(text) <= LONG:
        return [text]
    units, found, at = graphemes(text), [], 0
    while at < len(units):
        end = at + _PIECE
        while end < min(len(units), at + 2 * _PIECE) and not units[end].isspace():
            end += 1
        found.append("".join(units[at:end]))
        at = end
    return found


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


_outer: list[object] = []  # the `restored` that is going on, if any


@contextmanager
def restored() -> Iterator[None]:
    """The global generators are afterwards as they were before. One inside another is for free: to keep and to set them
    takes a tenth of a millisecond, which is as long as many an augmenter.
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
