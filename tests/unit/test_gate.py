"""Arms that did not learn their intermediate task are marked; no number changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.sweep_factory import Spec, make
from xtreme_noise.record import CellRecord
from xtreme_noise.report import predictions
from xtreme_noise.report.gate import not_learned
from xtreme_noise.report.headline import headline
from xtreme_noise.report.page import page
from xtreme_noise.report.study import StudyResults, read_study
from xtreme_noise.report.tables import tables
from xtreme_noise.report.training import sizes
from xtreme_noise.sheets import sheet

SEEDS = (0, 1, 2)
LEARNED = {("nli/english", 0): 0.61, ("nli/english", 1): 0.6, ("nli/english", 2): 0.64,
           ("nli/multilingual", 0): 0.52, ("nli/multilingual", 1): 0.463, ("nli/multilingual", 2): 0.7}  # fmt: skip
SAID = "nli/multilingual did not learn nli (accuracy 0.46 < 0.6 in 2 of 3 seeds)"


def stage(digest: str, parent: str = "", **more: Any) -> dict[str, str]:
    """A row of tables/stages.csv."""
    row = {"digest": digest, "parent_digest": parent, "role": "intermediate", "stage": "nli/english",
           "kind": "nli", "dev_metric": "accuracy"} | more  # fmt: skip
    return {name: str(value) for name, value in row.items()}


def trained(sweep: Path, gate: float | str) -> Path:
    """The study with a record of its stages: what the arms learned is LEARNED."""
    table = pq.read_table(sweep / "cells.parquet")
    names = [f"{row['intermediate']} {row['seed']}" for row in table.select(["intermediate", "seed"]).to_pylist()]
    column = pa.array([f"target {name}" for name in names])
    pq.write_table(table.set_column(table.column_names.index("stage"), "stage", column), sweep / "cells.parquet")
    rows = [stage(f"target {name}", name, role="target", stage="xnli") for name in sorted(set(names))]
    rows += [stage(f"{arm} {seed}", stage=arm, dev_score=score, gate=gate) for (arm, seed), score in LEARNED.items()]
    (sweep / "tables").mkdir()
    (sweep / "tables" / "stages.csv").write_text(sheet(list(rows[-1]), rows), encoding="utf-8")
    return sweep


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, StudyResults]:
    """With a gate, and without one."""
    spec = Spec(items=40, languages=("en", "de", "sw"), noises=("char",), levels=(0.2,), seeds=SEEDS, seed_sd=0.02)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "RESAMPLES", 199)
        return {
            str(gate): read_study(trained(make(tmp_path_factory.mktemp("s") / "s", spec), gate)) for gate in (0.6, "")
        }


def test_comparisons_with_an_arm_below_its_gate_are_marked(studies: Mapping[str, StudyResults]) -> None:
    rows = list(csv.DictReader(io.StringIO(tables(studies["0.6"])["effects.csv"])))
    said = {(row["arm"], row["reference"]): row["below_gate"] for row in rows}
    assert said["nli/multilingual", "nli/english"] == said["nli/multilingual", "none"] == SAID
    assert said["nli/english", "none"] == ""


def test_the_answer_and_the_page_say_so_and_no_number_changes(studies: Mapping[str, StudyResults]) -> None:
    gated, free = studies["0.6"], studies[""]
    assert [replace(effect, below_gate=()) for effect in gated.effects] == free.effects
    assert headline(gated).paragraph.count(SAID) == headline(gated).lines[0].count(SAID) == 1
    assert headline(gated).paragraph.replace(f"; {SAID}", "") == headline(free).paragraph
    html = page(gated, "", "digest", [])
    assert "did not learn nli (accuracy 0.46 &lt; 0.6 in 2 of 3 seeds)" in html
    assert "accuracy 52.0 (below 60), accuracy 46.3 (below 60), accuracy 70.0" in html
    assert "did not learn" not in page(free, "", "digest", []) and "below 60" not in page(free, "", "digest", [])


def cell(digest: str, seed: int = 0, status: str = "ok") -> CellRecord:
    return CellRecord(
        task="xnli", language="de", model="m", intermediate="chain/english", kind="chain", arm="english",
        noise="clean", level=0.0, noise_seed=0, seed=seed, status=status, cell="c", stage=digest,
    )  # fmt: skip


def test_every_stage_of_a_chain_has_its_own_gate() -> None:
    line = [
        stage("t", "b", role="target"),
        stage("b", "a", stage="qa/english", kind="qa", dev_metric="squad_f1", dev_score=0.5, gate=0.55),
        stage("a", dev_score=0.59, gate=0.6),
    ]
    arm = ("xnli", "m", "chain/english")
    assert not_learned([cell("t"), cell("t")], line) == {
        arm: "did not learn qa (squad_f1 0.50 < 0.55) and nli (accuracy 0.59 < 0.6)"
    }
    at_it = [*line[:2], stage("a", dev_score=0.6, gate=0.6)]
    assert not_learned([cell("t")], at_it) == {arm: "did not learn qa (squad_f1 0.50 < 0.55)"}


@pytest.mark.parametrize(
    "line",
    [
        [],
        [stage("a", dev_score=0.5)],
        [stage("a", gate=0.6)],
        [stage("a", dev_score="nan", gate=0.6)],
        [stage("a", "a", dev_score=0.7, gate=0.6)],
        [stage("other", dev_score=0.5, gate=0.6)],
    ],
)
def test_what_is_not_recorded_is_not_marked(line: list[dict[str, str]]) -> None:
    assert not_learned([cell("a"), cell("", 1)], line) == {}
    assert not_learned([cell("a", status="error")], [stage("a", dev_score=0.1, gate=0.6)]) == {}


def test_what_was_learned_stands_against_the_gate() -> None:
    line = stage("a", dev_score=0.594, gate=0.6)
    assert sizes([line])[0].endswith("learned (dev): accuracy 59.4 (below 60)")
