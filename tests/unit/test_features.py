"""What mode=plan counts without a model are the features of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.tiny_modules import NLI, TINY, module
from xtreme_noise import models, tasks
from xtreme_noise.features import features_class
from xtreme_noise.features.base import Limits
from xtreme_noise.store import Store

LONG = "long words " * 40
EXAMPLES: dict[str, dict[str, Any]] = {
    "classification": NLI | {"text": [LONG, *NLI["text"][1:]]},
    "tagging": {"tokens": [["a", "bc"], LONG.split()], "tags": [[0, 1], [1] * 80]},
    "qa": {
        "question": ["what?", LONG],
        "context": [LONG + "here it is", "short one"],
        "answers": [{"text": ["here it"], "answer_start": [len(LONG)]}, {"text": ["short"], "answer_start": [0]}],
    },
    "multiple_choice": {
        "text": ["a b", LONG], "question": ["why?", "who?"], "choices": [["x", "y z"], ["u", LONG, "w"]],
        "label": [1, 2],
    },
    "ranking": {"query": ["what?", LONG], "text": ["this", LONG], "context": [LONG, "short"]},
    "masked_lm": {"text": ["a b", LONG]},
    "robust_contrastive": {"text": ["a b", LONG], "noisy_text": ["a bb", LONG + "x"]},
}  # fmt: skip


def test_every_family_that_is_trained_is_here() -> None:
    assert set(EXAMPLES) == {name for name in tasks.names() if tasks.family(name).features}


@pytest.mark.parametrize("family", EXAMPLES)
def test_with_and_without_a_model_they_are_the_same(family: str, tiny: Path, tmp_path: Path) -> None:
    labels = ["x", "y", "z"] if tasks.family(family).labelled else []
    whole = module(tiny, family, labels, max_length=32, stride=8)
    own = features_class(family)
    assert own is not None
    folder = models.tokenizer(TINY, Store(tmp_path), offline=True)
    assert not (folder / "config.json").exists()
    alone = own.alone(models.load_tokenizer(folder), Limits(32, 8), "", "")
    found = alone.training_features(EXAMPLES[family])
    assert found == whole.training_features(EXAMPLES[family])
    assert len(found) >= len(next(iter(EXAMPLES[family].values())))
    assert list(map(alone.tokens, found)) == list(map(whole.tokens, found))
