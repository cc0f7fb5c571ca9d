"""Inputs of any length around the limit: windows hold every token once (tagging) or at least once (QA)."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.tiny_modules import module, predictor
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.qa import MAX_ANSWER

LIMIT = 24  # subword tokens, two special ones among them
# Words of one to many subwords, a control character without any, and text without spaces.
WORDS = ["a", "the", "unbelievable", "Donaudampfschifffahrt", "猫が好き", "\u200b", "ภาษาไทย", "x" * 9, "!?"]
SETTINGS = settings(max_examples=25, deadline=None, derandomize=True)
sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=40)


@pytest.fixture(scope="module")
def tagger(tiny: Path) -> TaskModule:
    return module(tiny, "tagging", ["A", "B", "C"], max_length=LIMIT)


@pytest.fixture(scope="module")
def reader(tiny: Path) -> TaskModule:
    return module(tiny, "qa", max_length=3 * LIMIT)


def pieces(some: TaskModule, tokens: list[str]) -> list[list[int]]:
    """Subword ids of each token by itself."""
    found = some.tokenizer([[token] for token in tokens], is_split_into_words=True, add_special_tokens=False)
    return [ids or [some.tokenizer.unk_token_id] for ids in found["input_ids"]]


def check_tagging(some: TaskModule, tokens: list[str], tags: list[int]) -> int:
    """Every subword of every token is in one window, in order; every tag on its token's first; the windows."""
    [windows] = some.features([tuple(tokens)])
    whole = pieces(some, tokens)
    room = LIMIT - 2
    assert all(len(window["input_ids"]) <= LIMIT for window in windows)
    kept = [piece for window in windows for piece in window["input_ids"][1:-1]]
    assert kept == [piece for ids in whole for piece in ids[:room]]
    heads = [window["input_ids"][head] for window in windows for head in window["_heads"]]
    assert heads == [ids[0] for ids in whole]
    # No more windows than needed: a window and the first token of the next one do not fit together.
    sizes = [len(window["input_ids"]) - 2 for window in windows]
    firsts = [window["_heads"] for window in windows[1:]]
    for size, following, window in zip(sizes, firsts, windows[1:], strict=False):
        end = following[1] if len(following) > 1 else len(window["input_ids"]) - 1
        assert size + end - following[0] > room
    features = some.training_features({"tokens": [tokens], "tags": [tags]})
    assert [feature["input_ids"] for feature in features] == [window["input_ids"] for window in windows]
    assert [label for feature in features for label in feature["labels"] if label != -100] == tags
    assert sum(map(some.tokens, features)) == sum(min(len(ids), room) for ids in whole) + 2 * len(windows)
    return len(windows)


@SETTINGS
@given(tokens=sentences)
def test_tagging_loses_no_token(tagger: TaskModule, tokens: list[str]) -> None:
    check_tagging(tagger, tokens, [number % 3 for number in range(len(tokens))])


def test_tagging_at_every_length_around_the_limit(tagger: TaskModule) -> None:
    room = LIMIT - 2
    assert len(pieces(tagger, ["a"])[0]) == 1
    for count in range(1, 3 * room + 2):
        tags = [number % 3 for number in range(count)]
        assert check_tagging(tagger, ["a"] * count, tags) == -(-count // room), count
    # A word that is longer than a window keeps its tag, and its neighbours theirs.
    assert check_tagging(tagger, ["a", "x" * 300, "a"], [0, 1, 2]) == 3


@SETTINGS
@given(sets=st.lists(sentences, min_size=1, max_size=6))
def test_windows_are_counted_and_every_token_gets_a_tag(tagger: TaskModule, sets: list[list[str]]) -> None:
    columns: dict[str, Any] = {"tokens": sets}
    some = predictor(tagger)
    assert [len(tags.split()) for tags in some.predict(columns)] == [len(tokens) for tokens in sets]
    units: list[Any] = [tuple(tokens) for tokens in sets]
    assert some.windows(columns) == sum(len(windows) for windows in tagger.features(units))
    some.forget()
    assert some.windows({"tokens": [["a"]]}) == 1


def question(context: str, answer: str, begin: int) -> dict[str, Any]:
    return {
        "question": ["what is it?"],
        "context": [context],
        "answers": [{"text": [answer], "answer_start": [begin]}],
    }


@SETTINGS
@given(words=sentences, more=st.integers(1, 4), data=st.data())
def test_qa_windows_hold_every_token_and_a_short_answer_whole(
    reader: TaskModule, words: list[str], more: int, data: st.DataObject
) -> None:
    context = " ".join(words * more + ["end"])
    columns = question(context, "end", len(context) - 3)
    [[unit]] = reader.units(columns)
    [windows] = reader.features([unit])
    alone = reader.tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
    wanted = {(low, high) for low, high in alone["offset_mapping"] if high > low}
    found = {span for window in windows for span in window["_offsets"] if span != (0, 0)}
    assert found == wanted, "a token of the context is in no window"
    assert all(len(window["input_ids"]) <= 3 * LIMIT for window in windows)
    # An answer of no more tokens than neighbouring windows share is whole in one of them.
    spans = sorted(wanted)
    first = data.draw(st.integers(0, len(spans) - 1))
    last = min(len(spans) - 1, first + data.draw(st.integers(0, 11)))
    begin, end = spans[first][0], spans[last][1]
    features = reader.training_features(question(context, context[begin:end], begin))
    assert len(features) == len(windows)
    marked = [
        (window["_offsets"][feature["start_positions"]][0], window["_offsets"][feature["end_positions"]][1])
        for feature, window in zip(features, windows, strict=True)
        if feature["end_positions"]
    ]
    assert marked and set(marked) == {(begin, end)}


@SETTINGS
@given(words=sentences, more=st.integers(1, 4), seed=st.integers(0, 2**16))
def test_the_best_span_of_all_windows_is_the_answer(reader: TaskModule, words: list[str], more: int, seed: int) -> None:
    context = " ".join(words * more + ["end"])
    [[unit]] = reader.units(question(context, "end", len(context) - 3))
    [windows] = reader.features([unit])
    drawn = torch.Generator().manual_seed(seed)
    outputs = [torch.randn(2, len(window["input_ids"]), generator=drawn) for window in windows]
    best: tuple[float, str] = (float("-inf"), "")
    for window, logits in zip(windows, outputs, strict=True):
        inside = [at for at, (low, high) in enumerate(window["_offsets"]) if high > low]
        for start in inside:
            for end in (at for at in inside if start <= at < start + MAX_ANSWER):
                text = context[window["_offsets"][start][0] : window["_offsets"][end][1]]
                best = max(best, (float(logits[0, start] + logits[1, end]), text), key=lambda pair: pair[0])
    assert reader.value(unit, windows, outputs) == best[1]


def test_an_answer_that_no_window_holds_is_told(reader: TaskModule, caplog: pytest.LogCaptureFixture) -> None:
    context = "word " * 200
    with caplog.at_level(logging.WARNING):
        reader.training_features(question(context, context[:-1], 0))
    assert "1 of 1 answers are longer than the overlap of windows" in caplog.text
