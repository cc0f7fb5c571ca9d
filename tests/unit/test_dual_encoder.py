"""The dual encoder: its loss, the learned scale in the stage's directory, rankings of a pool and of dev examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel

from tests.unit.tiny_modules import module, predictor
from xtreme_noise.modules.dual_encoder import FILE, Candidates

TRAIN: dict[str, Any] = {
    "id": ["a", "b", "c"],
    "query": ["who came", "what is seen there", "where"],
    "text": ["a man came.", "birds are seen.", "a man came."],
    "context": ["a man came. He left.", "birds are seen.", "a man came. He left."],
}
POOL: dict[str, Any] = {
    "id": [f"c{n}" for n in range(40)],
    "text": [f"sentence {n} of {'many ' * (n % 5)}words" for n in range(40)],
}


@pytest.fixture
def encoder(tiny: Path) -> Any:
    return module(tiny, "ranking").eval()


def vectors(encoder: Any, columns: dict[str, Any], side: str) -> Any:
    """By hand, one input at a time: the mean over its tokens, of length 1."""
    found = []
    for row in range(len(columns["id"])):
        context = columns["context"][row] if side == "text" and "context" in columns else None
        inputs = encoder.tokenizer(columns[side][row], context, return_tensors="pt", truncation=True, max_length=64)
        with torch.inference_mode():
            state = encoder.model(**inputs).last_hidden_state[0].mean(0)
        found.append(state / state.norm())
    return torch.stack(found)


def test_the_loss_is_a_softmax_over_the_batch(encoder: Any) -> None:
    features = encoder.training_features(TRAIN)
    batch = encoder.collate(features, encoder.tokenizer.pad_token_id)
    assert batch["first"].tolist() == [0, 1, 0]
    encoder.log = lambda *_args, **_kwargs: None
    loss = encoder.training_step(batch, 0)
    logits = 100 * vectors(encoder, TRAIN, "query") @ vectors(encoder, TRAIN, "text").T
    logits[0, 2] = logits[2, 0] = float("-inf")  # the same sentence is no wrong answer
    wanted = torch.nn.functional.cross_entropy(logits, torch.arange(3))
    assert float(loss) == pytest.approx(float(wanted), rel=1e-3)
    loss.backward()
    assert encoder.scale.grad is not None and encoder.scale.grad.abs() > 0
    masks = (batch["query_attention_mask"], batch["text_attention_mask"])
    assert encoder.tokens(features[1]) == sum(int(mask[1].sum()) for mask in masks)


def test_the_scale_is_in_the_directory_and_from_pretrained_opens_it(encoder: Any, tiny: Path, tmp_path: Path) -> None:
    with torch.no_grad():
        encoder.scale.fill_(87.5)
    encoder.save(tmp_path)
    assert {path.suffix for path in tmp_path.glob("*.safetensors")} == {".safetensors"} and (tmp_path / FILE).is_file()
    again: Any = module(tmp_path, "ranking").eval()
    assert float(again.scale) == 100.0
    again.restore(tmp_path)
    assert float(again.scale) == 87.5
    fresh: Any = module(tiny, "ranking")
    fresh.restore(tiny)
    assert float(fresh.scale) == 100.0, "a pretrained model has none"
    opened = AutoModel.from_pretrained(tmp_path).get_input_embeddings().weight
    assert torch.equal(opened, encoder.model.get_input_embeddings().weight)


def test_the_optimizer_moves_the_scale(encoder: Any) -> None:
    encoder.recipe = type("Recipe", (), {"weight_decay": 0.1, "learning_rate": 0.01, "warmup": 0.0})()
    encoder._trainer = type("Trainer", (), {"estimated_stepping_batches": 10})()
    decayed, kept = encoder.configure_optimizers()["optimizer"].param_groups
    assert any(weight is encoder.scale for weight in kept["params"])
    assert len(decayed["params"]) + len(kept["params"]) == len(list(encoder.parameters()))


@pytest.mark.parametrize("depth", [1, 5, 100])
def test_rankings_of_a_pool(encoder: Any, depth: int) -> None:
    guess = predictor(encoder)
    test: dict[str, Any] = {
        "id": ["q", "r"],
        "query": ["sentence 3 of many words", "x"],
        "relevant": [["c3"], ["c7", "c9"]],
    }
    pool = vectors(encoder, POOL, "text")
    encoder.candidates, encoder.depth = Candidates(POOL["id"], pool.numpy()), depth
    scores = vectors(encoder, test, "query") @ pool.T
    wanted = [[POOL["id"][n] for n in row[:depth]] for row in scores.argsort(descending=True, stable=True).tolist()]
    assert [json.loads(line) for line in guess.predict(test)] == wanted
    assert encoder.gold(test) == [["c3"], ["c7", "c9"]]


def test_a_whole_ranking_ends_with_the_last_right_one(encoder: Any) -> None:
    guess = predictor(encoder)
    test: dict[str, Any] = {"id": ["q", "r"], "query": ["sentence 3", "x"], "relevant": [["c3"], ["c7", "c9"]]}
    encoder.candidates = Candidates(POOL["id"], np.asarray(vectors(encoder, POOL, "text")))
    encoder.depth = 100
    long = [json.loads(line) for line in guess.predict(test)]
    encoder.depth = None
    for ranking, whole, right in zip(map(json.loads, guess.predict(test)), long, test["relevant"], strict=True):
        assert ranking == whole[: len(ranking)] and ranking[-1] in right and set(right) <= set(ranking)


def test_dev_examples_are_their_own_pool(encoder: Any) -> None:
    encoder.depth = 20
    lines = [json.loads(line) for line in predictor(encoder).predict(TRAIN)]
    assert encoder.gold(TRAIN) == [["0"], ["1"], ["0"]]
    order = (vectors(encoder, TRAIN, "query") @ vectors(encoder, TRAIN, "text")[:2].T).argsort(descending=True)
    assert lines == [[str(n) for n in row] for row in order.tolist()]


def test_prefixes_and_pooling_change_vectors(tiny: Path) -> None:
    plain: Any = module(tiny, "ranking").eval()
    columns = {"id": ["a"], "query": ["one"], "text": ["two"]}

    def values() -> list[Any]:
        guess = predictor(plain)
        guess.encode([columns])
        return list(guess.values(columns)[0])

    first = values()
    plain.passage_prefix = "passage: "
    second = values()
    assert np.array_equal(first[0], second[0]) and not np.allclose(first[1], second[1])
    for how in ("cls", "max"):
        plain.pooling = how
        assert not np.allclose(values()[0], second[0])


def test_long_paragraphs_are_cut_before_they_are_tokenised_as_pairs(encoder: Any) -> None:
    """Of what it cuts off itself, a tokenizer keeps every piece of the one text with every piece of the other."""
    seen: list[tuple[list[str], list[str] | None]] = []
    real = encoder.tokenizer

    class Watched:
        def __call__(self, texts: list[str], contexts: list[str] | None = None, **options: Any) -> Any:
            seen.append((texts, contexts))
            return real(texts, contexts, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    sentence, paragraph = "birds are seen. " * 3, "a man came and left. " * 2000
    alone = real(sentence, paragraph, truncation="only_second", max_length=64)["input_ids"]
    encoder.tokenizer = Watched()
    columns = {"id": ["a"], "query": ["where"], "text": [sentence], "context": [paragraph]}
    (feature,) = encoder.training_features(columns)
    assert feature["text"]["input_ids"] == alone, "the same tokens as without the cut"
    (given,) = [context for _, contexts in seen if contexts for context in contexts]
    assert len(given) < 500, f"{len(given)} characters of the paragraph are tokenised with the sentence"
