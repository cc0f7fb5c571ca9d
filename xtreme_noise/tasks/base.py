"""What a task family says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

Row = dict[str, Any]


@dataclass(frozen=True)
class NoiseField:
    """A choice of noise.field. columns: those that get noise; how: a name in HANDLERS of noise/apply.py."""

    columns: tuple[str, ...]
    how: str = "texts"


class TaskFamily:
    """One family of tasks: the normal form of its examples, and what may be asked of it.

    A subclass sets what differs; an object of it is `family` in its module.
    """

    name: ClassVar[str]
    module: ClassVar[str]  # its Lightning module, "package.module:Class", loaded when a model is
    noise_fields: ClassVar[Mapping[str, NoiseField]]
    metrics: ClassVar[tuple[str, ...]] = ()  # those that read its predictions
    guessed: ClassVar[tuple[str, ...]] = ()  # those in which a guess is right more often than next to never
    predictions_file: ClassVar[str | None] = None  # a name in FORMATS of interchange/layout.py
    identity: ClassVar[tuple[str, ...]] = ()  # columns by which two examples are the same
    paragraphs: ClassVar[tuple[str, ...]] = ()  # columns of paragraphs that may be in data of other families too
    together: ClassVar[str | None] = None  # a column: examples that share it are one source item of the test set
    head: ClassVar[bool] = False  # predicts with a head, which is trained
    labelled: ClassVar[bool] = False  # `labels` of a task are read
    least_labels: ClassVar[int] = 0  # as many labels at least
    pooled: ClassVar[bool] = False  # has candidates of its own, in a split `pool`
    vectors: ClassVar[bool] = False  # a text becomes one vector: model.prefix and model.pooling are read
    layers: ClassVar[bool] = False  # vectors of any layer: model.retrieval_layer is read
    whole_batches: ClassVar[bool] = False  # the loss of an example depends on the others of its batch
    pretraining: ClassVar[bool] = False  # of intermediate stages alone: nothing is labelled
    windows: ClassVar[bool] = False  # a long example is several model inputs

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        """A row in normal form. Raises DataError that says where."""
        raise NotImplementedError

    def identify(self, example: Mapping[str, Any]) -> str:
        """What two equal examples share, as one string; "" for an example that cannot leak."""
        parts = [example[column] for column in self.identity if example.get(column) is not None]
        return "\x1f".join(" ".join(part) if isinstance(part, list) else str(part) for part in parts)

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        """The share that is right without looking at the input, by predictions as they are saved (gold, choices,
        cluster), in a metric of `guessed`; None where it is not known.
        """
        raise NotImplementedError
