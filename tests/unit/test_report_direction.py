"""An error rate in the report: the score is what it is, and what noise takes away is measured on what is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.sweep_factory import Spec, make
from xtreme_noise import metrics
from xtreme_noise.analysis.direction import LOWER_IS_BETTER, rightness
from xtreme_noise.report import predictions
from xtreme_noise.report.study import read_study

pytestmark = pytest.mark.pictures

SPEC = Spec(tasks={"xquad": "qa"}, languages=("en", "de", "ar"), noises=("char",), items=60)


def turned(sweep: Path) -> Path:
    """The same sweep with an error rate as its metric: of every example what was wrong."""
    table = pq.read_table(sweep / "cells.parquet")
    rows: list[dict[str, Any]] = table.to_pylist()
    for row in rows:
        path = sweep / "predictions" / f"{row['cell']}.parquet"
        examples = pq.read_table(path)
        wrong = pa.array(examples["den"].to_numpy() - examples["num"].to_numpy())
        pq.write_table(examples.set_column(examples.column_names.index("num"), "num", wrong), path)
        row |= {"metric": "error_rate", "score": 1 - row["score"]}
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), sweep / "cells.parquet")
    return sweep


def test_measures_are_those_of_the_right_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "RESAMPLES", 99)
    share, error = (read_study(path) for path in (make(tmp_path / "a", SPEC), turned(make(tmp_path / "b", SPEC))))
    assert not share.problems and not error.problems
    assert len(share.points) == len(error.points) > 5
    for one, other in zip(share.points, error.points, strict=True):
        assert number(other.score.value) == pytest.approx(1 - number(one.score.value))
        assert number(other.score.low) == pytest.approx(1 - number(one.score.high))
        for name in ("drop", "drop_rate", "retention_area"):
            mine, theirs = getattr(one, name), getattr(other, name)
            for bound in ("value", "low", "high"):
                assert getattr(theirs, bound) == pytest.approx(getattr(mine, bound), abs=1e-9), (name, bound)
        assert other.cross_lingual_gap == pytest.approx(one.cross_lingual_gap)
    assert max(number(point.drop.value) for point in error.points) > 0.05, "noise hurts, and a drop says so"
    for a, b in zip(share.places, error.places, strict=True):
        assert b.drop == pytest.approx(a.drop) and b.drop_rate == pytest.approx(a.drop_rate)
    for first, second in zip(share.contrasts, error.contrasts, strict=True):
        sign = -1 if first.measure == "score" else 1
        assert number(second.difference.value) == pytest.approx(sign * number(first.difference.value), abs=1e-9)


def number(value: float | None) -> float:
    assert value is not None
    return value


def test_the_direction_of_every_metric_is_known() -> None:
    assert {name for name in metrics.names() if not metrics.build(name).higher_is_better} == LOWER_IS_BETTER
    assert rightness("error_rate", 0.2) == pytest.approx(0.8) and rightness("accuracy", 0.2) == pytest.approx(0.2)
    assert np.array_equal(rightness("error_rate", np.array([0.0, 1.0])), [1.0, 0.0])
    assert rightness(None, 0.3) == pytest.approx(0.3)
