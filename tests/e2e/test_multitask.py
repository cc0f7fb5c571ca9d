"""Several intermediate tasks at once: one encoder, a head each, tasks drawn with a seed by their sizes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForSequenceClassification

from tests.e2e import world
from tests.e2e.world import qa, sentence, write
from tests.unit.test_resume import EVERY_STEP, Killed, kill_after
from tests.unit.tiny_modules import NLI, module
from xtreme_noise.commands import plan as estimate
from xtreme_noise.config.schema import Config, RecipeConfig, SamplingConfig
from xtreme_noise.errors import NotFinite
from xtreme_noise.modules import TaskModule, module_class
from xtreme_noise.modules.masked_lm import MaskedLMModule
from xtreme_noise.modules.multitask import MultitaskModule, own, share_encoder
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.multitask_data import DrawnBatches
from xtreme_noise.stages.plan import Plan
from xtreme_noise.stages.sampling import chances, epoch_batches, task_chances
from xtreme_noise.store import Store, digest

TASKS = "intermediate.use=[mnli,squad1,hellaswag]"
SMALL = [
    *(f"intermediate.tasks.{name}.size.dev=4" for name in ("mnli", "squad1", "hellaswag")),
    *(f"intermediate.tasks.{name}.recipe.batch_size=4" for name in ("mnli", "squad1", "hellaswag")),
    "intermediate.tasks.squad1.recipe.max_length=64", "intermediate.tasks.squad1.recipe.stride=16",
    "intermediate.recipe.learning_rate=0.01",
]  # fmt: skip


@pytest.fixture
def root(root: Path) -> Path:
    nli = [{"premise": sentence("en", n), "hypothesis": sentence("en", n + 1), "label": n % 3} for n in range(24)]
    write(root / "mnli/validation_matched.en.jsonl.gz", nli)
    ends = [{"ctx": sentence("en", n), "endings": ["cat", "dog", "sun", "mat"], "label": str(n % 4)} for n in range(40)]
    write(root / "hellaswag/validation.en.jsonl.gz", ends)
    write(root / "squad/train.en.jsonl.gz", qa("en", 12, 400))
    return root


def job(root: Path, *overrides: str) -> Config:
    return world.job(root, "intermediate=stilts", *overrides)


def test_three_families_on_one_encoder(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = [
        "intermediate.recipe.learning_rate=1e-12",
        "intermediate.recipe.epochs=4",
        "intermediate.recipe.patience=1",
    ]
    drawn = ["intermediate.sampling.temperature=4", "intermediate.sampling.cap=15"]
    cfg = job(root, "task=xnli", TASKS, *SMALL[:-1], *still, *drawn)
    plan = Plan(cfg)
    assert [(stage.name, stage.family) for stage in plan.stages] == [
        ("stilts/english[mnli,squad1,hellaswag]", "multitask"),
        ("xnli", "classification"),
    ]
    assert estimate.show([cfg]) == 0
    shown = capsys.readouterr().out
    assert shown.count("stilts/english[mnli,squad1,hellaswag] ") == 3, "a stage, the one on top, the cells"
    assert "stilts/english[mnli,squad1,hellaswag]: mnli 24, squad1 12, hellaswag 36 examples" in shown
    [(_, work), _] = estimate.survey([cfg]).stages.values()
    path = train(plan, Store(cfg.store), False)
    first = Store(cfg.store).path("stages", plan.stages[0].key())
    facts = json.loads((first / "training.json").read_text())
    assert set(facts["tasks"]) == {"mnli", "squad1", "hellaswag"} and facts["examples"] > 60
    assert facts["updates"] == sum(own["batches"] for own in facts["tasks"].values())
    assert facts["tokens"] == sum(own["tokens"] for own in facts["tasks"].values()) > 0
    assert work.tokens == pytest.approx(facts["tokens"] / len(facts["dev_scores"]) * 4, rel=0.15), "planned: 4 epochs"
    scores = [own["dev_scores"] for own in facts["tasks"].values()]
    assert facts["dev_scores"] == pytest.approx([sum(some) / 3 for some in zip(*scores, strict=True)])
    assert len(facts["dev_scores"]) == 2 and facts["chosen_epoch"] == 1, "nothing is learned: no better than the first"
    encoder = AutoModel.from_pretrained(first)
    heads = {file.stem: load_file(file) for file in (first / "heads").iterdir()}
    assert {name: sorted(weights)[0].split(".")[0] for name, weights in heads.items()} == {
        "mnli": "classifier", "squad1": "qa_outputs", "hellaswag": "classifier",
    }  # fmt: skip
    target = AutoModelForSequenceClassification.from_pretrained(path)
    assert target.config.id2label[0] == "entailment" and encoder.config.hidden_size == target.config.hidden_size


def test_the_key_knows_tasks_and_sampling(root: Path) -> None:
    keys = {
        digest(Plan(job(root, "task=tatoeba", *some)).stages[0].key())
        for some in (
            [TASKS], ["intermediate.use=[mnli,squad1]"], [TASKS, "intermediate.sampling.temperature=2"],
            [TASKS, "intermediate.sampling.cap=20"], [TASKS, "intermediate.tasks.mnli.size.train=10"],
            [TASKS, "intermediate.recipe.epochs=2"], [TASKS, "intermediate.recipe.patience=1"],
        )
    }  # fmt: skip
    assert len(keys) == 7
    stage = Plan(job(root, "task=tatoeba", "intermediate.use=[squad1,mnli]")).stages[0]
    turned = replace(stage, tasks=stage.tasks[::-1])
    assert turned.name == stage.name and turned.key() != stage.key(), "which is drawn when depends on the order"
    assert digest(turned.key()) != digest(stage.key()) and stage.sampling is not None
    weight = replace(stage, sampling=replace(stage.sampling, mlm_weight=0.25))
    assert weight.key() == stage.key(), "no text is masked in it"


@pytest.mark.parametrize(("task", "family"), [("mnli", "classification"), ("squad1", "qa")])
def test_a_loss_that_is_no_number_is_named(root: Path, task: str, family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = job(root, "task=tatoeba", "intermediate.use=[mnli,squad1]", *SMALL[:2], *SMALL[3:5])
    monkeypatch.setattr(module_class(family), "loss", lambda self, batch: self.model(**batch).loss * float("nan"))
    with pytest.raises(NotFinite, match=rf"training loss of {task} is nan"):
        train(Plan(cfg), Store(cfg.store), False)


def test_the_last_update_is_the_mean_of_its_batches(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tasks they are of."""
    cfg = job(root, "task=tatoeba", "intermediate.use=[mnli,squad1]", *SMALL[:2], *SMALL[3:5], *SMALL[6:8],
              "trainer.accumulate_grad_batches=4")  # fmt: skip
    weights: list[float] = []
    real = TaskModule._share_of_update

    def noted(self: TaskModule) -> float:
        weights.append(real(self))
        return weights[-1]

    monkeypatch.setattr(TaskModule, "_share_of_update", noted)
    path = train(Plan(cfg), Store(cfg.store), False)
    facts = json.loads((path / "training.json").read_text())
    batches = sum(own["batches"] for own in facts["tasks"].values())
    left = batches % 4
    assert batches > 4 and left and facts["updates"] == batches // 4 + 1
    assert weights == [1.0] * (batches - left) + [4 / left] * left


