"""The base class of features: from examples to model inputs, with a tokenizer and without a model.

Does not import torch: mode=plan counts features, and must be quick.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

    from xtreme_noise.data.batching import Feature

Unit = Hashable
Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Limits:
    """Lengths in subword tokens, special tokens included; `stride`: overlap of neighbouring QA windows."""

    max_length: int
    stride: int = 128


class Features:
    """What a task family makes of examples in normal form; its Lightning module has it as a base class."""

    tokenizer: Any
    limits: Limits
    prefix: str
    passage_prefix: str

    @classmethod
    def alone(cls, tokenizer: Any, limits: Limits, prefix: str, passage_prefix: str) -> Self:
        """Without a Lightning module."""
        made = cls()
        made.tokenizer, made.limits, made.prefix, made.passage_prefix = tokenizer, limits, prefix, passage_prefix
        return made

    def training_features(self, columns: Columns) -> list[Feature]:
        """Features with labels for a batch of examples in normal form; never truncates silently."""
        raise NotImplementedError

    @cached_property
    def frame(self) -> tuple[list[int], list[int]]:
        """The special tokens before and after a single input."""
        encoding = self.tokenizer("a", return_special_tokens_mask=True)
        ids, special = encoding["input_ids"], encoding["special_tokens_mask"]
        first, last = special.index(0), len(special) - special[::-1].index(0)
        return ids[:first], ids[last:]

    @staticmethod
    def tokens(feature: Feature) -> int:
        """Subword tokens of a training feature."""
        return len(feature["input_ids"])


def plain(encoding: Any, row: int, names: Sequence[str]) -> Feature:
    """One row of a tokenizer's batch as lists of ints, with only the model's inputs."""
    return {name: list(encoding[name][row]) for name in names if name in encoding}
