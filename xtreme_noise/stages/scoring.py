"""From the saved predictions of a cell to its scores: one file for the whole cell, one with a row per example."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise import metrics
from xtreme_noise.errors import DataError, NotFinite
from xtreme_noise.languages import main as main_language
from xtreme_noise.packs import Files
from xtreme_noise.record import SLACK
from xtreme_noise.store import write_atomic

RECORD = "record.json"
SCORES = "scores.parquet"
PREDICTIONS = "predictions.parquet"
FACTS = "facts.json"
FURTHER = "further: "  # prefix of columns with additional predictions, such as those from other layers
Table = Mapping[str, list[Any]]


def score(
    directory: Path, found: Files, clean: Files, name: str, language: str, clusters: Callable[[Table], list[str]]
) -> None:
    """Write RECORD and SCORES into `directory`. found, clean: the PREDICTIONS and FACTS of the cell and of the clean
    one; name: of the metric; clusters: for each row of the predictions, what it is resampled together with.

    Raises NotFinite and DataError for a score that cannot be one.
    """
    table = pq.read_table(io.BytesIO(found[PREDICTIONS])).to_pydict()
    facts = json.loads(found[FACTS])
    gold = [json.loads(truth) for truth in table["gold"]]
    metric = metrics.build(name, main_language(language), table.get("case"))
    scored = metric.score(table["prediction"], gold)
    if not np.isfinite([scored.score, *scored.extra.values(), *scored.num, *scored.den]).all():
        raise NotFinite(f"{metric.name} of {len(gold)} predictions has a nan or inf value; the score is {scored.score}")
    if not -SLACK <= scored.score <= 1 + SLACK:
        raise DataError(f"{metric.name} of {len(gold)} predictions is {scored.score:g}: a score must be from 0 to 1")
    before = pq.read_table(io.BytesIO(clean[PREDICTIONS])).to_pydict()
    unchanged = metrics.unique(before["id"], before["prediction"])
    flips = metric.flips(metrics.by_id(unchanged, table["id"]), table["prediction"], gold)
    pq.write_table(_examples(table, gold, scored, clusters(table)), directory / SCORES)
    further = {column: lines for column, lines in table.items() if column.startswith(FURTHER)}
    record = facts | {
        "metric": metric.name,
        "score": scored.score,
        "extra": scored.extra
        | {column.removeprefix(FURTHER): metric.score(lines, gold).score for column, lines in further.items()},
        "n": len(gold),
        "flip_rate": flips.changed,
        "right_to_wrong": flips.right_to_wrong,
        "wrong_to_right": flips.wrong_to_right,
    }
    write_atomic(directory / RECORD, json.dumps(record, ensure_ascii=False))


def _examples(table: Table, gold: Sequence[Any], scored: metrics.Scored, clusters: list[str]) -> pa.Table:
    """One row per example: its cluster for resampling, its scores, its prediction and its gold answer."""
    choices = {"choices": table["choices"]} if "choices" in table else {}  # needed for the chance level
    return pa.table(
        choices
        | {
            "id": table["id"],
            "cluster": clusters,
            "num": pa.array(scored.num, pa.float64()),
            "den": pa.array(scored.den, pa.float64()),
            "correct": pa.array(scored.correct, pa.bool_()),
            "prediction": table["prediction"],
            "gold": [truth if isinstance(truth, str) else " | ".join(truth) for truth in gold],
        }
    )
