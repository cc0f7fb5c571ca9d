"""mode=export and mode=score: the official layout, our scores back from it, and folders that are wrong."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.e2e.world import QUICK, choices, data, qa, write
from tests.unit import sweep_factory
from xtreme_noise import cli, metrics, tasks
from xtreme_noise.config import compose
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.features.base import Limits
from xtreme_noise.interchange.export import export
from xtreme_noise.interchange.layout import Items, format_of
from xtreme_noise.modules import module_class
from xtreme_noise.stages import plan
from xtreme_noise.stages.evaluate import identify
from xtreme_noise.store import Store

LANGUAGES = {
    "xnli": ["en", "de"], "udpos": ["en", "de"], "xquad": ["en", "de"], "mlqa": ["de"], "tatoeba": ["de"],
    "xcopa": ["et", "th"],
}  # fmt: skip
FILES = 2 * sum(map(len, LANGUAGES.values()))  # clean and noisy
LEAF = "tiny_none_s42/char_n0/0.1"


@dataclass
class World:
    """A finished study of tasks of all families (answers drawn by lot), its data, and the rows of its cells."""

    root: Path
    sweep: Path
    rows: list[dict[str, Any]]

    def score(self, task: str, folder: Path, *more: str) -> int:
        languages = f"languages=[{','.join(LANGUAGES[task])}]"
        words = ["mode=score", f"task={task}", f"score.folder={folder}", languages, "source=files", *more]
        return cli.main([*words, f"source.root={self.root}", f"sweep={self.sweep.parent / 'scored'}"])

    def scored(self) -> dict[str, dict[str, str]]:
        with (self.sweep.parent / "scored/score.csv").open(encoding="utf-8", newline="") as file:
            return {row["language"]: row for row in csv.DictReader(file)}


def guesses(family: str, gold: list[Any], ids: list[str], labels: list[str], rng: random.Random) -> list[str]:
    if family == "tagging":
        return [" ".join(t if rng.random() < 0.6 else rng.choice(labels) for t in g.split()) for g in gold]
    if family == "qa":
        return [rng.choice([g[0], g[0] + ' zwei\nWörter "so"', "", "1"]) for g in gold]
    others = ["0", "1"] if family == "multiple_choice" else labels or ids
    return [g if rng.random() < 0.5 else rng.choice(others) for g in gold]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> World:
    tmp_path = tmp_path_factory.mktemp("finished")
    root, sweep, rng = data(tmp_path / "data"), tmp_path / "study", random.Random(0)
    choices(root)
    write(root / "mlqa/dev.de.jsonl.gz", qa("de", 9))
    (sweep / "predictions").mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    for task, languages in LANGUAGES.items():
        [cfg] = compose.jobs([*QUICK, f"task={task}", "source=files", f"source.root={root}"])
        module = module_class(cfg.task.family)(None, None, labels=cfg.task.labels, limits=Limits(32))
        for language in languages:
            columns = plan.test_reference(cfg, language).load(Store(tmp_path / "store"))[:]
            gold = module.gold(columns)
            for cell in (plan.Cell(language, "clean", 0.0, 0), plan.Cell(language, "char", 0.1, 0)):
                found = guesses(cfg.task.family, gold, columns["id"], cfg.task.labels, rng)
                scored = metrics.build(cfg.task.metric, language).score(found, gold)
                version = metrics.build(cfg.task.metric).version
                row = identify(cfg, cell).values() | {
                    "cell": f"{len(rows):016x}", "status": "ok", "score": scored.score,
                    "extra": json.dumps(scored.extra),
                    "n": len(gold), "samples": "[]", "signature": f"metric:{cfg.task.metric}/v{version}|{len(rows)}",
                }  # fmt: skip
                rows.append(row)
                table = pa.table({"id": columns["id"], "prediction": found})
                pq.write_table(table, sweep / "predictions" / f"{row['cell']}.parquet")
    sweep_factory.write_rows(sweep, rows)
    return World(root, sweep, rows)


@pytest.fixture
def world(finished: World, tmp_path: Path, workdir: Path) -> World:
    """A copy that a test may spoil."""
    assert workdir.is_dir()
    for folder in (finished.root, finished.sweep):
        shutil.copytree(folder, tmp_path / folder.name)
    return World(tmp_path / finished.root.name, tmp_path / finished.sweep.name, finished.rows)


def test_our_own_scores_come_back(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=export", f"sweep={world.sweep}"]) == 0
    assert f"{FILES} prediction files" in capsys.readouterr().out
    for leaf, noise in ((LEAF, "char"), ("tiny_none_s42/clean/0", "clean")):
        for task, languages in LANGUAGES.items():
            assert world.score(task, world.sweep / "export" / leaf) == 0
            found = world.scored()
            assert list(found) == languages
            for row in world.rows:
                if (row["task"], row["noise"]) != (task, noise):
                    continue
                back = found[row["language"]]
                assert float(back["score"]) == pytest.approx(row["score"], abs=1e-6)
                assert int(back["n"]) == row["n"] and f"metric:{back['metric']}" == row["signature"].split("|")[0]
                for name, value in json.loads(row["extra"]).items():
                    assert float(back[name]) == pytest.approx(value, abs=1e-6)
    shown = capsys.readouterr().out
    assert "mean over 2 of 15 languages, without ar, bg," in shown and "not the task's score" in shown


def test_the_layout_is_the_official_one(world: World) -> None:
    root, count, left_out = export(world.sweep)
    assert count == FILES and left_out == []
    leaf = root / LEAF
    assert sorted(str(p.relative_to(leaf)) for p in leaf.rglob("*") if p.is_file()) == [
        "mlqa/test-de.json", "tatoeba_to_en/test-de.tsv", "udpos/test-de.tsv", "udpos/test-en.tsv",
        "xcopa/test-et.jsonl", "xcopa/test-th.jsonl", "xnli/test-de.tsv", "xnli/test-en.tsv", "xquad/test-de.json",
        "xquad/test-en.json",
    ]  # fmt: skip
    assert set((leaf / "xnli/test-de.tsv").read_text().splitlines()) == {"entailment", "neutral", "contradiction"}
    assert {int(line) for line in (leaf / "tatoeba_to_en/test-de.tsv").read_text().splitlines()} <= set(range(15))
    assert json.loads((leaf / "xquad/test-en.json").read_text()).keys() == {f"q{n}" for n in range(8)}
    chosen = [json.loads(line) for line in (leaf / "xcopa/test-et.jsonl").read_text().splitlines()]
    assert len(chosen) == 8 and {tuple(row.items()) for row in chosen} == {(("label", 0),), (("label", 1),)}
    sentences = (leaf / "udpos/test-de.tsv").read_text().removesuffix("\n").split("\n\n")
    assert len(sentences) == 10 and all(tag.isupper() for s in sentences for tag in s.splitlines())
    with (root / "index.csv").open(encoding="utf-8", newline="") as file:
        index = {row["file"]: row for row in csv.DictReader(file)}
    assert len(index) == FILES and index[f"{LEAF}/xnli/test-de.tsv"]["signature"].startswith("metric:accuracy/v1")


def test_another_export_leaves_nothing_old(world: World) -> None:
    root, _, _ = export(world.sweep)
    (root / "mine.txt").write_text("stays")
    with (root / "index.csv").open("a", encoding="utf-8") as file:
        file.write("../../study/cells.parquet" + "," * 12 + "\n")
    kept = [row | ({"status": "error"} if row["task"] == "xnli" else {}) for row in world.rows]
    sweep_factory.write_rows(world.sweep, kept)
    _, count, left_out = export(world.sweep)
    assert count == FILES - 4 and left_out == [f"xnli: {c} has no predictions (error), 2 times" for c in ("de", "en")]
    assert not list(root.rglob("xnli/*.tsv")) and (root / "mine.txt").is_file()
    assert (world.sweep / "cells.parquet").is_file()


@pytest.mark.parametrize("hostile", ["../../../escaped", "/abs/escaped", "..", "a/../../escaped"])
def test_no_name_leads_out_of_the_folder(world: World, hostile: str) -> None:
    before = set(world.sweep.parent.rglob("*"))
    for column in ("task", "language", "model", "intermediate", "noise"):
        sweep_factory.write_rows(world.sweep, [world.rows[1] | {column: hostile}])
        root, count, _ = export(world.sweep)
        assert count == 1
    assert all(path.is_relative_to(root) for path in set(world.sweep.parent.rglob("*")) - before)
    sweep_factory.write_rows(world.sweep, [world.rows[1] | {"cell": "../../other"}])
    assert cli.main(["mode=export", f"sweep={world.sweep}"]) == 1


def test_what_the_official_labels_have_no_name_for_is_left_out(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows without an id are numbered, and no label of XQuAD or Mewsli-X is: their scores would be 0 without a word."""
    mine = [row for row in world.rows if row["task"] == "xquad"]
    for row in mine:
        path = world.sweep / "predictions" / f"{row['cell']}.parquet"
        table = pq.read_table(path)
        ids = pa.array([f"test-{n}" for n in range(len(table))])
        pq.write_table(table.set_column(0, "id", ids), path)
    _, count, left_out = export(world.sweep)
    assert count == FILES - 4
    assert len(left_out) == 4 and all("/xquad/test-" in line and "has no column 'id'" in line for line in left_out)
    sweep_factory.write_rows(world.sweep, mine)
    assert cli.main(["mode=export", f"sweep={world.sweep}"]) == 2
    assert "example_id" in capsys.readouterr().err
    sweep_factory.write_rows(world.sweep, [row | {"task": "mine"} for row in mine])
    assert export(world.sweep)[1] == 4, "nobody else has labels for a task of one's own"


