"""The scores of all classes: stored apart from predictions, computed only where they are wanted and missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from tests.e2e.world import cells, choices, job, main
from tests.unit.tiny_modules import NLI, module, predictor
from xtreme_noise.commands.plan import survey
from xtreme_noise.config import compose
from xtreme_noise.errors import DataError, NotFinite
from xtreme_noise.modules.classification import ClassificationModule
from xtreme_noise.results.class_scores import ClassScores, read, write
from xtreme_noise.stages import fit
from xtreme_noise.stages.predictor import Predictor

TAGS = ("NOUN", "VERB", "X")
SENTENCES = [["a", "b", "birds"], ["x"] * 90, ["old trees", "c"]]
EXAMPLES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "classification": (("yes", "maybe", "no"), NLI),
    "multiple_choice": ((), {
        "text": [f"it rained {n}" for n in range(6)], "label": [0] * 6,
        "choices": [[f"choice {c}" for c in range(2 + n % 3)] for n in range(6)],
    }),
    "tagging": (TAGS, {"tokens": SENTENCES, "tags": [[0] * len(some) for some in SENTENCES]}),
}  # fmt: skip
ON = "task.class_scores=true"


def scored(tiny: Path, family: str, tokens: int = 256) -> tuple[Predictor, ClassScores, list[str]]:
    """A predictor, its class scores and its predictions."""
    labels, columns = EXAMPLES[family]
    some: Any = module(tiny, family, labels).eval()
    some.keep_scores = True
    found = predictor(some, tokens)
    predictions = found.predict(columns)
    ids = [str(n) for n in range(len(predictions))]
    return found, ClassScores(ids, found.class_scores(columns), labels or None), predictions


# --- what a module gives


@pytest.mark.parametrize("family", EXAMPLES)
def test_they_are_those_of_the_predictions(family: str, tiny: Path, tmp_path: Path) -> None:
    found, scores, predictions = scored(tiny, family)
    plain = predictor(module(tiny, family, EXAMPLES[family][0]).eval())
    assert plain.predict(EXAMPLES[family][1]) == predictions, "the same with and without"
    assert found.remembered() == plain.remembered()
    predicted = scores.table[np.arange(len(scores.table)), scores.places(predictions)]
    assert (predicted == scores.table.max(axis=1)).all(), "two classes may be equal in half precision"
    write(tmp_path / "s.parquet", scores)
    again = read(tmp_path / "s.parquet")
    assert again.ids == list(scores.ids) and (again.table == scores.table).all()
    assert again.classes == (list(scores.classes) if scores.classes else None)
    again.check(predictions)


def test_one_for_each_token_in_every_window(tiny: Path) -> None:
    """90 tokens do not fit into 64 subwords: each has scores, in order."""
    _, scores, predictions = scored(tiny, "tagging")
    assert [len(some) for some in scores.scores] == [9, 270, 6]
    assert scores.owner.tolist() == [0] * 3 + [1] * 90 + [2] * 2
    assert len(scores.places(predictions)) == 95


def test_choices_of_different_numbers(tiny: Path) -> None:
    _, scores, _ = scored(tiny, "multiple_choice")
    assert scores.table.shape == (6, 4) and np.isneginf(scores.table).sum(axis=1).tolist() == [2, 1, 0, 2, 1, 0]
    assert np.exp(scores.table).sum(axis=1) == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("family", EXAMPLES)
def test_batches_do_not_change_them(family: str, tiny: Path) -> None:
    _, small, _ = scored(tiny, family, tokens=64)
    _, large, _ = scored(tiny, family, tokens=10_000)
    assert small.table == pytest.approx(large.table, abs=2e-3)


@pytest.mark.parametrize("family", EXAMPLES)
def test_nan_is_refused(family: str, tiny: Path) -> None:
    labels, columns = EXAMPLES[family]
    some: Any = module(tiny, family, labels).eval()
    some.keep_scores = True
    with torch.no_grad():
        for weight in some.model.parameters():
            weight.fill_(float("nan"))
    with pytest.raises(NotFinite, match="nan or inf"):
        predictor(some).class_scores(columns)


def test_they_are_the_logarithm_of_the_softmax(tiny: Path) -> None:
    found, scores, _ = scored(tiny, "classification")
    logits = [value for (value,) in found.values(NLI)]
    assert scores.table == pytest.approx(torch.tensor(logits).double().log_softmax(-1).numpy(), rel=2**-11)


# --- files


def some(count: int = 5010, width: int = 3, seed: int = 0) -> ClassScores:
    logits = torch.from_numpy(np.random.default_rng(seed).normal(size=(count, width)) * 3)
    rows = logits.log_softmax(-1).half().numpy()
    return ClassScores([str(n) for n in range(count)], list(rows), [f"label {n}" for n in range(width)])


def test_a_file_is_small(tmp_path: Path) -> None:
    write(tmp_path / "s.parquet", some())
    assert (tmp_path / "s.parquet").stat().st_size / 5010 < 8.5
    first = (tmp_path / "s.parquet").read_bytes()
    write(tmp_path / "s.parquet", some())
    assert (tmp_path / "s.parquet").read_bytes() == first


def _spoilt(path: Path, change: Any) -> None:
    table = pq.read_table(path)
    pq.write_table(change(table), path)


def _column(table: pa.Table, values: Any, kind: Any = pa.float16()) -> pa.Table:  # noqa: B008
    return table.set_column(1, "log_probabilities", pa.array(values, pa.list_(kind)))


ROW = np.log(np.array([0.25, 0.25, 0.5])).astype(np.float16)
NOT_A_NUMBER = np.array([np.nan, -0.1, -3], np.float16)
SPOILT: dict[str, Any] = {
    "nan": lambda t: _column(t, [ROW, NOT_A_NUMBER]),
    "probabilities, not logarithms": lambda t: _column(t, [np.exp(ROW), ROW]),
    "not of one": lambda t: _column(t, [ROW, ROW - np.float16(1)]),
    "too few": lambda t: _column(t, [ROW, ROW[:2]]),
    "none": lambda t: _column(t, [ROW, ROW[:0]]),
    "another type": lambda t: _column(t, [ROW.astype(float), ROW.astype(float)], pa.float64()),
    "no list": lambda t: t.set_column(1, "log_probabilities", pa.array(["a", "b"])),
    "no classes": lambda t: t.replace_schema_metadata({}),
    "no column": lambda t: t.drop_columns(["log_probabilities"]),
    "no rows": lambda t: t.slice(0, 0),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_file_that_is_no_class_scores(what: str, tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    write(path, ClassScores(["0", "1"], [ROW, ROW], ["a", "b", "c"]))
    assert len(read(path).table) == 2
    _spoilt(path, SPOILT[what])
    with pytest.raises(DataError, match=r"class_scores/s\.parquet"):
        read(path)


def test_a_file_that_is_not_there_or_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"class_scores/s\.parquet is missing"):
        read(tmp_path / "s.parquet")
    (tmp_path / "s.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        read(tmp_path / "s.parquet")


def test_scores_of_other_predictions() -> None:
    two = ClassScores(["0", "1"], [ROW, ROW], ["a", "b c", "d"])
    two.check(["d", "d"])
    with pytest.raises(DataError, match=r"not those of the stored predictions.* in 1 of 2"):
        two.check(["d", "b c"])
    for wrong in ("e", "d d", ""):
        with pytest.raises(DataError, match="class scores of 1 predictions"):
            two.check(["d", wrong])
    near = np.log(np.array([0.3, 0.33, 0.37])).astype(np.float16)
    ClassScores(["0"], [near], ["a", "b", "c"]).check(["b"])  # rounding may have changed the order


# --- studies

JOBS = {
    "xnli": ["task=xnli", "languages=[de]", "noise.levels=[0,0.2]"],
    "udpos": ["task=udpos", "languages=[de]", "noise.levels=[0,0.2]"],
    "xcopa": ["task=xcopa", "languages=[et]", "noise.levels=[0,0.2]", "task.first.size.train=12"],
}


@contextmanager
def counted() -> Iterator[list[int]]:
    """The number of inputs of each forward pass; nothing may be trained."""
    passes: list[int] = []
    real = Predictor._outputs

    def count(self: Predictor, features: Any) -> Any:
        passes.append(len(features))
        return real(self, features)

    with patch.object(Predictor, "_outputs", count), patch.object(fit, "fit", side_effect=AssertionError("trained")):
        yield passes


def _files(sweep: str, folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(sweep, folder).glob("*")}


@pytest.mark.parametrize("task", JOBS)
def test_they_are_computed_where_they_are_missing(task: str, root: Path) -> None:
    choices(root)
    main(root, *JOBS[task], "sweep=s")
    before, predictions = cells(Path("s")), _files("s", "predictions")
    assert not Path("s/class_scores").exists() and not Path("s/tables/calibration.csv").exists()
    with counted() as passes:
        main(root, *JOBS[task], ON, "sweep=s")
        assert passes, "predictions are there, scores are not"
        first = len(passes)
        main(root, *JOBS[task], ON, "sweep=s")
        main(root, *JOBS[task], "sweep=t")
        assert len(passes) == first, "neither with nor without"
    assert cells(Path("s")) == before == cells(Path("t"))
    assert _files("s", "predictions") == predictions == _files("t", "predictions")
    assert _files("s", "class_scores").keys() == predictions.keys() and not Path("t/class_scores").exists()
    for name in predictions:
        found, table = read(Path("s/class_scores", name)), pq.read_table(Path("s/predictions", name)).to_pydict()
        assert list(found.ids) == table["id"]
        predicted = found.table[np.arange(len(found.table)), found.places(table["prediction"])]
        assert predicted == pytest.approx(found.table.max(axis=1), abs=2e-3)
    assert Path("s/tables/calibration.csv").is_file() and not Path("t/tables/calibration.csv").exists()


def test_stored_with_them_from_the_start(root: Path) -> None:
    """One forward pass, with the same predictions; then a study needs only its further cells."""
    few, more = (
        ["task=xnli", "languages=[de]", "noise.levels=[0]"],
        ["task=xnli", "languages=[de]", "noise.levels=[0,0.2]"],
    )
    main(root, *few, "sweep=plain", "store=other")
    main(root, *few, ON, "sweep=s")
    assert _files("plain", "predictions") == _files("s", "predictions")
    with counted() as passes:
        main(root, *few, "sweep=t")
        assert not passes
        main(root, *more, ON, "sweep=s")
    assert sum(passes) <= 20, "the noisy cell alone"
    assert len(_files("s", "class_scores")) == 2


def test_a_model_that_does_not_give_the_stored_predictions(root: Path, store_path: Path) -> None:
    main(root, *JOBS["xnli"][:2], "noise.levels=[0]", "sweep=s")
    real = ClassificationModule.class_scores

    def other(self: Any, *values: Any) -> Any:
        sure = np.log(np.where(np.arange(3) == 0, 0.98, 0.01)).astype(np.float16)
        return [np.roll(sure, int(row.argmin())) for row in real(self, *values)]

    with patch.object(ClassificationModule, "class_scores", other):
        main(root, *JOBS["xnli"][:2], "noise.levels=[0]", ON, "sweep=t", code=1)
    [cell] = cells(Path("t"))
    assert cell["status"] == "error" and "not those of the stored predictions" in cell["error"]
    assert not [path for path in (store_path / "class_scores").iterdir() if path.is_dir()]
    main(root, *JOBS["xnli"][:2], "noise.levels=[0]", ON, "sweep=t")
    assert [cell["status"] for cell in cells(Path("t"))] == ["ok"]


def test_the_plan_counts_what_is_missing(root: Path) -> None:
    main(root, *JOBS["xnli"], "sweep=s")
    for words, there in (([], 2), ([ON], 0)):
        [work] = survey([job(root, *JOBS["xnli"], *words)]).cells.values()
        assert (work.total, work.there) == (2, there)


def test_one_command_for_tasks_with_and_without(root: Path) -> None:
    jobs = compose.jobs(["model=tiny", "source=files", f"source.root={root}", "task=xnli,xquad", ON], multirun=True)
    assert [job.task.name for job in jobs] == ["xnli", "xquad"]
