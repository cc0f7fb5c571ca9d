"""What the arms learned of their intermediate tasks, in each of their languages: recorded, and no weight changes."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from tests.e2e.world import job, main, nli, write
from tests.unit.sweep_factory import Spec, make
from xtreme_noise.errors import DataError
from xtreme_noise.report.jobs import read_learned
from xtreme_noise.report.learned import table
from xtreme_noise.report.page import page
from xtreme_noise.report.study import read_study
from xtreme_noise.results import learned
from xtreme_noise.sheets import sheet
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.training_run import BestEpochSelector
from xtreme_noise.store import Store

ARM = [
    "intermediate=nli", "intermediate.arm=multilingual", "intermediate.arms.multilingual.languages=[en,zh,id]",
    "intermediate.size.train=12", "intermediate.size.dev=6", "intermediate.recipe.batch_size=4",
    "intermediate.recipe.learning_rate=1e-3",
]  # fmt: skip


@pytest.fixture
def root(root: Path) -> Path:
    write(root / "indonli/train.id.jsonl.gz", nli("id", 20))
    return root


def dev_of_chinese(root: Path) -> None:
    """Nine pairs, of which size.dev takes six, all of one class: another score than the English one."""
    pairs = [{"sentence1": row["premise"], "sentence2": row["hypothesis"], "label": 0} for row in nli("zh", 9, 700)]
    write(root / "ocnli/validation.zh.jsonl.gz", pairs)


def trained(root: Path, store: Path, *options: str) -> tuple[Path, dict[str, Any]]:
    """The directory and the record of the intermediate stage."""
    cfg = job(root, "task=tatoeba", *ARM, *options, f"store={store}")
    path = train(Plan(cfg), Store(cfg.store), False)
    return path, json.loads((path / "training.json").read_text())


def test_every_language_with_dev_data_is_scored_and_the_stage_is_the_same(root: Path, tmp_path: Path) -> None:
    without, before = trained(root, tmp_path / "without")
    assert before["dev_by_language"] == {"en": {"score": before["dev_score"], "n": 6}, "zh": None, "id": None}
    dev_of_chinese(root)
    path, facts = trained(root, tmp_path / "with")
    found = facts["dev_by_language"]
    assert found | {"zh": None} == before["dev_by_language"]
    assert found["zh"]["n"] == 6 and found["zh"]["score"] in [right / 6 for right in range(7)]
    assert found["zh"]["score"] != found["en"]["score"]
    assert path.name == without.name
    assert (path / "model.safetensors").read_bytes() == (without / "model.safetensors").read_bytes()
    for name in ("dev_scores", "chosen_epoch", "dev_score"):
        assert facts[name] == before[name]
    assert trained(root, tmp_path / "without")[1] == before, "it is not trained again"


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every score on dev is higher than the one before: 1 %, 2 %, ...; the languages that were scored."""
    order: list[str] = []

    def score(_self: BestEpochSelector, _dev: Dataset, language: str) -> float:
        order.append(language)
        return len(order) / 100

    monkeypatch.setattr(BestEpochSelector, "_score", score)
    return order


def test_an_average_of_runs_is_scored_itself(root: Path, tmp_path: Path, scored: list[str]) -> None:
    dev_of_chinese(root)
    facts = trained(root, tmp_path / "s", "intermediate.recipe.averaged_runs=2")[1]
    assert scored == ["en", "zh"] * 3, "two runs, and their mean"
    assert facts["dev_scores"] == [0.01, 0.03] and facts["dev_score"] == 0.05
    assert facts["dev_by_language"] == {"en": {"score": 0.05, "n": 6}, "zh": {"score": 0.06, "n": 6}, "id": None}


def test_an_average_of_checkpoints_is_scored_itself(root: Path, tmp_path: Path, scored: list[str]) -> None:
    facts = trained(root, tmp_path / "s", "intermediate.recipe.averaged_checkpoints=2")[1]
    assert scored == ["en", "en"] and facts["dev_by_language"]["en"] == {"score": 0.02, "n": 6}


def test_every_task_of_a_multitask_stage_has_its_languages(root: Path, tmp_path: Path, scored: list[str]) -> None:
    dev_of_chinese(root)
    options = [word.replace("intermediate.", "intermediate.tasks.nli.") for word in ARM[2:-1]]
    cfg = job(root, "task=tatoeba", "intermediate=joint", "intermediate.arm=multilingual", "intermediate.use=[nli]",
              *options, "intermediate.recipe.epochs=2", f"store={tmp_path / 's'}")  # fmt: skip
    plan = Plan(cfg)
    facts = json.loads((train(plan, Store(cfg.store), False) / "training.json").read_text())
    own = facts["tasks"]["nli"]
    assert scored == ["en", "en", "zh"] and own["dev_metric"] == "accuracy" and own["dev_scores"] == [0.01, 0.02]
    assert own["dev_by_language"] == {"en": {"score": 0.02, "n": 6}, "zh": {"score": 0.03, "n": 6}, "id": None}
    assert "dev_by_language" not in facts and plan.stages[0].dev_sets == ()


