"""The base class of task families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

Row = dict[str, Any]


@dataclass(frozen=True)
class NoiseField:
    """A value of noise.field. columns: those that get noise; how: a name in HANDLERS of noise/apply.py."""

    columns: tuple[str, ...]
    how: str = "texts"


class TaskFamily:
    """One family of tasks: the normal form of its examples, and its properties.

    A subclass sets what differs; its module has an instance called `family`.
    """

    name: ClassVar[str]
    module: ClassVar[str]  # its Lightning module, "package.module:Class", imported when a model is loaded
    # The base class of that module which makes its features and imports no torch; None: only the module makes them.
    features: ClassVar[str | None] = None
    noise_fields: ClassVar[Mapping[str, NoiseField]]
    metrics: ClassVar[tuple[str, ...]] = ()  # metrics of its predictions
    guessed: ClassVar[tuple[str, ...]] = ()  # metrics whose chance level is not about 0
    predictions_file: ClassVar[str | None] = None  # a name in FORMATS of interchange/layout.py
    identity: ClassVar[tuple[str, ...]] = ()  # columns by which two examples are the same
    paragraphs: ClassVar[tuple[str, ...]] = ()  # columns with paragraphs that data of other families may contain too
    together: ClassVar[str | None] = None  # a column: test examples that share its value are one source item
    head: ClassVar[bool] = False  # predicts with a trained head
    own_head: ClassVar[str | None] = None  # the end of the names of transformers' classes with such a head
    strided: ClassVar[bool] = False  # windows overlap, as the recipe says, and have its length
    labelled: ClassVar[bool] = False  # uses the `labels` of a task
    least_labels: ClassVar[int] = 0  # minimum number of labels
    pooled: ClassVar[bool] = False  # has a candidate pool, in a split `pool`
    vectors: ClassVar[bool] = False  # a text becomes one vector: uses model.prefix and model.pooling
    class_scores: ClassVar[bool] = False  # a prediction is one of a fixed set of classes, or of choices, with scores
    nearest: ClassVar[bool] = False  # a prediction is searched among candidates, which have ids
    layers: ClassVar[bool] = False  # vectors of any layer: uses model.retrieval_layer
    whole_batches: ClassVar[bool] = False  # the loss of an example depends on the others in its batch
    pretraining: ClassVar[bool] = False  # only for intermediate stages, without labels
    windows: ClassVar[bool] = False  # a long example becomes several model inputs

    def check(self, row: Mapping[str, Any], labels: Sequence[str], where: str) -> Row:
        """A row in normal form. Raises DataError, with its place."""
        raise NotImplementedError

    def identify(self, example: Mapping[str, Any]) -> str:
        """A string that is the same for equal examples; "" for an example that cannot leak."""
        parts = [example[column] for column in self.identity if example.get(column) is not None]
        return "\x1f".join(" ".join(part) if isinstance(part, list) else str(part) for part in parts)

    def guess(self, metric: str, table: Mapping[str, Sequence[Any]]) -> float | None:
        """The chance level: the share that is right without the input, from the columns of saved predictions (gold,
        choices, cluster), for a metric of `guessed`; None when it is not known.
        """
        raise NotImplementedError