def test_encoders_are_one_and_heads_are_not(tiny: Path) -> None:
    one, other = module(tiny, "classification", ["a", "b", "c"]), module(tiny, "qa")
    both = MultitaskModule.of({"one": one, "other": other}, RecipeConfig())
    assert one.model.base_model.encoder is other.model.base_model.encoder
    names = [name for name, _ in both.named_parameters()]
    assert not [name for name in names if name.startswith("model.other.roberta.e")], "each shared weight once"
    assert set(own(other)) == {"qa_outputs.weight", "qa_outputs.bias"}
    some = one.training_features(NLI)
    batch = one.collate(some[:4], one.tokenizer.pad_token_id)
    setattr(both, "log", lambda *_args, **_kwargs: None)  # noqa: B010
    loss: Any = both.training_step(("one", batch), 0)
    loss.backward()
    shared = other.model.base_model.encoder.layer[0].output.dense.weight
    assert shared.grad is not None and float(shared.grad.abs().sum()) > 0
    assert other.model.qa_outputs.weight.grad is None


def test_chances() -> None:
    assert chances([100, 300], 1, None) == [0.25, 0.75]
    assert chances([100, 300], 1, 100) == [0.5, 0.5]
    assert chances([100, 400], 2, None) == pytest.approx([1 / 3, 2 / 3])
    assert chances([100, 400, 400], 0.001, None) == pytest.approx([0, 0.5, 0.5])  # 400 ** 1000 is no number


