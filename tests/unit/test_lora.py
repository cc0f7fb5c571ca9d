"""Low-rank adapters: few weights are trained, a finished stage is a checkpoint like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

from tests.unit.test_resume import EVERY_STEP, Killed, fit, kill_after, result
from tests.unit.tiny_modules import TINY
from xtreme_noise import cli, models
from xtreme_noise.config.schema import LoraConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.models import lora
from xtreme_noise.stages.checkpoint import LAST, CheckpointCallback
from xtreme_noise.store import manifest_key

pytest.importorskip("peft")
LORA = ("model.lora.rank=4", "model.lora.alpha=8")


def test_a_stage_and_its_checkpoint(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed on the way, as without adapters; what was trained is the head and a change of low rank."""
    store = tmp_path / "killed"
    decaying: list[str] = []

    def look(_: CheckpointCallback, trainer: Any, module: Any) -> None:
        decay, plain = ({id(weight) for weight in group["params"]} for group in trainer.optimizers[0].param_groups)
        for name, weight in module.named_parameters():
            assert (id(weight) in decay or id(weight) in plain) == weight.requires_grad
            decaying.extend([name] if id(weight) in decay else [])

    with monkeypatch.context() as patch, pytest.raises(Killed):
        kill_after(8, patch)
        patch.setattr(CheckpointCallback, "on_train_start", look)
        fit(root, store, *LORA, EVERY_STEP)
    (state,) = store.glob(f"unfinished/stages/*/{LAST}")
    assert state.stat().st_size < 300_000, "frozen weights are in the state"
    assert [name for name in decaying if "lora_A" in name] and [name for name in decaying if "classifier" in name]
    assert not [name for name in decaying if "bias" in name], "as without adapters: matrices alone decay"
    path = fit(root, store, *LORA)
    assert "peft" in manifest_key(path)["software"]
    assert result(path) == result(fit(root, tmp_path / "straight", *LORA))
    assert path.name != fit(root, tmp_path / "straight").name
    model = AutoModelForSequenceClassification.from_pretrained(path)
    (start,) = store.glob("models/*/model.safetensors")
    before = load_file(start)
    for name, weight in model.base_model.state_dict().items():
        change = weight - before[name]
        if name.endswith(("query.weight", "value.weight")):
            assert 1 <= int(torch.linalg.matrix_rank(change, rtol=1e-3)) <= 4
        else:
            assert not change.any(), name
    assert "lora" not in "".join(load_file(path / "model.safetensors"))


def test_what_is_trained(tiny: Path) -> None:
    for auto_class, head in ((AutoModelForSequenceClassification, "classifier"), (AutoModelForMaskedLM, "lm_head")):
        torch.manual_seed(0)
        model = models.load_model(auto_class, tiny, TINY)
        whole = model.eval()(input_ids=torch.tensor([[0, 9, 2]])).logits
        tuner = lora.add(model, LoraConfig(rank=2))
        trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
        assert trained and all("lora_" in name or name.startswith(head) for name in trained)
        assert sum(name.startswith(head) for name in trained) >= 4
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight)
        adapted = model.eval()(input_ids=torch.tensor([[0, 9, 2]])).logits
        merged = lora.merge(tuner)
        assert merged is model and not any("lora" in name for name in merged.state_dict())
        assert torch.allclose(merged(input_ids=torch.tensor([[0, 9, 2]])).logits, adapted, atol=1e-4)
        assert not torch.allclose(adapted, whole, atol=1e-2)


def test_targets_that_are_not_there(tiny: Path) -> None:
    model = models.load_model(AutoModelForSequenceClassification, tiny, TINY)
    with pytest.raises(ConfigError, match=r"model\.lora\.targets.*The encoder has: .*query"):
        lora.add(model, LoraConfig(targets=["qkv"]))


def test_without_peft(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert cli.main(["mode=plan", "task=xnli", "model=tiny", *LORA]) == 2
    assert "pip install 'xtreme-noise[lora]'" in capsys.readouterr().err


def test_mistakes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mode=plan", "task=xnli", "model=tiny", "model.lora.rank=0"]) == 2
    assert "model.lora.rank" in capsys.readouterr().err
    several = ["task=xnli", "model=e5_small_lora", "intermediate=stilts", "intermediate.use=[mnli,squad1]"]
    assert cli.main(["mode=plan", *several]) == 2, "before anything is read or trained"
    message = capsys.readouterr().err
    for part in ("model.lora.rank (", "must be null", "stilts/english[mnli,squad1]", "such as model=e5_small\n"):
        assert part in message
