"""nan and inf are never an answer: what they are in fails, says where, and leaves nothing in the store."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import pytorch_lightning as pl
import torch
from safetensors.torch import load_file, save_file

from tests.e2e.world import QUICK, cells, sentence
from tests.unit.test_multiple_choice import COLUMNS as CHOICES
from tests.unit.test_trainer_options import fit
from tests.unit.tiny_modules import TINY, module, predictor
from xtreme_noise import cli, models, noise, tasks
from xtreme_noise.data.batching import pad
from xtreme_noise.errors import ConfigError, ModelUnavailable, NotFinite
from xtreme_noise.finite import answers
from xtreme_noise.metrics.accuracy import Accuracy
from xtreme_noise.modules import module_class
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.masked_lm import MaskedLMModule
from xtreme_noise.modules.retrieval import RetrievalModule
from xtreme_noise.stages import distributed
from xtreme_noise.stages.training_run import BestEpochSelector

NAN, INF = float("nan"), float("inf")
# Two examples a family, the second with the letter q, whose embedding is made nan or inf.
EXAMPLES: dict[str, dict[str, Any]] = {
    "classification": {"text": ["a cat", "a q"], "text_pair": ["x", "x"], "label": [0, 1]},
    "tagging": {"tokens": [["a", "cat"], ["a", "q"]], "tags": [[0, 1], [0, 1]]},
    "qa": {
        "question": ["what?", "what?"],
        "context": ["a cat", "a q"],
        "answers": [{"text": ["cat"], "answer_start": [2]}, {"text": ["q"], "answer_start": [2]}],
    },
    "retrieval": {"id": ["0", "1"], "query": ["a cat", "a q"], "candidate": ["ein x", "ein y"]},
    "multiple_choice": CHOICES | {"text": ["The cup fell.", "q"]},
    "cloze": {"prompt": ["a cat <mask>", "a q <mask>"], "choices": [["x", "yz"]] * 2, "label": [0, 1]},
    "ranking": {"query": ["a cat", "a q"], "text": ["ein x", "ein y"]},
    "mining": {"id": ["0", "1"], "query": ["a cat", "a q"], "relevant": [[], []]},
    "masked_lm": {"text": ["a cat", "qqqqqq qqqqqq"]},
    "robust_contrastive": {"text": ["a cat", "qqqqqq qqqqqq"]},
}


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("family", sorted(tasks.names()))
def test_what_a_model_says_of_an_input(family: str, value: float, tiny: Path) -> None:
    """Each family fails for the examples that it concerns, and for no others."""
    some: Any = module(tiny, family, ["A", "B"] if family in ("classification", "tagging") else ())
    one = {name: column[:1] for name, column in EXAMPLES[family].items()}
    if isinstance(some, MaskedLMModule):
        some.model.lm_head.decoder = torch.nn.Linear(32, some.model.config.vocab_size)  # not tied to what is poisoned
    with torch.no_grad():
        some.model.get_input_embeddings().weight[some.tokenizer.convert_tokens_to_ids("q")] = value
    fresh = predictor(some)
    fresh.encode([EXAMPLES[family]])
    with pytest.raises(NotFinite, match="nan or inf for 1 of 2 examples"):
        fresh.values(EXAMPLES[family])
    with pytest.raises(NotFinite):
        fresh.predict(EXAMPLES[family])
    if not isinstance(some, MaskedLMModule):
        assert fresh.values(one), "what is encoded beside it has a value"


def test_padding_does_not_count_and_a_length_beyond_float32_does() -> None:
    scores = torch.tensor([[[1.0], [NAN]], [[NAN], [1.0]]])
    assert answers(["a", "b"], scores, torch.tensor([[1, 0], [1, 0]])) == ["a", None]
    assert answers(["a", "b"], scores) == [None, None]

    class Large(RetrievalModule):
        def __init__(self) -> None:
            torch.nn.Module.__init__(self)
            self.layer, self.pooling, self.sweep = -1, "mean", ()

        def model(self, input_ids: torch.Tensor, **_: Any) -> Any:
            states = torch.where(input_ids == 1, 1e30, 1.0)[..., None].expand(-1, -1, 4)  # 1e30 ** 2 is inf
            return type("Output", (), {"hidden_states": (states,)})

    batch = pad([{"input_ids": [0], "attention_mask": [1]}, {"input_ids": [1], "attention_mask": [1]}], 0)
    fine, large = Large().outputs(batch)
    assert large is None and fine == pytest.approx(0.5)


@pytest.mark.parametrize("value", [NAN, INF])
def test_a_model_whose_weights_are_not_finite_is_not_opened(
    value: float,
    tiny: Path,
    tmp_path: Path,
) -> None:
    for file in tiny.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"][3] = value
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    for family in ("classification", "retrieval"):
        with pytest.raises(ModelUnavailable, match=rf"{tmp_path}: .*layer\.1\.output\.dense\.bias contains nan or inf"):
            models.load_model(module_class(family).auto_class, tmp_path, TINY)


def nothing_is_left(store: Path) -> bool:
    return not [path for kind in ("stages", "unfinished/stages") for path in store.glob(f"{kind}/*") if path.is_dir()]


def _loss(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    real = TaskModule.training_step

    def step(self: Any, batch: Any, number: int) -> Any:
        return real(self, batch, number) + (value if self.global_step == 2 else 0.0)

    monkeypatch.setattr(TaskModule, "training_step", step)


def _score(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    monkeypatch.setattr(BestEpochSelector, "score", lambda self: value if self.history else 0.5)


def _weight(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    real = BestEpochSelector.on_train_end

    def end(self: BestEpochSelector, trainer: pl.Trainer, pl_module: Any) -> None:
        real(self, trainer, pl_module)
        with torch.no_grad():
            pl_module.model.classifier.out_proj.bias[1] = value

    monkeypatch.setattr(BestEpochSelector, "on_train_end", end)


@pytest.mark.parametrize(
    ("spoil", "value", "words"),
    [
        (_loss, NAN, r"^xnli cannot be trained: the training loss is \S+ in epoch 1 after 2 updates"),
        (_score, NAN, "^xnli cannot be trained: accuracy on dev is .* after epoch 2"),
        (_weight, INF, r"^xnli cannot be trained: the weight model\.classifier\.out_proj\.bias contains nan or inf"),
    ],
)
def test_a_stage_fails_and_leaves_nothing(
    root: Path, tmp_path: Path, spoil: Any, value: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, value)
    with pytest.raises(NotFinite, match=words):
        fit(root, tmp_path / "s", "task.recipe.epochs=2", "trainer.checkpoint_minutes=0")
    assert nothing_is_left(tmp_path / "s")


def test_a_learning_rate_that_ends_in_nan(root: Path, tmp_path: Path) -> None:
    """Where the last update makes it so, only the dev set shows it."""
    with pytest.raises(NotFinite, match=r"^xnli cannot be trained: .*lower"):
        fit(root, tmp_path / "s", "task.recipe.learning_rate=1e9")
    assert nothing_is_left(tmp_path / "s")


def test_an_error_for_people_arrives_from_another_process_as_it_is() -> None:
    with pytest.raises(ConfigError, match=r"^unknown noise family 'chair'; did you mean 'char'\?"):
        distributed.run(1, cast(Any, noise.build), {"family": "chair"})


def test_a_cell_fails_alone(root: Path, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The noisy cell is encoded together with the clean one, which is finished."""
    clean = {sentence(language, n) for language in ("de", "en") for n in range(15)}
    real = RetrievalModule.value
    monkeypatch.setattr(
        RetrievalModule, "value", lambda self, unit, *some: real(self, unit, *some) if unit in clean else None
    )
    files = ["source=files", f"source.root={root}", "task=tatoeba", "languages=[de]"]
    assert cli.main([*QUICK, *files, "noise=char", "noise.levels=[0,0.2]", "sweep=s"]) == 1
    found = {row["noise"]: row for row in cells(Path("s"))}
    assert found["clean"]["status"] == "ok" and found["char"]["status"] == "error" and found["char"]["score"] is None
    assert re.match(r"the model's outputs are nan or inf for \d+ of 15 examples", found["char"]["error"])
    [pack] = store_path.glob("packs/*.zip")
    stored = {name.rpartition("/")[0] for name in zipfile.ZipFile(pack).namelist()}
    assert sorted(name.split("/")[0] for name in stored) == ["cells", "predictions"]


def test_a_score_that_is_no_number(root: Path, store_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Accuracy.score
    monkeypatch.setattr(Accuracy, "score", lambda *some: replace(real(*some), score=NAN))
    files = ["source=files", f"source.root={root}", "task=tatoeba", "languages=[de]"]
    assert cli.main([*QUICK, *files, "noise.levels=[0]", "sweep=s"]) == 1
    [found] = cells(Path("s"))
    assert found["status"] == "error" and "accuracy of 15 predictions has a nan or inf value" in found["error"]
    assert not any(path.is_dir() for path in (store_path / "cells").iterdir())
    [pack] = store_path.glob("packs/*.zip")
    assert {name.split("/")[0] for name in zipfile.ZipFile(pack).namelist()} == {"predictions"}
