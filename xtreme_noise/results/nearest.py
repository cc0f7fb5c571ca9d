"""The nearest candidates of a cell whose task is a search: class_scores/<cell>.parquet, beside its predictions.

One row per example, in the order of the predictions: id, and nearest, the ids of the DEPTH best candidates (or of all,
where there are fewer), best first. The metadata of the file hold `candidates`, how many there are to search.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise.errors import DataError
from xtreme_noise.results.class_scores import CLASS_SCORES, read_table

DEPTH = 20
_COLUMN = "nearest"


@dataclass(frozen=True)
class Nearest:
    """ids: of the examples; ranked: their nearest candidates, best first, equally many of each; candidates: of the
    search.
    """

    ids: Sequence[str]
    ranked: Sequence[Sequence[str]]
    candidates: int

    def check(self, predictions: Sequence[str]) -> None:
        """Raise DataError unless these predictions, one for each example, can be of the same model and inputs.

        A prediction is the id of a candidate, or a JSON list of them, best first. Predictions and lists may be of two
        forward passes, on two machines, and rounding may change the order of two candidates that are equally near.
        """
        firsts = [json.loads(one)[:1] if one.startswith("[") else [one] for one in predictions]
        strange = sum(not set(first) <= set(ranked) for first, ranked in zip(firsts, self.ranked, strict=True))
        if strange:
            raise DataError(
                f"the nearest candidates are not those of the stored predictions: in {strange} of {len(firsts)} the "
                "predicted one is not among them"
            )


def write(path: Path, found: Nearest) -> None:
    """Write the file. Ids are kept once, as many queries have the same candidates among their nearest."""
    flat = pa.array([name for ranked in found.ranked for name in ranked], pa.string()).dictionary_encode()
    ends = np.cumsum([0, *map(len, found.ranked)], dtype=np.int32)
    lists = pa.ListArray.from_arrays(pa.array(ends), flat)
    table = pa.table({"id": pa.array(found.ids, pa.string()), _COLUMN: lists})
    pq.write_table(
        table.replace_schema_metadata({"candidates": str(found.candidates)}), path,
        compression="zstd", use_dictionary=[f"{_COLUMN}.list.element"],
    )  # fmt: skip


def read(path: Path) -> Nearest:
    """Raises DataError when the file is missing or damaged, or has no nearest candidates."""
    try:
        table = read_table(path)
        candidates = int((table.schema.metadata or {})[b"candidates"])
        ids, ranked = table["id"].to_pylist(), table[_COLUMN].to_pylist()
    except FileNotFoundError:
        raise DataError(f"{CLASS_SCORES}/{path.name} is missing") from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise DataError(f"{CLASS_SCORES}/{path.name} cannot be read: {error}") from error
    depth = min(DEPTH, candidates)
    if not ranked or any(some is None or len(set(some)) != depth or len(some) != depth for some in ranked):
        raise DataError(f"{CLASS_SCORES}/{path.name}: {_COLUMN} are not the {depth} nearest of {candidates} candidates")
    return Nearest(ids, ranked, candidates)
