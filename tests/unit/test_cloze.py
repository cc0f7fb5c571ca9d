"""Cloze tasks: rows, the order of choices, noise around the gap, scores by a masked-LM head and by vectors."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from datasets import Dataset
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from tests.e2e.world import cells, main, sentence, write
from tests.real import lines
from tests.unit.tiny_modules import module, predictor
from xtreme_noise.data.examples import normalise
from xtreme_noise.data.row_makers import MAKERS
from xtreme_noise.errors import DataError
from xtreme_noise.models import random
from xtreme_noise.modules.cloze import WORD_START, ClozeModule
from xtreme_noise.noise import build
from xtreme_noise.noise.apply import perturb
from xtreme_noise.results.class_scores import read
from xtreme_noise.stages import model_cache
from xtreme_noise.tasks.cloze import GAP

ROW = {"id": "7", "prompt": f"Ada was born in {GAP}.", "answer": "London", "candidates": ["Rome", "Paris", "London"],
    "subject": "Ada"}  # fmt: skip
COLUMNS: dict[str, Any] = {
    "id": ["0", "1", "2"],
    "prompt": [f"Ada was born in {GAP}.", f"{GAP} is a city, Ada said", f"猫在{GAP}里"],
    "subject": ["Ada", "Ada", "猫"],
    "choices": [["Rome", "Paris", "Oslo"], ["Rome", "New York"], ["房子", "水"]],
    "label": [2, 0, 1],
}
COMMON: dict[str, Any] = {"family": "cloze", "labels": (), "columns": {}, "prefix": "test", "what": "w"}


# --- rows


def rows(*some: dict[str, Any], maker: str = "shuffled_choices") -> list[dict[str, Any]]:
    return normalise(MAKERS[maker]([(f"line {n}", row) for n, row in enumerate(some, 1)], "en"), **COMMON)


def test_normal_form() -> None:
    [found] = rows(ROW)
    assert found.keys() == {"id", "prompt", "subject", "choices", "label"}
    assert found["choices"][found["label"]] == "London" and sorted(found["choices"]) == sorted(ROW["candidates"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"prompt": "no gap"}, "must contain <mask> once"),
        ({"prompt": f"{GAP} Ada {GAP}"}, "must contain <mask> once"),
        ({"candidates": ["London"]}, "at least two choices"),
        ({"candidates": "London, Rome"}, "column 'candidates' is 'London, Rome', expected a list"),
        ({"candidates": ["London", " "]}, "a choice is not text, or is empty"),
        ({"answer": "Oslo"}, "the answer 'Oslo' must be one of the choices, once"),
        ({"candidates": ["London", "London"]}, "must be one of the choices, once"),
        ({"subject": "Bob"}, "the subject 'Bob' is not in the prompt"),
    ],
)
def test_rows_that_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=f"line 1: .*{words}"):
        rows(ROW | change)


def test_choices_are_shuffled_by_the_id_alone() -> None:
    """The gold is always the last of the files: with ties, or a bias for a place, that would be right or wrong."""
    many = [ROW | {"id": str(n), "candidates": [*"abcdefghi", "London"]} for n in range(2000)]
    found = rows(*many)
    counts = Counter(row["label"] for row in found)
    assert len(counts) == 10 and max(abs(count - 200) for count in counts.values()) < 60
    other = rows(*[row | {"candidates": [*"rstuvwxyz", "London"]} for row in many])
    assert [row["label"] for row in other] == [row["label"] for row in found], "the same order in every language"
    places = [dict(zip(row["choices"], also["choices"], strict=True)) for row, also in zip(found, other, strict=True)]
    assert all(pair["a"] == "r" and pair["i"] == "z" for pair in places)


def test_bmlamas_own_tables_have_the_same_order() -> None:
    table = {"Prompt": ROW["prompt"], "Ans": "London", "Candidate Ans": "Rome, Paris, London", "Subject": "Ada"}
    [found] = rows(table, maker="shuffled_table_of_choices")
    assert found == rows(ROW | {"id": "00000"})[0]
    with pytest.raises(DataError, match="line 1: column 'Ans' is None"):
        rows(table | {"Ans": None}, maker="shuffled_table_of_choices")


# --- noise


@pytest.mark.parametrize(
    ("field", "changed", "kept"),
    [
        ("prompt", {"Ada Lovelace", " was born in a city that is called "}, set[str]()),
        ("subject", {"Ada Lovelace"}, {" was born in a city that is called "}),
        ("template", {" was born in a city that is called "}, {"Ada Lovelace"}),
    ],
)
def test_noise_leaves_the_gap_and_what_is_protected(field: str, changed: set[str], kept: set[str]) -> None:
    count = 20
    prompt = f"Ada Lovelace was born in a city that is called {GAP}."
    data = Dataset.from_dict({
        "id": [str(n) for n in range(count)], "prompt": [prompt] * count, "subject": ["Ada Lovelace"] * count,
        "choices": [["Rome", "Oslo"]] * count, "label": [0] * count,
    })  # fmt: skip
    noisy = perturb(
        data, family="cloze", field=field, perturber=build("char"), level=0.15, seed=0, language="en",
        dataset_name="d", split="test",
    )  # fmt: skip
    texts = noisy.dataset["prompt"][:]
    assert all(text.count(GAP) == 1 for text in texts)
    assert all(sum(part in text for text in texts) < count for part in changed)
    assert all(part in text for part in kept for text in texts)
    for column in ("id", "subject", "choices", "label"):
        assert noisy.dataset[column][:] == data[column][:]


def test_noise_in_the_subject_needs_one() -> None:
    data = Dataset.from_dict({name: values for name, values in COLUMNS.items() if name != "subject"})
    with pytest.raises(DataError, match="example 0 has no column 'subject'"):
        perturb(
            data, family="cloze", field="subject", perturber=build("char"), level=0.1, seed=0, language="en",
            dataset_name="d", split="test",
        )  # fmt: skip


# --- scores


def masked(tiny: Path) -> Any:
    some: Any = module(tiny, "cloze").eval()
    assert some.masked
    with torch.no_grad():
        for weight in some.model.parameters():
            weight.mul_(10 if weight.ndim > 1 else 1)  # so that an input makes a difference
    return some


def naive(some: Any, prompt: str, choice: str) -> float:
    """One forward pass for each subword, from left to right."""
    mask = some.tokenizer.mask_token
    ids = some.tokenizer(choice, add_special_tokens=False)["input_ids"]
    text = prompt.replace(GAP, ("" if "猫" in prompt else " ").join([mask] * len(ids)))
    inputs = some.tokenizer(text, return_tensors="pt")
    total = 0.0
    for subword in ids:
        at = inputs["input_ids"][0].tolist().index(some.tokenizer.mask_token_id)
        with torch.inference_mode():
            total += float(some.model(**inputs).logits[0, at].log_softmax(-1)[subword])
        inputs["input_ids"][0, at] = subword
    return total / len(ids)


def test_the_head_scores_subwords_from_left_to_right(tiny: Path) -> None:
    some = masked(tiny)
    found = predictor(some)
    predicted = found.predict(COLUMNS)
    scores = some._scores(COLUMNS, found._values)
    wanted = [
        [naive(some, prompt, choice) for choice in choices]
        for prompt, choices in zip(COLUMNS["prompt"], COLUMNS["choices"], strict=True)
    ]
    assert [len(row) for row in scores] == some.choices(COLUMNS) == [3, 2, 2]
    for ours, theirs in zip(scores, wanted, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert predicted == [str(int(np.argmax(row))) for row in wanted]
    assert some.gold(COLUMNS) == ["2", "0", "1"]
    assert np.exp(found.class_scores(COLUMNS)[0].astype(float)) == pytest.approx(
        torch.tensor(wanted[0]).softmax(0).numpy(), abs=1e-3
    )


def test_a_prompt_that_is_too_long_is_cut_around_the_gap(tiny: Path) -> None:
    some = masked(tiny)
    for before, after in ((200, 0), (0, 200), (100, 100)):
        columns = COLUMNS | {"prompt": ["a" * before + f" {GAP} " + "b" * after], "choices": [["Oslo", "x" * 80]]}
        units = [unit for one in some.units({name: values[:1] for name, values in columns.items()}) for unit in one]
        windows = some.features(units)
        assert [len(window) for window in windows] == [4, 62]
        for window in (window for one in windows for window in one):
            assert len(window["input_ids"]) == len(window["labels"]) <= 64
            assert (window["input_ids"][0], window["input_ids"][-1]) == (0, 2), "its special tokens are there"
        assert predictor(some).predict({name: values[:1] for name, values in columns.items()}) in (["0"], ["1"])


def test_a_lone_beginning_of_a_word_is_dropped_where_nothing_is_before_the_gap(tiny: Path) -> None:
    """SentencePiece puts one before a Chinese word, which does not occur within a sentence."""
    some = masked(tiny)
    real, start = some.tokenizer.convert_tokens_to_ids, some.tokenizer.vocab["a"]
    some.tokenizer.convert_tokens_to_ids = lambda token: start if token == WORD_START else real(token)  # "a" is it
    units = [unit for one in some.units(COLUMNS | {"choices": [["ab"], ["ab"], ["ab"]]}) for unit in one]
    assert [len(windows) for windows in some.features(units)] == [2, 2, 1]


def test_vectors_of_prompts_and_choices(tiny: Path) -> None:
    some = masked(tiny)
    some.masked, some.prefix, some.passage_prefix = False, "query: ", "passage: "
    found = predictor(some)
    predicted = found.predict(COLUMNS)

    def vector(text: str) -> torch.Tensor:
        inputs = some.tokenizer(text, return_tensors="pt")
        with torch.inference_mode():
            state = some.model.base_model(**inputs).last_hidden_state[0].mean(0)
        unit: torch.Tensor = state / state.norm()
        return unit

    for row, (prompt, choices) in enumerate(zip(COLUMNS["prompt"], COLUMNS["choices"], strict=True)):
        query = vector("query: " + prompt.replace(GAP, "..."))
        wanted = [float(query @ vector("passage: " + choice)) for choice in choices]
        assert some._scores(COLUMNS, found._values)[row] == pytest.approx(wanted, abs=1e-5)
        assert predicted[row] == str(int(np.argmax(wanted)))
        scores = found.class_scores(COLUMNS)[row].astype(float)
        assert np.exp(scores) == pytest.approx((100 * torch.tensor(wanted)).softmax(0).numpy(), abs=2e-3)
    assert found.remembered() == 3 + 3 + 1 + 2, "each text is encoded once"


# --- studies


def bmlama(root: Path) -> Path:
    for language in ("en", "es"):
        write(root / f"bmlama17/test.{language}.jsonl.gz", [
            {"id": f"{n:05}", "prompt": f"{sentence(language, n)} {GAP}.",
             "subject": sentence(language, n).split()[0],
             "candidates": [sentence(language, n + at, 1) for at in range(4 + n % 3)],
             "answer": sentence(language, n + 3 + n % 3, 1)}
            for n in range(12)
        ])  # fmt: skip
    return root


BMLAMA = ["task=bmlama", "languages=[en,es]", "noise.levels=[0,0.2]"]


def test_a_study_by_vectors_and_by_a_trained_head(root: Path) -> None:
    bmlama(root)
    main(root, *BMLAMA, "sweep=s")
    found = cells(Path("s"))
    assert [cell["status"] for cell in found] == ["ok"] * 4 and {cell["metric"] for cell in found} == {"accuracy"}
    assert all("accuracy/v1(by vectors)" in cell["signature"] for cell in found)
    assert not Path("s/tables/consistency.csv").exists()
    head = ["model.masked_lm=true", "noise.levels=[0]", "task.class_scores=true"]
    main(root, *BMLAMA, *head, "model.loader=hub", f"model.path={checkpoint(root)}", "sweep=t")
    found = cells(Path("t"))
    assert all("accuracy/v1(by masked-LM head)" in cell["signature"] for cell in found)
    for cell in found:
        stored = read(Path(f"t/class_scores/{cell['cell']}.parquet"))
        assert [len(some) for some in stored.scores] == [4 + n % 3 for n in range(12)]


def checkpoint(folder: Path, *, head: bool = True) -> Path:
    """The tiny model as a checkpoint of its own, with a masked-LM head."""
    bare = folder / "bare"
    if not bare.is_dir():
        bare.mkdir()
        random.make(
            {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "seed": 0,
             "max_position_embeddings": 66}, bare,
        )  # fmt: skip
    if not head:
        return bare
    torch.manual_seed(7)
    AutoModelForMaskedLM.from_pretrained(bare).save_pretrained(folder / "headed")
    AutoTokenizer.from_pretrained(bare).save_pretrained(folder / "headed")
    return folder / "headed"


def test_the_head_of_the_pretrained_model_stays_after_training_on_another_task(root: Path) -> None:
    bmlama(root)
    path = checkpoint(root)
    own = ["model.masked_lm=true", "model.loader=hub", f"model.path={path}", "intermediate=nli",
        "intermediate.arm=english", "intermediate.size.train=8", "intermediate.size.dev=4",
        "intermediate.recipe.epochs=1", "intermediate.gate.at_least=null"]  # fmt: skip
    main(root, *BMLAMA, *own, "noise.levels=[0]", "sweep=s")
    assert [cell["status"] for cell in cells(Path("s"))] == ["ok"] * 2
    [used] = model_cache._last.values()
    assert isinstance(used.module, ClozeModule)
    theirs = AutoModelForMaskedLM.from_pretrained(path)
    ours = used.module.model
    assert torch.equal(ours.lm_head.dense.weight, theirs.lm_head.dense.weight)
    assert torch.equal(ours.lm_head.bias, theirs.lm_head.bias)
    layer = "roberta.encoder.layer.0.output.dense.weight"
    assert not torch.equal(ours.state_dict()[layer], theirs.state_dict()[layer]), "the encoder is the trained one"


def test_a_checkpoint_without_a_head_is_refused(root: Path) -> None:
    bmlama(root)
    path = checkpoint(root, head=False)
    main(root, *BMLAMA, "model.masked_lm=true", "model.loader=hub", f"model.path={path}", "sweep=s", code=1)
    for cell in cells(Path("s")):
        assert "has no head for" in cell["error"] and "set model.masked_lm=false" in cell["error"]


def test_a_head_that_an_intermediate_stage_has_trained(root: Path) -> None:
    """The tiny model has none: it is drawn anew for the stage, which stores it."""
    bmlama(root)
    texts = ["intermediate=mlm", "intermediate.arm=english", "intermediate.size.train=8", "intermediate.size.dev=4"]
    head = ["model.masked_lm=true", "intermediate.recipe.epochs=1", "noise.levels=[0]"]
    main(root, *BMLAMA, *texts, *head, "sweep=s")
    assert [cell["status"] for cell in cells(Path("s"))] == ["ok"] * 2
    [used] = model_cache._last.values()
    [stage] = Path(os.environ["XTREME_NOISE_STORE"], "stages").glob("*/config.json")
    theirs = AutoModelForMaskedLM.from_pretrained(stage.parent)
    assert all(
        torch.equal(weight, theirs.state_dict()[name]) for name, weight in used.module.model.state_dict().items()
    )


def test_a_head_that_was_trained_beside_another_task(root: Path) -> None:
    """The stage has its encoder and this head apart; its gate is that of the task which chooses the epoch."""
    bmlama(root)
    parts = [f"intermediate.tasks.{name}.size.{size}" for name in ("nli", "mlm") for size in ("train=8", "dev=4")]
    head = ["model.masked_lm=true", "intermediate.arm=english", "noise.levels=[0]"]
    main(root, *BMLAMA, "intermediate=nli_with_mlm", *parts, *head, "sweep=s")
    assert [cell["status"] for cell in cells(Path("s"))] == ["ok"] * 2
    [used] = model_cache._last.values()
    [trained] = Path(os.environ["XTREME_NOISE_STORE"], "stages").glob("*/heads/mlm.safetensors")
    ours, theirs = used.module.model.state_dict(), load_file(trained)
    assert len(theirs) == 5 and all(torch.equal(ours[name], weight) for name, weight in theirs.items())
    [row] = csv.DictReader(Path("s/tables/stages.csv").read_text(encoding="utf-8").splitlines())
    assert (row["kind"], row["dev_metric"], row["gate"]) == ("nli_with_mlm", "accuracy", "0.6")


# --- the real data


def test_the_files_of_bmlama(shared_data: Path) -> None:
    """The gold is the last candidate of every row, and no longer the last choice."""
    found = list(lines(shared_data / "bmlama17/test.en.jsonl.gz"))
    assert len(found) == 6792 and all(row["candidates"][-1] == row["answer"] for row in found)
    made = rows(*found[:1000])
    share = Counter(row["label"] / (len(row["choices"]) - 1) for row in made)
    assert 0.05 < share[1.0] / 1000 < 0.25
    spanish = rows(*list(lines(shared_data / "bmlama17/test.es.jsonl.gz"))[:1000])
    assert [row["label"] for row in spanish] == [row["label"] for row in made]
    assert json.dumps(made[0], ensure_ascii=False) == json.dumps(rows(found[0])[0], ensure_ascii=False)
