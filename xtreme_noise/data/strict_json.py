"""Strict JSON: refuses what Python's reader accepts beyond the standard, and what it silently drops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

Pairs = list[tuple[str, Any]]
WHOLE = range(-(2**63), 2**63)  # 64-bit integers, as in Arrow tables


def once(pairs: Pairs) -> dict[str, Any]:
    """A JSON object. Raises ValueError for a duplicate key, of which json would silently keep the last."""
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} occurs twice")
    return unique


def loads(text: str, pairs: Callable[[Pairs], Any] = once) -> Any:
    """The value of a JSON text. pairs: makes an object from its keys and values.

    Raises ValueError for invalid JSON (NaN and Infinity included), numbers beyond 64 bits, half a surrogate pair, and
    too deep nesting.
    """
    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=_whole, parse_float=_finite, parse_constant=_no_number
        )
        if "\\ud" in text or "\\uD" in text:
            check_text(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value


def check_text(value: Any) -> None:
    """Raises ValueError for half a surrogate pair in any text of `value` (possible in JSON, not in UTF-8)."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{value!r:.80} contains half a surrogate pair: {error.reason}") from None
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(name)
            check_text(inner)
    elif isinstance(value, list):
        for inner in value:
            check_text(inner)


def _whole(digits: str) -> int:
    if len(digits) > 20 or int(digits) not in WHOLE:
        raise ValueError(f"{_short(digits)} is a number beyond 64 bits (put an id of digits in quotes)")
    return int(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{_short(digits)} is a number beyond 64 bits")
    return value


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON (a missing value is null)")


def _short(digits: str) -> str:
    return digits if len(digits) <= 24 else f"{digits[:20]}... ({len(digits)} digits)"