def test_masked_text_has_its_weight_in_batches_beside_the_other_tasks() -> None:
    """Whatever its size; the others have as many batches as without it."""
    half = SamplingConfig(mlm_weight=0.5)
    assert task_chances([100, 7, 300], [False, True, False], half) == pytest.approx([1 / 6, 1 / 3, 1 / 2])
    assert task_chances([100, 10, 30], [False, True, True], half) == pytest.approx([2 / 3, 1 / 12, 1 / 4])
    assert task_chances([100, 300], [False, False], half) == [0.25, 0.75]
    assert epoch_batches([10, 1, 20], [False, True, False], half) == 45
    assert epoch_batches([10, 1, 20], [False, False, False], half) == 31
    three = SamplingConfig(mlm_weight=3, temperature=2, cap=400)
    assert task_chances([100, 9, 900], [False, True, False], three) == pytest.approx([1 / 12, 3 / 4, 1 / 6])


@pytest.mark.parametrize("order", [("classification", "masked_lm"), ("masked_lm", "classification")])
def test_a_language_head_is_tied_to_the_shared_embeddings(tiny: Path, order: tuple[str, str]) -> None:
    made = {family: module(tiny, family, ["a", "b"] if family == "classification" else ()) for family in order}
    one, other = made.values()
    share_encoder(one, other)
    masked = made["masked_lm"]
    table = one.model.base_model.embeddings.word_embeddings.weight
    assert masked.model.lm_head.decoder.weight is table is other.model.base_model.embeddings.word_embeddings.weight
    assert set(own(masked)) == {
        "lm_head.bias", "lm_head.dense.weight", "lm_head.dense.bias", "lm_head.layer_norm.weight",
        "lm_head.layer_norm.bias",
    }  # fmt: skip


MLM = [
    "task=tatoeba", "intermediate=nli_with_mlm", "intermediate.arm=multilingual",
    "intermediate.tasks.mlm.arms.multilingual.languages=[en,ja]", "intermediate.recipe.learning_rate=0.01",
    "intermediate.tasks.nli.size.train=24", "intermediate.tasks.nli.size.dev=8",
    "intermediate.tasks.mlm.size.train=20", "intermediate.tasks.mlm.size.dev=4",
    *(f"intermediate.tasks.{name}.recipe.batch_size=4" for name in ("nli", "mlm")),
]  # fmt: skip


@pytest.fixture
def paragraphs(root: Path) -> Path:
    write(root / "jaquad/train.ja.jsonl.gz", [{"context": sentence("zh", n, 12)} for n in range(700, 712)])
    return root


