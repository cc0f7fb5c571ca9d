"""What a level is a rate of: graphemes, words or subword tokens; and noise that has no more to act on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import datasets
import pytest

from xtreme_noise import tasks
from xtreme_noise.data.transform import NoiseTransform, texts, token_change_rate
from xtreme_noise.errors import NotApplicable
from xtreme_noise.noise import build
from xtreme_noise.noise.families.char import Family as Char
from xtreme_noise.noise.registry import checked_parameters
from xtreme_noise.stages.evaluate import saturated

WORDS = "every morning the old farmer walks slowly along the river to feed his hungry animals".split()
DATA = datasets.Dataset.from_dict(
    {
        "id": [str(i) for i in range(300)],
        "text": [" ".join(WORDS[(i * k) % 14] for k in range(1, 12)) for i in range(300)],
        "label": [0] * 300,
    }
)


def pieces(texts: list[str]) -> list[list[int]]:
    """A tokenizer of three characters a piece."""
    return [[hash_of(text[at : at + 3]) for at in range(0, len(text), 3)] for text in texts]


def hash_of(piece: str) -> int:
    return int.from_bytes(piece.encode(), "little")


def transform(level: float, by: str, **chosen: Any) -> NoiseTransform:
    make = partial(NoiseTransform, build("char"), level, 0, "toy", "classification", "text", "en")
    return make(by=by, tokenise=pieces, **chosen)


@pytest.mark.parametrize("level", [0.05, 0.1, 0.3])
def test_level_of_words(level: float) -> None:
    noisy = transform(level, "word")(DATA, "test")
    assert noisy.word_change_rate == pytest.approx(level, abs=0.01)
    assert noisy.achieved < level / 2


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_level_of_tokens(level: float) -> None:
    noisy = transform(level, "token")(DATA, "test")
    reached = token_change_rate(pieces(list(DATA["text"])), pieces(list(noisy.dataset["text"])))
    assert reached == pytest.approx(level, abs=0.01)


SOME = [f"{text[:40]} end" for text in DATA["text"][:120]]
CUT = [text.split() for text in SOME]
FAMILIES: dict[tuple[str, str], dict[str, Any]] = {
    ("classification", "both"): {"text": SOME, "text_pair": SOME[::-1], "label": [0] * 120},
    ("tagging", "tokens"): {"tokens": CUT, "tags": [[0] * len(tokens) for tokens in CUT]},
    ("qa", "question"): {"question": SOME, "context": SOME, "answers": [{"text": ["end"], "answer_start": [41]}] * 120},
    ("qa", "context"): {"question": SOME, "context": SOME, "answers": [{"text": ["end"], "answer_start": [41]}] * 120},
    ("retrieval", "query"): {"query": SOME, "candidate": SOME},
    ("multiple_choice", "both"): {"text": SOME, "choices": [[text, text[4:]] for text in SOME], "label": [0] * 120},
}


@pytest.mark.parametrize("by", ["word", "token"])
@pytest.mark.parametrize(("family", "field"), FAMILIES)
def test_every_task_family(family: str, field: str, by: str) -> None:
    data = datasets.Dataset.from_dict({"id": [str(i) for i in range(120)], **FAMILIES[family, field]})
    make = NoiseTransform(build("char"), 0.15, 0, "toy", family, field, "en", by, pieces)
    noisy = make(data, "test")
    columns = tasks.family(family).noise_fields[field].columns
    token_rate = token_change_rate(pieces(texts(data, columns)), pieces(texts(noisy.dataset, columns)))
    assert (noisy.word_change_rate if by == "word" else token_rate) == pytest.approx(0.15, abs=0.02)


class Ceiling(Char):
    """Can be calibrated to no grapheme level above 0.06, as stock augmenters."""

    def prepare(self, texts: Sequence[str], level: float, language: str) -> None:  # noqa: ARG002
        if level > 0.06:
            raise NotApplicable("too much")


@pytest.mark.parametrize(("level", "grapheme"), [(0.1, 0.02), (0.9, 0.06)])
def test_levels_beyond_the_reach_of_a_family_are_no_obstacle(level: float, grapheme: float) -> None:
    limited = Ceiling(checked_parameters("char", {}))
    noisy = NoiseTransform(limited, level, 0, "toy", "classification", "text", "en", "word")(DATA, "test")
    assert noisy.achieved == pytest.approx(grapheme, abs=0.003)


def test_pure_and_clean_at_zero() -> None:
    assert list(transform(0.1, "word")(DATA, "t").dataset["text"]) == list(
        transform(0.1, "word")(DATA, "t").dataset["text"]
    )
    assert list(transform(0.0, "word")(DATA, "t").dataset["text"]) == list(DATA["text"])


def test_token_change_rate() -> None:
    assert token_change_rate([[1, 2, 3], [4]], [[1, 9, 3], [4, 5]]) == 0.5
    assert token_change_rate([], []) == 0.0


def test_saturated() -> None:
    assert saturated(0.1, 0.04, 0.05) and saturated(0.05, 0.03, 0.06)
    assert not saturated(0.1, 0.097, 0.8) and not saturated(0.1, 0.08, 0.8)  # a short text's luck, not its supply
