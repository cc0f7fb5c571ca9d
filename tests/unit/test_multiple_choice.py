"""Multiple choice: normal form, one score a choice, noise on text and choices, XCOPA's repaired question."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from datasets import Dataset

from tests.unit.tiny_modules import module, predictor
from xtreme_noise.config import compose
from xtreme_noise.data.examples import normalise
from xtreme_noise.errors import DataError
from xtreme_noise.noise import build
from xtreme_noise.noise.apply import perturb
from xtreme_noise.stages.plan import test_reference as held_out
from xtreme_noise.store import Store

COLUMNS: dict[str, Any] = {
    "id": ["a", "b"],
    "text": ["The cup fell from the table.", "It rained all night long."],
    "question": ["What was the effect?", "What was the cause?"],
    "choices": [
        ["It broke into pieces.", "It sang a song."],
        ["Clouds came.", "Dogs flew away.", "A red car stopped."],
    ],
    "label": [0, 2],
}


def test_normal_form() -> None:
    row = {"text": "t", "choice_0": "a", "choice_1": "b", "label": "1"}
    common: dict[str, Any] = {"family": "multiple_choice", "labels": (), "columns": {}, "prefix": "x", "what": "w"}
    [found] = normalise([("line 1", row)], **common)
    assert found == {"id": "x-0", "text": "t", "choices": ["a", "b"], "label": 1}
    with pytest.raises(DataError, match=r"label 2 is out of range"):
        normalise([("line 1", row | {"label": 2})], **common)
    with pytest.raises(DataError, match="at least two non-empty choices"):
        normalise([("line 1", {"text": "t", "choice_0": "a", "label": 0})], **common)


def test_one_score_a_choice_and_the_loss_is_over_them(tiny: Path) -> None:
    some: Any = module(tiny, "multiple_choice").eval()
    guess = predictor(some)
    predicted = guess.predict(COLUMNS)
    scores = [torch.tensor([guess._values[unit] for unit in units]) for units in some.units(COLUMNS)]
    assert [len(row) for row in scores] == [2, 3]
    assert predicted == [str(int(row.argmax())) for row in scores]
    features = some.training_features(COLUMNS)
    wanted = sum(torch.nn.functional.cross_entropy(s, torch.tensor(y)) for s, y in zip(scores, (0, 2), strict=True)) / 2
    batch = some.collate(features, some.tokenizer.pad_token_id)
    assert float(some.loss(batch)) == pytest.approx(float(wanted), abs=1e-4)
    assert some.tokens(features[1]) == int(batch["attention_mask"][2:].sum())


@pytest.mark.parametrize(("field", "same"), [("text", ["choices"]), ("choices", ["text"]), ("both", [])])
def test_noise(field: str, same: list[str]) -> None:
    data = Dataset.from_dict(COLUMNS)
    noisy = perturb(
        data, family="multiple_choice", field=field, perturber=build("char"), level=0.3, seed=0, language="en",
        dataset_name="d", split="test",
    )  # fmt: skip
    for column in ("id", "question", "label", *same):
        assert noisy.dataset[column][:] == data[column][:]
    for column in {"text", "choices"} - set(same):
        assert noisy.dataset[column][:] != data[column][:]
    assert [len(row) for row in noisy.dataset["choices"]] == [2, 3]
    assert isinstance(noisy.dataset, datasets.Dataset) and 0.2 < noisy.achieved < 0.4


@pytest.mark.usefixtures("workdir")
def test_the_question_of_xcopa_is_that_of_copa(
    shared_data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    [job] = compose.jobs(["task=xcopa", "source=files", f"source.root={shared_data}"])
    thai, quechua = (held_out(job, code).load(Store(tmp_path)) for code in ("th", "qu"))
    assert len(thai) == 500 and thai["question"][:] == quechua["question"][:]
    assert "250 of 500 rows repaired from copa/test.en.jsonl.gz" in caplog.text
    assert thai["question"][:].count("What was the cause?") == 250