def test_masked_text_beside_a_labelled_task(
    paragraphs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With noise; killed in the second epoch: the weights of a run that nobody killed. NLI chooses the epoch."""
    noise = ["train_noise=char", "train_noise.level=0.2", "train_noise.stages=[intermediate]"]
    composed = world.job(paragraphs, *MLM, *noise, "intermediate.recipe.epochs=2")
    renewed: list[int] = []
    renew = MaskedLMModule.renew

    def noted(self: MaskedLMModule, features: Any, epoch: int, seed: int) -> Any:
        renewed.append(epoch)
        return renew(self, features, epoch, seed)

    monkeypatch.setattr(MaskedLMModule, "renew", noted)

    def fitted(name: str, minutes: float | None = 0) -> Path:
        trainer = replace(composed.trainer, checkpoint_minutes=minutes)
        cfg = replace(composed, store=str(tmp_path / name), trainer=trainer)
        return train(Plan(cfg), Store(cfg.store), False)

    straight = fitted("straight", None)
    assert renewed == [0, 1], "other masks in every epoch"
    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(13, patch)
        fitted("killed")
    resumed = fitted("killed")
    for file in ("model.safetensors", "heads/nli.safetensors", "heads/mlm.safetensors"):
        one, other = load_file(straight / file), load_file(resumed / file)
        assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one), file
    facts = json.loads((straight / "training.json").read_text())
    assert facts["stage"] == "nli_with_mlm/multilingual" and len(facts["noise_achieved"]) == 2
    assert facts["dev_metric"] == "accuracy" and facts["dev_scores"] == facts["tasks"]["nli"]["dev_scores"]
    assert len(facts["tasks"]["mlm"]["dev_scores"]) == 2 and facts["tasks"]["mlm"]["languages"] == {"en": 10, "ja": 10}
    assert facts["updates"] == 2 * 9 == sum(own["batches"] for own in facts["tasks"].values()), "6 of NLI, and half"
    assert facts["tasks"]["mlm"]["batches"] > 0
    [(stage, work)] = estimate.survey([composed]).stages.values()
    assert work.tokens == pytest.approx(facts["tokens"], rel=0.2) and work.examples == [24, 20]
    assert stage.sampling is not None
    assert replace(stage, sampling=replace(stage.sampling, mlm_weight=0.25)).key() != stage.key()
    estimate.show([composed])
    assert "nli 24, mlm 20 examples; 0.5 batches of mlm for each of the others" in capsys.readouterr().out


def test_tasks_are_drawn_by_chance_and_none_is_left_out() -> None:
    lengths = [[5] * 40, [7] * 400]
    batches = DrawnBatches(lengths, [4, 8], [0.2, 0.8], seed=3)
    assert len(batches) == 60
    found = list(batches)
    assert len(found) == 60 and all(max(batch) < 40 or min(batch) >= 40 for batch in found)
    assert found == list(DrawnBatches(lengths, [4, 8], [0.2, 0.8], seed=3))
    assert found[7:] == list(DrawnBatches(lengths, [4, 8], [0.2, 0.8], seed=3, start=7))
    count = Counter(batch[0] >= 40 for epoch in range(50) for batch in _of(batches, epoch))
    assert 0.18 < count[False] / sum(count.values()) < 0.22
    first = [index for batch in found for index in batch if index < 40]
    assert len(set(first[:40])) == min(40, len(first)), "a task is gone through before it begins again"
    batches.set_epoch(1)
    assert list(batches) != found


def _of(batches: DrawnBatches, epoch: int) -> list[list[int]]:
    batches.set_epoch(epoch)
    return list(batches)


def test_killed_with_noise_and_gone_on_with(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of both epochs: the weights of a run that nobody killed, which are not those without noise."""

    facts: dict[str, Any] = {}

    def weights(name: str, *options: str) -> dict[str, torch.Tensor]:
        small = [word for word in SMALL if ".squad1." not in word]
        cfg = job(root, "task=tatoeba", "intermediate.use=[mnli,hellaswag]", *small,
                  "intermediate.recipe.epochs=2", f"store={tmp_path / name}", *options)  # fmt: skip
        path = train(Plan(cfg), Store(cfg.store), False)
        facts[name] = json.loads((path / "training.json").read_text())
        found: dict[str, torch.Tensor] = load_file(path / "model.safetensors")
        return found

    noise = ("train_noise=char", "train_noise.level=0.3", "train_noise.schedule=linear",
             "train_noise.stages=[intermediate]")  # fmt: skip
    straight = weights("straight", *noise)
    for step in (5, 12):
        with monkeypatch.context() as patch, pytest.raises(Killed):
            kill_after(step, patch)
            weights("killed", *noise, EVERY_STEP)
    resumed, plain = weights("killed", *noise, EVERY_STEP), weights("plain")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    assert not all(torch.equal(straight[name], plain[name]) for name in straight)
    assert facts["straight"]["noise_achieved"] == pytest.approx([0.15, 0.3], abs=0.03), "grows over the whole"
    for name in ("noise_achieved", "dev_scores", "tasks"):
        assert facts["killed"][name] == facts["straight"][name]
    assert facts["plain"]["noise_achieved"] == []