def test_an_error_in_a_dev_set_comes_before_training(root: Path, tmp_path: Path) -> None:
    write(root / "ocnli/validation.zh.jsonl.gz", [{"sentence1": "a", "sentence2": "b", "label": 7}])
    with pytest.raises(DataError, match=r"ocnli/validation\.zh"):
        trained(root, tmp_path / "s")
    assert not list((tmp_path / "s").glob("stages/*"))


@pytest.mark.parametrize(
    ("options", "languages"),
    [
        (["intermediate=slots", "intermediate.arm=multilingual"], ["ar", "de", "es", "fi", "hi", "ru", "th"]),
        (ARM, ["zh", "id"]),
        ([*ARM, "intermediate.data.files.dev=[{path: lingnli/validation.en.jsonl.gz}]"], []),
        ([*ARM, "intermediate.data.files.dev=[{path: mine.jsonl.gz, languages: [en, id]}]"], ["id"]),
        (["intermediate=nli", "intermediate.arm=english"], []),
        (
            [
                "intermediate=nli_parallel",
                "intermediate.arms.translated.languages=[en,de]",
                "intermediate.arm=translated",
            ],
            ["de"],
        ),
    ],
    ids=["embedded", "listed", "one file for all", "one file for two", "english", "in the place"],
)
def test_which_languages_have_a_dev_set(root: Path, options: list[str], languages: list[str]) -> None:
    """A file whose place names no language is of the languages that its split lists."""
    for name in ("mine", "lingnli/validation.en"):
        write(root / f"{name}.jsonl.gz", nli("en", 12, 2000))
    [stage] = Plan(job(root, "task=tatoeba", *options)).stages
    assert [one.language for one in stage.dev_sets] == languages


def test_a_study_has_the_table(root: Path) -> None:
    dev_of_chinese(root)
    main(root, "task=tatoeba", "languages=[de]", "noise.levels=[0]", *ARM, "intermediate.gate.at_least=1", "sweep=s")
    rows = {row["language"]: row for row in csv.DictReader(Path("s/tables/learned.csv").read_text().splitlines())}
    assert list(rows) == ["en", "zh", "id"]
    zh = rows["zh"]
    assert (zh["kind"], zh["arm"], zh["seed"], zh["model"]) == ("nli", "multilingual", "42", "tiny")
    assert (zh["metric"], zh["n"], zh["gate"], zh["below"]) == ("accuracy", "6", "1.0", "True")
    assert (rows["id"]["n"], rows["id"]["score"], rows["id"]["below"]) == ("0", "", "")
    html = Path("s/report.html").read_text(encoding="utf-8")
    assert "dev score × 100 by language (tables/learned.csv)" in html and "no dev data" in html


