"""Masked language models: which tokens are hidden, what the loss is of, and whole stages that begin with one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM

from tests.e2e.world import cells, main, sentence, write
from tests.unit import tiny_modules
from tests.unit.tiny_modules import TINY
from xtreme_noise import models
from xtreme_noise.modules import module_class
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.robust_contrastive import contrastive

TEXTS: dict[str, Any] = {"id": ["a", "b", "c"], "text": ["the cat sat " * 30, "short", "猫坐在垫子上"]}
PAIRS: dict[str, Any] = {"text": ["the cat sat", "some birds"], "text_pair": ["die Katze saß", "einige Vögel"]}
NOISY = ["train_noise=char", "train_noise.stages=[intermediate]"]


def module(path: Path, family: str = "masked_lm", **recipe: Any) -> TaskModule:
    return tiny_modules.module(path, family, max_length=32, **recipe)


def test_long_texts_go_on_in_further_windows(tiny: Path) -> None:
    features = module(tiny).training_features(TEXTS)
    letters = len("thecatsat") * 30
    windows = -(-letters // 30)
    assert [len(f["input_ids"]) for f in features[: windows - 1]] == [32] * (windows - 1)
    assert sum(len(f["input_ids"]) - 2 for f in features[:windows]) == letters and len(features) == windows + 2


def test_what_is_hidden(tiny: Path) -> None:
    some = module(tiny)
    features = some.training_features({"text": ["the cat sat on the mat " * 200]})
    masked = some.renew(features, 0, 7)
    mask = some.tokenizer.mask_token_id
    counts = {"mask": 0, "same": 0, "other": 0}
    for before, after in zip(features, masked, strict=True):
        for was, now, label, special in zip(
            before["input_ids"], after["input_ids"], after["labels"], before["special_tokens_mask"], strict=True
        ):
            if label == -100:
                assert was == now
                continue
            assert label == was and not special
            counts["mask" if now == mask else "same" if now == was else "other"] += 1
            assert now == mask or now not in some.tokenizer.all_special_ids
    total = sum(counts.values())
    free = sum(f["special_tokens_mask"].count(0) for f in features)
    assert total / free == pytest.approx(0.15, abs=0.02)
    assert counts["mask"] / total == pytest.approx(0.8, abs=0.06)
    assert counts["other"] / total == pytest.approx(0.1, abs=0.05)
    assert counts["same"] / total == pytest.approx(0.1, abs=0.05)
    assert some.renew(features, 0, 7) == masked, "the same in every run"
    assert some.renew(features, 1, 7) != masked and some.renew(features, 0, 8) != masked
    assert some.training_features({"text": ["the cat sat on the mat " * 200]}) == features, "renewed in place"


@pytest.mark.parametrize("columns", [TEXTS, PAIRS], ids=["mlm", "tlm"])
def test_the_loss_is_that_of_the_whole_model(tiny: Path, columns: dict[str, Any]) -> None:
    some = module(tiny)
    some.model.eval()
    batch = some.collate(some.renew(some.training_features(columns), 0, 0), some.tokenizer.pad_token_id)
    expected = some.model(**batch).loss
    assert float(some.loss(batch)) == pytest.approx(float(expected), rel=1e-5)
    some.loss(batch).backward()  # type: ignore[no-untyped-call]
    ours = {name: weight.grad.clone() for name, weight in some.model.named_parameters() if weight.grad is not None}
    some.model.zero_grad()
    some.model(**batch).loss.backward()
    for name, weight in some.model.named_parameters():
        if weight.grad is not None:
            assert torch.allclose(ours[name], weight.grad, atol=1e-6), name


def test_a_translation_stands_behind_its_text(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    some = module(tiny)
    caplog.set_level("INFO", "xtreme_noise")
    long = {"text": [*PAIRS["text"], "the cat"], "text_pair": [*PAIRS["text_pair"], "die Katze " * 30]}
    assert len(some.training_features(long)[2]["input_ids"]) == 32
    assert "1 of 3 pairs have 32 tokens" in caplog.text
    first, _ = some.training_features(PAIRS)
    assert some.tokenizer.decode(first["input_ids"]).replace(" ", "") == "<s>thecatsat</s></s>dieKatzesaß</s>"


def test_dev_is_scored_at_the_same_positions_whatever_the_batch(tiny: Path) -> None:
    from xtreme_noise.stages.predictor import Predictor

    some = module(tiny)
    one = Predictor(some, device=torch.device("cpu"), precision="32-true", batch_tokens=64).predict(TEXTS)
    other = Predictor(some, device=torch.device("cpu"), precision="32-true", batch_tokens=10_000).predict(TEXTS)
    gold = some.gold(TEXTS)
    assert one == other and gold == some.gold(TEXTS)
    assert [len(row.split()) for row in one] == [len(row.split()) for row in gold]
    assert len(gold[0].split()) == pytest.approx(270 * 0.15, abs=6) and len(gold[1].split()) == 1


def test_a_pretrained_language_head_is_kept_and_a_missing_one_is_made(tiny: Path, tmp_path: Path) -> None:
    first = models.load_model(AutoModelForMaskedLM, tiny, TINY)
    assert first.lm_head.decoder.weight is first.base_model.embeddings.word_embeddings.weight
    first.save_pretrained(tmp_path)
    again = models.load_model(
        AutoModelForMaskedLM, tmp_path, TINY, fresh_head=not module_class("masked_lm").pretrained_head
    )
    assert torch.equal(again.lm_head.dense.weight, first.lm_head.dense.weight)


def test_the_contrastive_term() -> None:
    one = torch.nn.functional.normalize(torch.randn(6, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    aligned, shifted = contrastive(one, one, 0.05), contrastive(one, one.roll(1, 0), 0.05)
    assert float(aligned) < 0.01 < 5 < float(shifted)
    assert float(contrastive(one, one, 1e6)) == pytest.approx(float(torch.log(torch.tensor(6.0))), abs=1e-4)


def test_clean_and_noisy_rows_belong_together(tiny: Path) -> None:
    some = module(tiny, "robust_contrastive", contrast_weight=0.0)
    columns = {"text": ["the cat", "some birds", "old trees"], "noisy_text": ["teh cat", "soome birds", "od trees"]}
    features = some.training_features(columns)
    assert some.tokens(features[0]) == sum(len(side["input_ids"]) for side in features[0].values())
    some.model.eval()
    batch = some.collate(some.renew(features, 0, 0), some.tokenizer.pad_token_id)
    assert batch["input_ids"].shape[0] == 6
    plain = float(some.loss(batch))
    assert plain == pytest.approx(float(some.model(**batch).loss), rel=1e-5)
    assert some.recipe is not None
    some.recipe.contrast_weight = 2.0
    assert float(some.loss(batch)) > plain


def study(root: Path, *overrides: str, code: int = 0, size: int = 20) -> None:
    arms = [f"intermediate.size.train={size}", "intermediate.size.dev=6", "intermediate.recipe.batch_size=4"]
    main(root, "task=xnli", "languages=[en,de]", "noise.levels=[0]", *arms, "sweep=s", *overrides, code=code)


@pytest.fixture
def root(root: Path) -> Path:
    for name, language in (("squad/train.en", "en"), ("tydiqa_goldp/heldout.en", "en"), ("jaquad/train.ja", "zh")):
        write(root / f"{name}.jsonl.gz", [{"context": sentence(language, n, 12)} for n in range(700, 730)] * 2)
    for part in ("train", "validation"):
        for language, code in (("en", "eng_Latn"), ("de", "deu_Latn"), ("zh", "zho_Hans")):
            rows = [{"index_id": n, "category": "x", "text": sentence(language, n)} for n in range(800, 830)]
            write(root / f"sib200/{part}.{code}.jsonl.gz", rows[::-1] if language == "de" else rows)
    return root


@pytest.mark.parametrize(
    ("intermediate", "options"),
    [
        ("mlm/multilingual", ["intermediate.arms.multilingual.languages=[en,ja]", *NOISY]),
        ("tlm/multilingual", ["intermediate.arms.multilingual.languages=[de,zh]"]),
        ("robust_contrastive/multilingual", ["intermediate.arms.multilingual.languages=[en,ja]", *NOISY]),
    ],
)
def test_a_study(root: Path, store_path: Path, intermediate: str, options: list[str]) -> None:
    kind, _, arm = intermediate.partition("/")
    study(root, f"intermediate={kind}", f"intermediate.arm={arm}", *options)
    assert {row["status"] for row in cells(Path("s"))} == {"ok"}
    facts = {fact["stage"]: fact for fact in map(_facts, store_path.glob("stages/*/training.json"))}
    assert set(facts) == {intermediate, "xnli"}
    assert facts[intermediate]["examples"] == 20 and facts[intermediate]["dev_metric"] == "token_accuracy"
    assert bool(facts[intermediate]["noise"]) == ("train_noise=char" in options)
    (stage,) = (p.parent for p in store_path.glob("stages/*/training.json") if _facts(p)["stage"] == intermediate)
    assert AutoModelForMaskedLM.from_pretrained(stage).config.vocab_size > 1000


def test_a_gate_is_recorded_and_changing_it_trains_nothing(root: Path, store_path: Path) -> None:
    options = ["intermediate=mlm", "intermediate.arm=english", "intermediate.gate.metric=token_accuracy"]

    def stages(gate: str) -> dict[str, dict[str, str]]:
        study(root, *options, f"intermediate.gate.at_least={gate}")
        rows = csv.DictReader(Path("s/tables/stages.csv").read_text(encoding="utf-8").splitlines())
        return {row["role"]: row for row in rows}

    found = stages("1")
    assert found["intermediate"]["gate"] == "1.0" and found["target"]["gate"] == ""
    assert found["target"]["parent_digest"] == found["intermediate"]["digest"]
    assert "(below 100)" in Path("s/report.html").read_text(encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in store_path.rglob("*") if path.is_file()}
    again = stages("0.5")
    assert again["intermediate"] == found["intermediate"] | {"gate": "0.5"} and again["target"] == found["target"]
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert len(list(store_path.glob("stages/*/training.json"))) == 2 and len(list(Path("s/jobs").iterdir())) == 1


def test_repeated_texts_count_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """30 contexts, each of two questions: 31 different ones are not to be had."""
    study(root, "intermediate=mlm", "intermediate.arm=english", size=31, code=1)
    assert "30 examples, 31 are needed" in capsys.readouterr().err


def test_a_language_does_not_stand_beside_itself(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study(root, "intermediate=tlm", "intermediate.arms.multilingual.languages=[de,en]", code=2)
    assert "paired with itself" in capsys.readouterr().err


def test_clean_pairs_teach_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study(root, "intermediate=robust_contrastive", "intermediate.arm=multilingual", code=2)
    assert "train_noise" in capsys.readouterr().err
    study(root, "intermediate=mlm", "intermediate.arm=english", "task.family=masked_lm", code=2)
    assert "masked_lm" in capsys.readouterr().err


def _facts(path: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(path.read_text())
    return facts
