"""The files with the scores of all classes of a cell: class_scores/<cell>.parquet, beside its predictions.

One row per example, in the order of the predictions:

    id                 as in the predictions
    log_probabilities  natural logarithms in half precision, in the order of the classes; of tagging, those of the
                       first token, then those of the second ...

The metadata of the file name the classes (a JSON list); in multiple choice there are none: the classes are the choices
of the example, from 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xtreme_noise.errors import DataError

CLASS_SCORES = "class_scores"  # the folder in a study, and the kind of artifact in the store
_COLUMN = "log_probabilities"
# Predictions and scores may be of two forward passes, on two machines: then the predicted class can be behind the best
# one by rounding, but not by more than this.
SLACK = 0.25
_SUM = 0.01  # how much the probabilities of half precision may miss a sum of 1


@dataclass(frozen=True)
class ClassScores:
    """ids: of the examples; scores: the log-probabilities of each, in one row; classes: None in multiple choice.

    A prediction is that of an example or, in tagging, of a token.
    """

    ids: Sequence[str]
    scores: Sequence[NDArray[np.float16]]
    classes: Sequence[str] | None

    @cached_property
    def owner(self) -> NDArray[np.intp]:
        """(predictions,) the number of the example that each belongs to."""
        sizes = [len(scores) // len(self.classes) if self.classes else 1 for scores in self.scores]
        return np.repeat(np.arange(len(sizes)), sizes)

    @cached_property
    def table(self) -> NDArray[np.float64]:
        """(predictions, classes) log-probabilities; an example with fewer choices than others ends with -inf."""
        if self.classes:
            return np.concatenate(self.scores).astype(float).reshape(-1, len(self.classes))
        padded = np.full((len(self.scores), max(map(len, self.scores))), -np.inf)
        for row, scores in zip(padded, self.scores, strict=True):
            row[: len(scores)] = scores
        return padded

    def places(self, answers: Sequence[str]) -> NDArray[np.intp]:
        """(predictions,) the positions of the classes that answers name: one answer for each example, as in the columns
        `prediction` and `gold`. Raises DataError for an answer that is no class, or of another number of tokens.
        """
        found = [
            place for scores, answer in zip(self.scores, answers, strict=True) for place in self._of(scores, answer)
        ]
        return np.array(found, dtype=np.intp)

    def _of(self, scores: NDArray[np.float16], answer: str) -> list[int]:
        known = self._known or {str(number): number for number in range(len(scores))}
        names = [answer] if len(scores) == len(known) else answer.split()
        if len(names) * len(known) != len(scores) or any(name not in known for name in names):
            raise DataError(f"there are class scores of {len(scores) // len(known)} predictions for {answer!r:.80}")
        return [known[name] for name in names]

    @cached_property
    def _known(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.classes or ())}

    def check(self, predictions: Sequence[str]) -> None:
        """Raise DataError unless these predictions, one for each example, can be of the same model and inputs."""
        predicted = self.table[np.arange(len(self.table)), self.places(predictions)]
        behind = int((predicted < self.table.max(axis=1) - SLACK).sum())
        if behind:
            raise DataError(
                f"the class scores are not those of the stored predictions: another class is clearly better than the "
                f"predicted one in {behind} of {len(self.table)}"
            )


def write(path: Path, found: ClassScores) -> None:
    """Write the file. First bytes and second bytes of numbers lie apart, which compresses better."""
    ends = np.cumsum([0, *map(len, found.scores)], dtype=np.int32)
    lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(found.scores), pa.float16()))
    table = pa.table({"id": pa.array(found.ids, pa.string()), _COLUMN: lists})
    pq.write_table(
        table.replace_schema_metadata({"classes": json.dumps(found.classes, ensure_ascii=False)}),
        path, compression="zstd", use_dictionary=False,
        column_encoding={f"{_COLUMN}.list.element": "BYTE_STREAM_SPLIT"},
    )  # fmt: skip


def read_table(path: Path) -> pa.Table:
    """A small file, whole, and checked."""
    with pa.OSFile(str(path)) as opened, pq.ParquetFile(opened) as file:  # quicker than by name
        table = file.read(use_threads=False)
    table.validate(full=True)
    return table


def read(path: Path) -> ClassScores:
    """Raises DataError when the file is missing or damaged, or has no log-probabilities of classes."""
    try:
        table = read_table(path)
        classes = json.loads((table.schema.metadata or {})[b"classes"])
        ids, lists = table["id"].to_pylist(), table[_COLUMN].combine_chunks()
        ends, flat = lists.offsets.to_numpy(), lists.values.to_numpy(zero_copy_only=False)
    except FileNotFoundError:
        raise DataError(f"{CLASS_SCORES}/{path.name} is missing") from None
    except (OSError, ValueError, KeyError, AttributeError, pa.ArrowException) as error:
        raise DataError(f"{CLASS_SCORES}/{path.name} cannot be read: {error}") from error
    found = ClassScores(ids, [flat[start:end] for start, end in pairwise(ends)], classes)
    if not _valid(found, flat):
        raise DataError(f"{CLASS_SCORES}/{path.name}: {_COLUMN} are not the log-probabilities of classes")
    return found


def _valid(found: ClassScores, flat: NDArray[np.float16]) -> bool:
    sizes = [len(found.classes) if found.classes else len(scores) for scores in found.scores]
    if (
        flat.dtype != np.float16
        or not sizes
        or not all(
            size > 1 and len(scores) and not len(scores) % size
            for size, scores in zip(sizes, found.scores, strict=True)
        )
    ):
        return False
    if not (flat <= _SUM).all():  # also of nan, and before exp
        return False
    return bool((np.abs(np.exp(found.table).sum(axis=1) - 1) < _SUM).all())
