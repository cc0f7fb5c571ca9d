"""The record of a cell: one type for evaluation, the job's record, cells.parquet, the report and exports.

To add a field, add it here and fill it where it is measured (stages/evaluate.py).
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STATUSES = ("ok", "error", "missing", "n/a")
ABSENT = "not run"  # planned, but without a record: not run yet, or killed
CLEAN = "clean"
SLACK = 1e-9  # tolerance for scores, which are sums of floats
_INT64 = range(-(2**63), 2**63)


def layer_name(layer: int, pooling: str) -> str:
    """The name, in `extra`, of a cell's score at one layer (hidden state; 0: the embeddings) with one pooling."""
    return f"layer {layer} {pooling}"


@dataclass(frozen=True, kw_only=True)
class CellRecord:
    """One cell with its results. Scores, rates and levels are fractions; None where nothing was measured."""

    cell: str = ""  # digest of everything that the result depends on; the name of its predictions file
    task: str
    family: str = ""
    language: str
    language_name: str = ""
    script: str = ""
    model: str
    intermediate: str
    kind: str  # of intermediate task: what its arms have in common
    arm: str
    train_noise: str | None = None
    train_language: str | None = None  # of the target's training data; None: the target is not trained
    seen: bool | None = None
    noise: str
    level: float
    noise_seed: int
    seed: int
    metric: str | None = None
    score: float | None = None
    n: int | None = None  # examples
    test_size: int | None = None  # the requested sample size of the test set; None: the whole set
    limit: int | None = None  # of a trial, whose scores mean nothing: the most examples of any data set
    achieved: float | None = None
    changed: float | None = None
    word_change_rate: float | None = None
    fertility: float | None = None
    flip_rate: float | None = None
    right_to_wrong: float | None = None
    wrong_to_right: float | None = None
    capacity: float | None = None
    status: str = ABSENT
    error: str | None = None
    seconds: float | None = None
    forward_tokens: int | None = None
    forward_seconds: float | None = None
    noise_seconds: float | None = None
    token_change_rate: float | None = None
    windows: int | None = None
    calibrated_by: str | None = None
    saturated: bool | None = None
    label_preserving: bool | None = None
    stage: str | None = None  # digest of the last trained stage; None: the pretrained model
    shots: int | None = None  # few-shot examples of the language; None: zero-shot
    sampling: str | None = None  # how they were chosen
    zero_shot_task: str | None = None  # `task` before few-shot training; None: `task` is zero-shot
    hardware: str | None = None  # kind of machine that computed the predictions
    precision: str | None = None  # of inference
    signature: str | None = None
    thresholds: list[float] | None = field(default=None, hash=False)  # of bitext mining
    samples: list[dict[str, Any]] | None = field(default=None, hash=False)
    extra: dict[str, float] | None = field(default=None, hash=False)  # additional values, by name

    @property
    def sampled(self) -> bool:
        """Whether the score is over a sample of the test set; a test set smaller than the sample size is used whole."""
        return self.test_size is not None and (self.n is None or self.n >= self.test_size)

    @property
    def identity(self) -> tuple[str, str, str, str, str, float, int | None, int]:
        """The fields that identify a cell within a study. The noise seed of a clean cell has no meaning."""
        noise_seed = None if self.noise == CLEAN else self.noise_seed
        return (
            self.task, self.model, self.intermediate, self.language, self.noise, self.level, noise_seed, self.seed,
        )  # fmt: skip

    @property
    def place(self) -> tuple[str, str, float, int]:
        """The fields that identify a cell within its job."""
        return self.language, self.noise, self.level, self.noise_seed

    def values(self) -> dict[str, Any]:
        """The values that are set, by name."""
        values = {name: getattr(self, name) for name in FIELDS}
        return {name: value for name, value in values.items() if value not in (None, "")}

    @classmethod
    def of(cls, values: Mapping[str, Any], *, typed: bool = False) -> CellRecord:
        """The record with these values, unknown names ignored. Raises ValueError for invalid values.

        typed: the values are known to have the types of the fields, as those of a table's columns have.
        """
        if wrong := (None if typed else _mistyped(values)) or _senseless(values):
            raise ValueError(wrong)
        made = object.__new__(cls)  # the values are checked, and __init__ would take longer than the checks
        made.__dict__.update({name: value for name, value in values.items() if value is not None and name in FIELDS})
        return made


def _kind(hint: Any) -> type:
    without_none = typing.get_args(hint)[0] if isinstance(hint, types.UnionType) else hint
    kind: type = typing.get_origin(without_none) or without_none
    return kind


FIELDS = {name: _kind(hint) for name, hint in typing.get_type_hints(CellRecord).items()}
NEEDED = tuple(
    one.name
    for one in dataclasses.fields(CellRecord)
    if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
)
# Columns that tables of earlier versions lack.
LATER = (
    "seen", "train_language", "test_size", "forward_tokens", "windows", "thresholds", "stage", "shots", "sampling",
    "zero_shot_task", "hardware", "precision", "limit",
)  # fmt: skip


def _mistyped(values: Mapping[str, Any]) -> str | None:
    """The first value that its field cannot have. NaN means not measured."""
    for name, value in values.items():
        kind = FIELDS.get(name)
        if value is None or kind is None or type(value) is _SIMPLE.get(name):  # most values: the quick way
            continue
        if not _is(value, kind):
            return mistyped(name, value)
    return None


def _senseless(values: Mapping[str, Any]) -> str | None:
    """What is wrong with values of the right types. A score must not be NaN."""
    for name in (*NEEDED, "status"):
        if values.get(name) is None:
            return f"it has no {name}"
    if values["status"] not in STATUSES:
        return f"it has status {values['status']!r:.80}, not one of {', '.join(STATUSES)}"
    if not 0 <= values["level"] <= 1:
        return f"level is {values['level']}, not a share from 0 to 1"
    if (values["level"] == 0) != (values["noise"] == CLEAN):
        return (
            f"level is {values['level']:g} and noise is {values['noise']!r:.80}: clean cells, and only these, have "
            "level 0"
        )
    return _unfinished(values) if values["status"] == "ok" else None


def _unfinished(values: Mapping[str, Any]) -> str | None:
    score = values.get("score")
    if score is None or not -SLACK <= score <= 1 + SLACK:  # nan is neither
        return f"score is {score}, not a share from 0 to 1, and its status is ok"
    if not values.get("cell"):
        return "it has no cell (the digest of its predictions), and its status is ok"
    wrong = [name for name, value in (values.get("extra") or {}).items() if not number(value)]
    return f"extra has no number for {wrong[0]!r:.80}" if wrong else None


_WORDS = {
    str: "text", bool: "true or false", int: "a whole number of 64 bits", float: "a number", list: "a list",
    dict: "names with their values",
}  # fmt: skip

_SIMPLE = {name: kind for name, kind in FIELDS.items() if kind in (str, bool, list, dict)}  # every value is valid


def mistyped(name: str, value: Any) -> str:
    """The message about a value that its field cannot have."""
    return f"{name} is {value!r:.80}, not {_WORDS[FIELDS[name]]}"


def _is(value: Any, kind: type) -> bool:
    if kind is int:
        return type(value) is int and value in _INT64
    return number(value) if kind is float else isinstance(value, kind)


def number(value: Any) -> bool:
    """Whether it is a finite number of 64 bits, or NaN."""
    return not math.isinf(value) if type(value) is float else type(value) is int and value in _INT64
