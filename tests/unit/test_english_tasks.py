"""The English intermediate tasks: their data in normal form, questions without an answer, tagged files, cut files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.e2e.world import QUICK, data, qa, words, write
from tests.unit.tiny_modules import module
from xtreme_noise import cli, tasks
from xtreme_noise.config import compose
from xtreme_noise.data.examples import normalise
from xtreme_noise.data.files import labels, rows
from xtreme_noise.errors import DataError
from xtreme_noise.metrics import build
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.training_set import training_data
from xtreme_noise.store import Store

QUESTIONS: dict[str, Any] = {
    "id": ["a", "b"],
    "question": ["Who sat?", "Who flew?"],
    "context": ["the cat sat on the mat", "the cat sat on the mat"],
    "answers": [{"text": ["the cat"], "answer_start": [0]}, {"text": [], "answer_start": []}],
}
HERE = {
    "anli_plus": ("classification", 14679), "mnli": ("classification", 9815), "squad1": ("qa", 10000),
    "squad2": ("qa", 5500), "hellaswag": ("multiple_choice", 900), "cosmosqa": ("multiple_choice", 2690),
    "commonsenseqa": ("multiple_choice", 1100), "pan_for_qqp": ("classification", 10000),
    "streusle_for_ccg": ("tagging", 2723),
}  # fmt: skip


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize("name", HERE)
def test_real_data(name: str, shared_data: Path, tmp_path: Path) -> None:
    """All there is, within a twentieth where a file is cut by a hash; nothing of it is in dev."""
    family, count = HERE[name]
    command = ["task=tatoeba", f"intermediate={name}", "source=files", f"source.root={shared_data}"]
    [job] = compose.jobs(command)
    [stage] = Plan(job).stages
    store = Store(tmp_path)
    [part], _ = training_data(stage, store, 42, len)
    assert stage.family == family and abs(len(part.data) - count) <= (count / 20 if "cut" in stage.dev.name() else 0)
    dev = stage.dev.load(store)
    identify = tasks.family(family).identify
    shared = set(map(identify, part.data)) & set(map(identify, dev))
    assert len(dev) > 50 and (len(shared) < len(dev) / 20 if "cut" not in stage.dev.name() else not shared)


@pytest.mark.usefixtures("workdir")
@pytest.mark.parametrize(("name", "missing"), [("qqp", "qqp/train.en.jsonl.gz"), ("ccg", "ccg/tags.txt")])
def test_a_plan_names_the_files_that_are_not_there(
    name: str, missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["mode=plan", *QUICK, "source=files", f"source.root={data(tmp_path / 'data')}", "task=xnli"]
    assert cli.main([*common, "languages=[en]", "noise.levels=[0]", f"intermediate={name}"]) == 1
    shown = capsys.readouterr().out
    assert f"intermediate {name}/english" in shown and missing in shown


def test_a_question_without_an_answer(tiny: Path) -> None:
    some: Any = module(tiny, "qa", labels=["unanswerable"])
    first, second = some.training_features(QUESTIONS)
    assert (first["start_positions"], first["end_positions"]) > (0, 0)
    assert (second["start_positions"], second["end_positions"]) == (0, 0)
    assert some.gold(QUESTIONS) == [["the cat"], [""]]
    unit = (QUESTIONS["question"][0], QUESTIONS["context"][0])
    [windows] = some.features([unit])
    for none, wanted in ((9.0, ""), (1.0, "t")):
        logits = torch.zeros(2, len(windows[0]["input_ids"]))
        logits[:, 0] = none
        logits[:, windows[0]["_offsets"].index((0, 1))] = 2.0
        assert some.value(unit, windows, [logits]) == wanted
        some.labels = []
        assert some.value(unit, windows, [logits]) == "t"
        some.labels = ["unanswerable"]
    score = build("squad_f1").score(["the cat", ""], some.gold(QUESTIONS))
    assert score.score == 1.0
    assert build("squad_f1").score(["the cat", "the cat"], some.gold(QUESTIONS)).score == 0.5


def test_only_a_task_that_says_so_has_questions_without_an_answer() -> None:
    row = {name: values[1] for name, values in QUESTIONS.items()}
    common: dict[str, Any] = {"family": "qa", "columns": {}, "prefix": "x", "what": "w"}
    [found] = normalise([("line 1", row)], labels=["unanswerable"], **common)
    assert found["answers"] == {"text": [], "answer_start": []}
    with pytest.raises(DataError, match="contains no answer"):
        normalise([("line 1", row)], labels=[], **common)


def test_tagged_sentences(tmp_path: Path) -> None:
    path = tmp_path / "train.en.tsv"
    path.write_text("The\tNP/N\ncat\tN\n\n\nsat\tS\\\\NP\n", encoding="utf-8")
    found = list(rows(path))
    assert [where.rpartition(", ")[2] for where, _ in found] == ["line 1", "line 5"]
    assert [row["tokens"] for _, row in found] == [["The", "cat"], ["sat"]]
    assert found[0][1]["tags"] == ["NP/N", "N"]
    path.write_text("The NP/N\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"line 1: expected token, tab, tag"):
        list(rows(path))
    (tmp_path / "tags.txt").write_text("N\nN\n", encoding="utf-8")
    with pytest.raises(DataError, match="two distinct labels"):
        labels("tags.txt", str(tmp_path))


@pytest.mark.usefixtures("workdir")
def test_squad2_and_ccg_train_a_stage(tmp_path: Path) -> None:
    root = data(tmp_path / "data")
    questions = qa("en", 40, 900)
    for row in questions[::2]:
        row["answers"] = {"text": [], "answer_start": []}
    write(root / "squad_v2/dev_half.en.jsonl.gz", questions)
    (root / "ccg").mkdir()
    for split in ("train", "dev"):
        (root / "ccg" / f"{split}.en.tsv").write_text(f"The\tA\n{split}\tB\n\nsat\tB\n", encoding="utf-8")
    (root / "ccg" / "tags.txt").write_text("A\nB\n", encoding="utf-8")
    for name in ("squad2", "ccg"):
        short = ["intermediate.recipe.max_length=48", "intermediate.recipe.stride=8"]
        files = words(root, "task=tatoeba")
        [cfg] = compose.jobs([*files, f"intermediate={name}", *short])
        assert (train(Plan(cfg), Store(cfg.store), False) / "model.safetensors").is_file()
