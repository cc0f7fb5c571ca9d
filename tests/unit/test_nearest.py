"""The nearest candidates of tasks that search: stored with task.class_scores, beside the predictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.e2e.world import cells, main, sentence, write
from tests.unit.tiny_modules import module, predictor
from xtreme_noise.errors import DataError
from xtreme_noise.modules.dual_encoder import Candidates, DualEncoderModule
from xtreme_noise.results.nearest import DEPTH, Nearest, read
from xtreme_noise.results.nearest import write as write_nearest

COLUMNS: dict[str, Any] = {
    "id": [f"row {n}" for n in range(25)],
    "query": [f"the cat {'really ' * (n % 4)}saw {n} birds" for n in range(25)],
    "candidate": [f"{n} Vögel {'wirklich ' * (n % 3)}sah die Katze" for n in range(25)],
}


def ranked(queries: Any, candidates: Any, ids: list[str], depth: int) -> list[list[str]]:
    return [[ids[row] for row in np.argsort(-(one @ candidates.T), kind="stable")[:depth]] for one in queries]


def test_they_are_the_nearest_of_all_candidates(tiny: Path) -> None:
    found = predictor(module(tiny, "retrieval").eval())
    predicted = found.predict(COLUMNS)
    lists, count = found.nearest(COLUMNS, 7)
    queries, candidates = (
        np.stack([found._values[text][0] for text in COLUMNS[side]]) for side in ("query", "candidate")
    )
    assert lists == ranked(queries, candidates, COLUMNS["id"], 7) and count == 25
    assert [one[0] for one in lists] == predicted
    some: Any = module(tiny, "ranking").eval()
    assert isinstance(some, DualEncoderModule)
    searching = predictor(some)
    columns = {"id": COLUMNS["id"], "query": COLUMNS["query"], "relevant": [["c 0"]] * 25}
    some.candidates = Candidates([f"c {n}" for n in range(25)], candidates)
    lists, count = searching.nearest(columns, 30)
    assert count == 25 and {len(one) for one in lists} == {25}, "as many as there are"
    some.depth = 20
    assert [one[:20] for one in lists] == [json.loads(line) for line in searching.predict(columns)]


def some(count: int = 60, candidates: int = 200) -> Nearest:
    rng = np.random.default_rng(0)
    names = [f"candidate number {n}" for n in range(candidates)]
    lists = [[names[n] for n in rng.permutation(candidates)[: min(DEPTH, candidates)]] for _ in range(count)]
    return Nearest([str(n) for n in range(count)], lists, candidates)


@pytest.mark.parametrize("candidates", [200, 5])
def test_a_file_keeps_them_and_is_small(candidates: int, tmp_path: Path) -> None:
    wanted = some(2000, candidates)
    write_nearest(tmp_path / "n.parquet", wanted)
    assert read(tmp_path / "n.parquet") == wanted
    assert (tmp_path / "n.parquet").stat().st_size / 2000 < 30, "bytes of a query"
    first = (tmp_path / "n.parquet").read_bytes()
    write_nearest(tmp_path / "n.parquet", wanted)
    assert (tmp_path / "n.parquet").read_bytes() == first


SPOILT: dict[str, Any] = {
    "no metadata": lambda t: t.replace_schema_metadata({}),
    "no column": lambda t: t.drop_columns(["nearest"]),
    "no rows": lambda t: t.slice(0, 0),
    "another number of candidates": lambda t: t.replace_schema_metadata({"candidates": "12"}),
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_file_that_is_none(what: str, tmp_path: Path) -> None:
    path = tmp_path / "n.parquet"
    write_nearest(path, some())
    pq.write_table(SPOILT[what](pq.read_table(path)), path)
    with pytest.raises(DataError, match=r"class_scores/n\.parquet"):
        read(path)


def test_a_file_with_a_candidate_twice(tmp_path: Path) -> None:
    found = some()
    write_nearest(tmp_path / "n.parquet", Nearest(found.ids, [[one[0], *one[:-1]] for one in found.ranked], 200))
    with pytest.raises(DataError, match="are not the 20 nearest of 200 candidates"):
        read(tmp_path / "n.parquet")
    with pytest.raises(DataError, match=r"class_scores/m\.parquet is missing"):
        read(tmp_path / "m.parquet")


def test_those_of_other_predictions() -> None:
    two = Nearest(["0", "1"], [["a", "b"], ["c", "d"]], 4)
    two.check(["b", "c"])  # rounding may have changed the order
    two.check([json.dumps(["a", "z"]), json.dumps(["d"])])
    with pytest.raises(DataError, match=r"not those of the stored predictions: in 1 of 2"):
        two.check(["c", "c"])


def test_a_study_stores_them_where_they_are_wanted(root: Path) -> None:
    write(root / "tatoeba/test.de-en.jsonl.gz", [
        {"source_sentence": sentence("de", n), "target_sentence": sentence("en", n)} for n in range(24)
    ])  # fmt: skip
    command = ["task=tatoeba", "languages=[de]", "noise.levels=[0,0.2]", "sweep=s"]
    main(root, *command)
    before = cells(Path("s"))
    assert not Path("s/class_scores").exists()
    main(root, *command, "task.class_scores=true")
    assert cells(Path("s")) == before
    for cell in before:
        found = read(Path(f"s/class_scores/{cell['cell']}.parquet"))
        table = pq.read_table(f"s/predictions/{cell['cell']}.parquet").to_pydict()
        assert list(found.ids) == table["id"] and found.candidates == 24
        assert [one[0] for one in found.ranked] == table["prediction"]
    assert not Path("s/tables/calibration.csv").exists(), "they are no class scores"