def test_fetched_with_what_is_there(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dev_of_chinese(root)
    main(root, "task=tatoeba", "languages=[de]", *ARM, "mode=fetch", f"fetch.folder={tmp_path / 'fetched'}")
    assert (tmp_path / "fetched/ocnli/validation.zh.jsonl.gz").is_file()
    assert "missing: " in (said := capsys.readouterr().out) and "indonli/validation.id" in said


MEASURED = {"role": "intermediate", "digest": "d", "stage": "nli/native", "gate": 0.6, "dev_metric": "accuracy"}


def values(stage: dict[str, Any]) -> list[tuple[Any, ...]]:
    names = ("task", "language", "metric", "score", "n", "gate", "below")
    return [tuple(row[name] for name in names) for row in learned.rows(MEASURED | stage)]


def test_rows_of_a_stage() -> None:
    by_language = {"en": {"score": 0.6, "n": 9}, "zh": {"score": 0.5, "n": 8}, "ja": None}
    assert values({"dev_by_language": by_language, "languages": {"en": 1, "zh": 1, "ja": 1}}) == [
        ("", "en", "accuracy", 0.6, 9, 0.6, False),
        ("", "zh", "accuracy", 0.5, 8, 0.6, True),
        ("", "ja", "accuracy", None, 0, 0.6, None),
    ]
    earlier = values({"languages": {"en": 1, "zh": 1}})
    assert [row[3:5] for row in earlier] == [(None, None)] * 2 and earlier[1][1] == "zh"
    assert values({"role": "target", "dev_by_language": by_language}) == []


def test_only_the_task_that_decides_has_the_gate() -> None:
    part = {"dev_metric": "token_accuracy", "dev_by_language": {"en": {"score": 0.1, "n": 3}}}
    assert values({"tasks": {"nli": part, "mlm": part}, "gated": "nli"}) == [
        ("nli", "en", "token_accuracy", 0.1, 3, 0.6, True),
        ("mlm", "en", "token_accuracy", 0.1, 3, None, None),
    ]


@pytest.mark.parametrize(
    "found",
    [3, {"en": 0.5}, {"en": {"score": 0.5}}, {"en": {"score": 1.5, "n": 3}}, {"en": {"score": 0.5, "n": "3"}},
     {"en": {"score": 0.5, "n": -3}},
     {"en": {"score": float("nan"), "n": 3}}],
    ids=str,
)  # fmt: skip
def test_a_damaged_record(found: Any) -> None:
    with pytest.raises(ValueError, match=r"dev examples|cannot be read"):
        values({"dev_by_language": found})


def test_a_score_is_a_share_but_for_rounding() -> None:
    [row] = values({"dev_by_language": {"en": {"score": 1 + 2**-52, "n": 3}}})
    assert row[3] == 1.0


def arm(stage: str, language: str, score: str, n: str = "50", **more: str) -> dict[str, str]:
    row = {"stage": stage, "language": language, "score": score, "n": n, "metric": "accuracy", "model": "m",
           "parent": "pretrained", "seed": "1"}  # fmt: skip
    return row | more


def shown(rows: Sequence[dict[str, str]]) -> dict[str, list[tuple[str, str]]]:
    view = table(rows)
    assert view is not None
    return {row[0].text + "; " + row[0].note: [(cell.text, cell.note) for cell in row[1:]] for row in view.rows}


def test_a_table_of_arms_by_languages() -> None:
    low = {"gate": "0.6", "below": "True"}
    rows = [
        arm("nli/english", "en", "0.62", gate="0.6", below="False"),
        arm("nli/native", "en", "0.5", **low),
        arm("nli/native", "en", "0.7", seed="2", gate="0.6", below="False"),
        arm("nli/native", "zh", "0.4", **low),
        arm("nli/native", "zh", "", "", seed="2", gate="0.6"),
        arm("nli/native", "ja", "", "0", gate="0.6"),
        arm("nli/native", "ja", "", "", seed="2", gate="0.6"),
        arm("nli/native", "id", "", "", gate="0.6"),
    ]
    view = table(rows)
    assert view is not None and view.heads == [[("arm", 1), ("en", 1), ("zh", 1), ("ja", 1), ("id", 1)]]
    assert shown(rows) == {
        "nli/english; accuracy, gate 60": [("62.0", ""), ("", ""), ("", ""), ("", "")],
        "nli/native; accuracy, gate 60, mean over 2 seeds": [
            ("60.0", "below: 1 of 2"),
            ("40.0", "below: 1 of 2, measured: 1 of 2"),
            ("no dev data", ""),
            ("not measured", ""),
        ],
    }
    assert table([]) is None and not view.folded
    wide = table([arm("pos/matched", language, "0.5") for language in "abcdefghijkl"])
    assert wide is not None and wide.folded


def test_arms_of_one_name_are_apart() -> None:
    rows = [
        arm("nli/english", "en", "0.5"),
        arm("nli/english", "en", "0.6", parent="qa/english"),
        arm("nli/english", "en", "0.7", model="n"),
        arm("nli/english", "en", "0.8", train_noise="char/v4"),
        arm("nli/english", "en", "0.1", train_noise="keyboard/v4", digest="a"),
        arm("nli/english", "en", "0.2", train_noise="keyboard/v4", digest="b"),
        arm("joint/english", "en", "0.9", task="nli"),
    ]
    assert {name: cells[0][0] for name, cells in shown(rows).items()} == {
        "nli/english; accuracy, m": "50.0",
        "nli/english; accuracy, m, after qa/english": "60.0",
        "nli/english; accuracy, n": "70.0",
        "nli/english; accuracy, m, char/v4 in training": "80.0",
        "nli/english; accuracy, m, keyboard/v4 in training, a": "10.0",  # of one seed: not a mean over two
        "nli/english; accuracy, m, keyboard/v4 in training, b": "20.0",
        "joint/english · nli; accuracy, m": "90.0",
    }


def test_the_page_shows_what_the_folder_has(tmp_path: Path) -> None:
    sweep = make(tmp_path / "s", Spec(items=10, languages=("en",), levels=(0.1,)))
    assert "What the arms learned" not in page(read_study(sweep, resample=False), "", "digest", [])
    (sweep / "tables").mkdir()
    rows = [arm("nli/english", "en", "0.62"), arm("nli/multilingual", "zh", "", "0")]
    (sweep / "tables" / "learned.csv").write_text(sheet(list(rows[0]), rows), encoding="utf-8")
    html = page(read_study(sweep, resample=False), "", "digest", [])
    assert html.count("<h3>What the arms learned of their intermediate task</h3>") == 1
    assert ">62.0<" in html and "no dev data" in html


@pytest.mark.parametrize("damage", ["score\n7", "score\nnan", "n\n-1", "gate\nx", "below\nmaybe", "digest\nd"])
def test_a_table_that_was_edited(tmp_path: Path, damage: str) -> None:
    name, value = damage.split("\n")
    (tmp_path / "tables").mkdir()
    columns = "digest" if name == "digest" else f"stage,language,{name}"
    (tmp_path / "tables" / "learned.csv").write_text(f"{columns}\n{'' if name == 'digest' else 'nli,en,'}{value}\n")
    with pytest.raises(DataError, match=r"learned\.csv"):
        read_learned(tmp_path)
