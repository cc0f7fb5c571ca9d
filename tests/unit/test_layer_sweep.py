"""Every layer and pooling from one forward pass: the same as asking for one at a time, and a table of them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import cells, data, words
from tests.unit.tiny_modules import module, predictor
from xtreme_noise import cli

COLUMNS: dict[str, Any] = {
    "id": [str(n) for n in range(20)],
    "query": [f"the cat {'really ' * (n % 4)}saw {n} birds" for n in range(20)],
    "candidate": [f"{n} Vögel {'wirklich ' * (n % 3)}sah die Katze" for n in range(20)],
}


def test_the_sweep_is_what_each_layer_gives_by_itself(tiny: Path) -> None:
    some: Any = module(tiny, "retrieval").eval()
    some.sweep = ("mean", "cls", "max")
    swept = predictor(some)
    main = swept.predict(COLUMNS)
    found = swept.further(COLUMNS)
    assert list(found) == [f"layer {n} {how}" for how in some.sweep for n in range(3)]  # embeddings and two layers
    assert main == found["layer 2 mean"]
    for name, lines in found.items():
        alone: Any = module(tiny, "retrieval").eval()
        _, layer, alone.pooling = name.split()
        alone.layer = int(layer)
        assert predictor(alone).predict(COLUMNS) == lines, name
        assert predictor(alone).further(COLUMNS) == {}
    assert len(set(map(tuple, found.values()))) > 3, "layers and poolings that differ"


def test_padding_is_in_no_pooling(tiny: Path) -> None:
    some: Any = module(tiny, "retrieval").eval()
    some.sweep = ("mean", "cls", "max")
    together, alone = predictor(some, tokens=10_000), predictor(some)
    together.encode([COLUMNS])
    alone.encode([{name: values[:1] for name, values in COLUMNS.items()}])
    text = COLUMNS["query"][0]
    assert together._values[text] == pytest.approx(alone._values[text], abs=1e-5)


@pytest.mark.usefixtures("workdir")
def test_in_a_study(tmp_path: Path) -> None:
    job = words(data(tmp_path), "task=tatoeba", "language=de", "noise.level=0.1")
    assert cli.main([*job, "sweep=plain"]) == 0
    assert cli.main([*job, "task.layer_sweep=[mean,cls]", "sweep=swept"]) == 0
    plain, swept = cells(Path("plain")), cells(Path("swept"))
    assert [row["score"] for row in plain] == [row["score"] for row in swept]
    assert all(json.loads(row["extra"]) == {} for row in plain)
    for row in swept:
        extra = json.loads(row["extra"])
        assert list(extra) == [f"layer {n} {how}" for how in ("mean", "cls") for n in range(3)]
        assert extra["layer 2 mean"] == row["score"]
    with Path("swept/tables/layers.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    assert len(table) == 2 * 2 * 3 and {row["noise"] for row in table} == {"clean", "char"}
    clean = next(row for row in swept if row["noise"] == "clean")
    picked = next(row for row in table if (row["noise"], row["pooling"], row["layer"]) == ("clean", "cls", "1"))
    assert float(picked["score"]) == json.loads(clean["extra"])["layer 1 cls"]
    page = Path("swept/report.html").read_text(encoding="utf-8")
    assert "cls pooling, clean: score × 100 by layer" in page
    assert "by layer" not in Path("plain/report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("workdir")
def test_only_known_poolings_and_only_in_retrieval(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=plan", "task=tatoeba", "task.layer_sweep=[men]"]) == 2
    assert "did you mean 'mean'" in capsys.readouterr().err
    assert cli.main(["mode=plan", "task=xnli", "task.layer_sweep=[mean]"]) == 2
    assert "retrieval" in capsys.readouterr().err