def test_official_ids_without_ours_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "test-de.json"
    path.write_text('{"4be5a174": ["Q1"]}')
    with pytest.raises(DataError, match=r"unknown .*'4be5a174'.*; the rows of the test set have no column 'id'"):
        format_of("ranking", "mrr_at_20").read(path, Items(["test-0"], [["Q1"]], []))


def test_two_cells_of_one_name_are_an_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    twins = [world.rows[1] | {"model": name, "cell": world.rows[n]["cell"]} for n, name in enumerate(("a/b", "a-b"))]
    sweep_factory.write_rows(world.sweep, twins)
    assert cli.main(["mode=export", f"sweep={world.sweep}"]) == 1
    assert "two cells have the same file" in capsys.readouterr().err


def cut(path: Path) -> None:
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def reword(old: str, new: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


WRONG: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a language without a file": ("xnli/test-de.tsv", Path.unlink, "lacks xnli/test-de.tsv. It has: "),
    "too few labels": ("xnli/test-de.tsv", cut, "xnli/test-de.tsv: 19 lines, expected 20"),
    "no label": ("xnli/test-de.tsv", reword("neutral", "maybe"), "'maybe' is not a label: expected one of entailment"),
    "a sentence too few": ("udpos/test-de.tsv", reword("\n\n", "\n"), "udpos/test-de.tsv: 9 sentences, expected 10"),
    "a tag too few": ("udpos/test-de.tsv", cut, ": one per token"),
    "no tag": ("udpos/test-de.tsv", lambda path: path.write_text("Noun" + path.read_text()[4:]), "line 1: 'Noun"),
    "an answer too few": (
        "xquad/test-de.json",
        reword('"q3"', '"q99"'),
        "expected 8; ids differ: missing ['q3']",
    ),
    "an id twice": ("xquad/test-de.json", reword('"q3"', '"q2"'), "an id occurs twice among 8 answers"),
    "no JSON": ("xquad/test-de.json", cut, "xquad/test-de.json: not JSON"),
    "no choice": ("xcopa/test-th.jsonl", reword('"label": 0', '"label": 2'), '"label": a number from 0 to 1'),
    "a choice too few": ("xcopa/test-th.jsonl", cut, "xcopa/test-th.jsonl: 7 lines, expected 8"),
    "a choice without a label": ("xcopa/test-th.jsonl", reword('"label": 0', '"l": 0'), "is not a choice"),
    "no JSON line": ("xcopa/test-th.jsonl", reword("{", ""), "line 1: not JSON"),
    "no row": ("tatoeba_to_en/test-de.tsv", lambda path: path.write_text("15\n" * 15), "expected a row from 0 to 14"),
    "not UTF-8": ("xnli/test-de.tsv", lambda path: path.write_bytes(b"\xff\n"), "test-de.tsv: not UTF-8"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_folder_is_named(world: World, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file, spoil, message = WRONG[name]
    folder = export(world.sweep)[0] / LEAF
    spoil(folder / file)
    assert world.score(file.split("/")[0].removesuffix("_to_en"), folder) == 1
    assert message in capsys.readouterr().err
    assert not (world.sweep.parent / "scored/score.csv").exists()


def test_score_is_checked_before_anything_is_read(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=score", "task=xnli"]) == 2
    assert "score.folder is needed by mode=score" in capsys.readouterr().err
    assert world.score("xnli", world.sweep / "nowhere") == 2
    assert "there is no such folder" in capsys.readouterr().err
    (world.root / "xnli/test.de.jsonl.gz").unlink()
    assert world.score("xnli", export(world.sweep)[0] / LEAF) == 1
    assert "cannot be scored" in capsys.readouterr().err
    assert cli.main(["mode=export", f"sweep={world.sweep / 'nowhere'}"]) == 2


# White space that str.splitlines and str.strip take for a line's end or an edge.
ODD = ["a\u2028b", "b\x85", " c", "d\x0b\x0ce"]


@pytest.mark.parametrize(
    ("family", "written", "gold"),
    [
        ("classification", ODD, ODD),
        ("tagging", [" ".join((ODD[0], ODD[1], ODD[3])), "only"], [f"only {ODD[1]} {ODD[0]}", ODD[3]]),
        ("qa", ODD, [[answer] for answer in ODD]),
        ("retrieval", ODD[::-1], ODD),
        ("mining", [f"{ODD[2]}\tx ", *ODD[:3]], [[ODD[2], "x "], [], [], []]),
    ],
)
def test_only_a_line_feed_ends_a_line(tmp_path: Path, family: str, written: list[str], gold: list[Any]) -> None:
    """What was written comes back, also with a mark at the start and the line ends of Windows."""
    form, path, ids = format_of(family, "accuracy"), tmp_path / "test-de", ODD[: len(written)]
    text = form.write(ids, written)
    for changed in (text, "\ufeff" + text, text.replace("\n", "\r\n")):
        path.write_bytes(changed.encode())
        assert form.read(path, Items(ids, gold, ODD)) == written


def test_white_space_at_the_edges_of_others_files(tmp_path: Path) -> None:
    path = tmp_path / "test-de.tsv"
    path.write_text(" c\nyes \n")
    found = format_of("classification", "accuracy").read(path, Items(["1", "2"], [], [" c", "c", "yes"]))
    assert found == [" c", "yes"]
    path.write_text("NOUN \nX\n")
    found = format_of("tagging", "span_f1").read(path, Items(["1"], ["NOUN ODD"], ["NOUN", "X"]))
    assert found == ["NOUN X"], "a tag of the gold side may be unknown to the model"
    path.write_text("NOUN\nNUON\n")
    with pytest.raises(DataError, match=r"test-de.tsv, line 2: 'NUON' is not a tag: expected one of NOUN, X, ODD"):
        format_of("tagging", "span_f1").read(path, Items(["1"], ["NOUN ODD"], ["NOUN", "X"]))


IDS = ["ebd9", "77fa"]
RANKINGS = [json.dumps(["Q1", "Q185007", "Q2"]), json.dumps(["Q9"])]
RELEVANT = [["Q185007"], ["Q3", "Q9"]]


def test_rankings_come_back_as_the_official_mock_data_has_them(tmp_path: Path) -> None:
    form, path = format_of("ranking", "mrr_at_20"), tmp_path / "test-ro.json"
    path.write_text(form.write(IDS, RANKINGS))
    assert json.loads(path.read_text()) == {"ebd9": ["Q1", "Q185007", "Q2"], "77fa": ["Q9"]}
    back = form.read(path, Items(IDS[::-1], RELEVANT, []))
    assert back == RANKINGS[::-1]
    for name in tasks.family("ranking").metrics:
        assert format_of("any", name) is form
        ours = metrics.build(name).score(RANKINGS, RELEVANT)
        assert metrics.build(name).score(back[::-1], RELEVANT).score == pytest.approx(ours.score, abs=1e-6)
    assert format_of("retrieval", "accuracy") is not form
    with pytest.raises(ConfigError, match="unknown task family 'rankin'; did you mean 'ranking'"):
        format_of("rankin", "accuracy")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"ebd9": ["Q1"]}', "1 answers, expected 2; ids differ: missing ['77fa']"),
        ('{"ebd9": ["Q1"], "77fa": ["Q1"], "x": []}', "unknown ['x']"),
        ('{"ebd9": ["Q1"], "ebd9": ["Q1"]}', "an id occurs twice"),
        ('{"ebd9": "Q1", "77fa": ["Q1"]}', "expected a JSON object, query id -> list"),
        ('["ebd9"]', "expected a JSON object, query id -> list"),
        ('{"ebd9": [1], "77fa": ["Q1"]}', "expected a JSON list of candidate ids"),
        ('{"ebd9": ["Q1", "Q1"], "77fa": ["Q1"]}', "test-ro.json: query 'ebd9': candidate 'Q1' is ranked twice"),
    ],
)
def test_rankings_that_are_wrong(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "test-ro.json"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(problem)):
        format_of("ranking", "mrr_at_20").read(path, Items(IDS, RELEVANT, []))
