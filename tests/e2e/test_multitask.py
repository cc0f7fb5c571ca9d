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
from xtreme_noise.config.schema import Config, RecipeConfig
from xtreme_noise.errors import NotFinite
from xtreme_noise.modules import TaskModule, module_class
from xtreme_noise.modules.multitask import MultitaskModule, own
from xtreme_noise.stages.model_cache import train
from xtreme_noise.stages.multitask_data import DrawnBatches, chances
from xtreme_noise.stages.plan import Plan
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
    assert digest(turned.key()) != digest(stage.key())


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
