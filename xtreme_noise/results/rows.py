"""The columns of cells.parquet, and what is wrong with a row that no job can have written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

STATUSES = ("ok", "error", "missing", "n/a")
CLEAN = "clean"
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("cell", "task", "family", "language", "language_name", "script", "model")]
    + [("intermediate", pa.string()), ("arm", pa.string()), ("train_noise", pa.string()), ("seen", pa.bool_())]
    + [("noise", pa.string()), ("level", pa.float64())]
    + [("noise_seed", pa.int64()), ("seed", pa.int64()), ("metric", pa.string()), ("score", pa.float64())]
    + [("n", pa.int64()), ("test_size", pa.int64())]
    + [
        (name, pa.float64())
        for name in ("achieved", "changed", "word_change_rate", "fertility", "flip_rate", "right_to_wrong")
    ]
    + [
        ("wrong_to_right", pa.float64()),
        ("capacity", pa.float64()),
        ("status", pa.string()),
        ("error", pa.string()),
    ]
    + [("seconds", pa.float64()), ("forward_tokens", pa.int64()), ("forward_seconds", pa.float64())]
    + [("noise_seconds", pa.float64()), ("token_change_rate", pa.float64()), ("windows", pa.int64())]
    + [("calibrated_by", pa.string()), ("saturated", pa.bool_())]
    + [
        ("label_preserving", pa.bool_()),
        ("signature", pa.string()),
        ("samples", pa.string()),
        ("extra", pa.string()),
    ]
)
NESTED = {"samples": list, "extra": dict}  # columns that are JSON in the table, and in a job's record what they are
NEEDED = ("task", "language", "model", "intermediate", "noise", "level", "noise_seed", "seed", "status")
_SLACK = 1e-9  # of a score that is a sum of floats
_INT64 = range(-(2**63), 2**63)


def problem(row: Mapping[str, Any]) -> str | None:
    """What is wrong with a row, in words; None when a job can have written it.

    Values have the types of SCHEMA, those of NESTED are parsed. NaN stands for what was not measured, but for no score.
    """
    for field in SCHEMA:
        value = row.get(field.name)
        if value is not None and not _is(value, NESTED.get(field.name) or field.type):
            return f"{field.name} is {value!r:.80}, not {_words(field)}"
    for name in NEEDED:
        if row.get(name) is None:
            return f"it has no {name}"
    if row["status"] not in STATUSES:
        return f"it has status {row['status']!r:.80}, not one of {', '.join(STATUSES)}"
    if not 0 <= row["level"] <= 1:
        return f"level is {row['level']}, not a share from 0 to 1"
    if (row["level"] == 0) != (row["noise"] == CLEAN):
        return (
            f"level is {row['level']:g} and noise is {row['noise']!r:.80}: what is clean has level 0, and nothing else"
        )
    if row["status"] == "ok":
        return _unfinished(row)
    return None


def _unfinished(row: Mapping[str, Any]) -> str | None:
    score = row.get("score")
    if score is None or not -_SLACK <= score <= 1 + _SLACK:  # nan is neither
        return f"score is {score}, not a share from 0 to 1, and its status is ok"
    if not row.get("cell"):
        return "it has no cell (the digest of its predictions), and its status is ok"
    wrong = [name for name, value in (row.get("extra") or {}).items() if not number(value)]
    return f"extra holds no number for {wrong[0]!r:.80}" if wrong else None


def _is(value: Any, kind: Any) -> bool:
    if kind == pa.string():
        return isinstance(value, str)
    if kind == pa.bool_():
        return isinstance(value, bool)
    if kind == pa.int64():
        return type(value) is int and value in _INT64
    return number(value) if kind == pa.float64() else isinstance(value, kind)


def number(value: Any) -> bool:
    """Whether it is a number of a table: of 64 bits, and not infinite."""
    return not math.isinf(value) if type(value) is float else type(value) is int and value in _INT64


def _words(field: Any) -> str:
    if field.name in NESTED:
        return {list: "a list", dict: "names with their values"}[NESTED[field.name]]
    return {
        pa.string(): "text", pa.bool_(): "true or false", pa.int64(): "a whole number of 64 bits",
        pa.float64(): "a number",
    }[field.type]  # fmt: skip
