"""Checks of rows that several task families share."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from xtreme_noise.errors import DataError

INVISIBLE = ("Zs", "Zl", "Zp", "Cc", "Cf")


def text_of(row: Mapping[str, Any], column: str, where: str) -> str:
    """A column with visible text. Raises DataError."""
    value = row.get(column)
    if not isinstance(value, str):
        raise DataError(f"{where}: column {column!r} is {value!r:.200}, expected text (in quotes)")
    if not visible(value):
        raise DataError(f"{where}: column {column!r} is {value!r:.200}, expected text that is not empty")
    return value


def visible(text: str) -> bool:
    """Whether a text has a visible character, not only spaces, controls and format characters."""
    return any(unicodedata.category(character) not in INVISIBLE for character in text)


def label_index(value: Any, labels: Sequence[str], where: str) -> int:
    """The index of a label given by index or by name. Raises DataError when it is neither."""
    if isinstance(value, str) and value in labels:
        return labels.index(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels):
        return value
    raise DataError(
        f"{where}: label {value!r:.200} is out of range: expected one of {', '.join(labels)} or 0..{len(labels) - 1}"
    )


def plain_text(row: Mapping[str, Any], labels: Sequence[str], where: str) -> dict[str, Any]:
    """text, and text_pair if there is one."""
    del labels
    example: dict[str, Any] = {"text": text_of(row, "text", where)}
    if "text_pair" in row:
        example["text_pair"] = text_of(row, "text_pair", where)
    return example
