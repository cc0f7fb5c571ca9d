"""The base class of metrics: per-example scores, an aggregate, additional named values, and flips against clean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from xtreme_noise.errors import DataError


@dataclass
class Scored:
    """Scores of one cell. `num`, `den`: per-example numerators and denominators; score = sum(num) / sum(den)."""

    score: float
    num: list[float]
    den: list[float]
    correct: list[bool | None]  # None when an example as a whole is neither right nor wrong
    extra: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Flips:
    """Shares, in [0, 1], of decisions that noise changed: in any way, from right to wrong, from wrong to right."""

    changed: float
    right_to_wrong: float
    wrong_to_right: float


class Metric(ABC):
    """Scores predictions against gold answers. Both are text: a label, tags joined by spaces, an answer, an id."""

    name: ClassVar[str]
    version: ClassVar[int] = 1
    cutoff: ClassVar[int | None] = None  # of a ranking: how many candidates count; None: all
    higher_is_better: ClassVar[bool] = True
    families: ClassVar[tuple[str, ...]] = ()  # only for metrics of other packages: the task families that may use it

    def __init__(self, language: str | None = None, cases: Sequence[str] | None = None) -> None:
        self.language = language  # of the answers, for metrics whose rules depend on it
        self.cases = cases  # the case of each example, for metrics that count cases

    @abstractmethod
    def score(self, predictions: Sequence[str], gold: Sequence[Any]) -> Scored:
        """Scores of predictions against gold, in the same order. Raises DataError for unequal lengths."""

    def decisions(self, prediction: str, gold: Any) -> list[tuple[str, bool]]:
        """(decision, whether it is right) for one example: a single decision, unless the metric splits it."""
        return [(prediction, prediction == gold)]

    def flips(self, clean: Sequence[str], noisy: Sequence[str], gold: Sequence[Any]) -> Flips:
        """How decisions changed from clean to noisy input on the same examples."""
        total = changed = lost = won = 0
        for before, after, truth in zip(clean, noisy, gold, strict=True):
            pairs = zip(self.decisions(before, truth), self.decisions(after, truth), strict=True)
            for (old, was_right), (new, is_right) in pairs:
                total += 1
                changed += old != new
                lost += was_right and not is_right
                won += is_right and not was_right
        return Flips(changed / total, lost / total, won / total)


def same_length(predictions: Sequence[Any], gold: Sequence[Any]) -> None:
    """Raises DataError unless there is one prediction for each gold answer, and at least one."""
    if len(predictions) != len(gold) or not gold:
        raise DataError(f"{len(predictions)} predictions for {len(gold)} gold answers")


def unique(identifiers: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """id -> value. Raises DataError for unequal lengths and for an id that occurs twice."""
    if len(identifiers) != len(values):
        raise DataError(f"{len(values)} values for {len(identifiers)} ids")
    by_identifier = dict(zip(identifiers, values, strict=True))
    if len(by_identifier) < len(identifiers):
        twice = next(name for name, count in Counter(identifiers).items() if count > 1)
        raise DataError(f"id {twice!r} occurs twice; ids must be unique")
    return by_identifier


def by_id(rows: Mapping[str, Any], identifiers: Sequence[str]) -> list[Any]:
    """Values in the order of `identifiers`. Raises DataError for missing, duplicate and unknown ids."""
    unique(identifiers, identifiers)
    missing, foreign = set(identifiers) - set(rows), set(rows) - set(identifiers)
    if missing or foreign:
        raise DataError(f"ids differ: missing {sorted(missing)[:3]}, unknown {sorted(foreign)[:3]}")
    return [rows[identifier] for identifier in identifiers]
