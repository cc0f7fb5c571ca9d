"""Every kind of encoder through every task family: small random checkpoints of the classes behind `model=`.

Their tokenizers are of the real kinds: WordPiece with segment ids (mBERT), a unigram with [CLS] and [SEP] (mDeBERTa),
BPE with <bos> and <eos> that adds no space before a text (mmBERT), and the tokenizer of `tiny`, <s> and </s> (XLM-R).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram, WordPiece
from tokenizers.trainers import BpeTrainer
from transformers import (
    BertConfig,
    BertForPreTraining,
    DebertaV2Config,
    DebertaV2Model,
    ModernBertConfig,
    ModernBertForMaskedLM,
    PreTrainedTokenizerFast,
)

from xtreme_noise import models
from xtreme_noise.config import compose
from xtreme_noise.config.schema import ModelConfig, RecipeConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.features.base import Limits
from xtreme_noise.models import lora
from xtreme_noise.modules import module_class
from xtreme_noise.modules.base import TaskModule
from xtreme_noise.stages.predictor import Predictor
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.store import Store

TEXTS = [
    "the cat sat on a mat near water",
    "猫坐在垫子上",
    "ein alter Baum",
    "नमस्ते दुनिया",
    "e\u0301te\u0301 ok",
    "x " * 60,
]
LETTERS = sorted({letter for text in TEXTS for letter in text if not letter.isspace()} | set("0123456789?"))
SMALL = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
LENGTH = 24  # tokens, also what a model has positions for


def _tokenizer(folder: Path, tokenizer: Tokenizer, names: dict[str, str], inputs: list[str], template: str) -> None:
    first, last = names["cls_token"], names["sep_token"]
    special = [(name, tokenizer.token_to_id(name)) for name in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=template.format(first=first, last=last), special_tokens=special
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=inputs, **names)
    fast.save_pretrained(folder)


BRACKETS = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SEGMENTS = ["input_ids", "token_type_ids", "attention_mask"]


def mbert(folder: Path) -> None:
    vocabulary = [*BRACKETS.values(), *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    tokenizer = Tokenizer(WordPiece({token: number for number, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    _tokenizer(folder, tokenizer, BRACKETS, SEGMENTS, "{first} $A {last} $B:1 {last}:1")
    BertForPreTraining(
        BertConfig(vocab_size=len(vocabulary), num_hidden_layers=1, max_position_embeddings=LENGTH, **SMALL)
    ).save_pretrained(folder)


def mdeberta(folder: Path) -> None:
    vocabulary = [*BRACKETS.values(), "▁", *LETTERS]
    tokenizer = Tokenizer(Unigram([(token, -1.0) for token in vocabulary], unk_id=1))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    _tokenizer(folder, tokenizer, BRACKETS, SEGMENTS, "{first} $A {last} $B:1 {last}:1")
    DebertaV2Model(
        DebertaV2Config(
            vocab_size=len(vocabulary), num_hidden_layers=1, relative_attention=True, pos_att_type=["p2c", "c2p"],
            position_buckets=8, type_vocab_size=0, norm_rel_ebd="layer_norm", share_att_key=True,
            position_biased_input=False, max_position_embeddings=LENGTH, **SMALL,
        )
    ).save_pretrained(folder)  # fmt: skip


def mmbert(folder: Path) -> None:
    names = {
        "pad_token": "<pad>",
        "cls_token": "<bos>",
        "sep_token": "<eos>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
    }
    begun = [f"▁{letter}" for letter in LETTERS]  # a letter after a space is another token
    vocabulary = {token: number for number, token in enumerate([*names.values(), "▁", *LETTERS, *begun])}
    tokenizer = Tokenizer(BPE(vocabulary, [("▁", letter) for letter in LETTERS], unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    names |= {"bos_token": "<bos>", "eos_token": "<eos>"}
    _tokenizer(folder, tokenizer, names, ["input_ids", "attention_mask"], "{first} $A {last} $B {last}")
    ModernBertForMaskedLM(
        ModernBertConfig(
            vocab_size=len(vocabulary), num_hidden_layers=2, max_position_embeddings=LENGTH, pad_token_id=0,
            bos_token_id=2, cls_token_id=2, eos_token_id=3, sep_token_id=3, **SMALL,
        )
    ).save_pretrained(folder)  # fmt: skip


def xlmr(folder: Path) -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "max_position_embeddings": LENGTH + 2}
    made = models.materialise(ModelConfig(loader="random", parameters=sizes), Store(folder / "store"), True)
    for file in made.iterdir():
        file.rename(folder / file.name)


ZOO: dict[str, Callable[[Path], None]] = {"mbert": mbert, "mdeberta": mdeberta, "mmbert": mmbert, "xlmr": xlmr}


@pytest.fixture(scope="module", params=ZOO)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp(request.param)
    ZOO[request.param](folder)
    return folder


OPTIONS = {"mbert": "mbert", "mdeberta": "mdeberta_v3_base", "mmbert": "mmbert_base", "xlmr": "xlmr_base"}


@pytest.mark.parametrize("name", ZOO)
def test_adapters_go_into_attention(name: str, tmp_path: Path) -> None:
    """With the targets of the option that stands for the architecture, in every layer and for every kind of head."""
    torch.manual_seed(0)
    ZOO[name](tmp_path)
    [cfg] = compose.jobs([f"model={OPTIONS[name]}", "model.lora.rank=2", "task=xnli"])
    for family in ("classification", "qa", "masked_lm"):
        some = module(tmp_path, family)
        tuner = lora.add(some.model, cfg.model.lora)
        added = {weight for weight, _ in some.model.named_parameters() if "lora_A" in weight}
        assert len(added) >= some.model.config.num_hidden_layers and all(
            ".attn" in w or "attention" in w for w in added
        )
        assert lora.merge(tuner) is some.model


def module(path: Path, family: str) -> TaskModule:
    torch.manual_seed(0)
    kind = module_class(family)
    labels = ["A", "B"] if family in ("classification", "tagging") else []
    model = models.load_model(kind.auto_class, path, ModelConfig(), **kind.head(labels))
    return kind(model, models.load_tokenizer(path), labels=labels, limits=Limits(LENGTH, 8), recipe=RecipeConfig())


N = len(TEXTS)
PAIR: dict[str, Any] = {
    "id": list(map(str, range(N))),
    "text": TEXTS,
    "text_pair": TEXTS[::-1],
    "label": [n % 2 for n in range(N)],
}
TOKENS = [text.split() for text in TEXTS]
COLUMNS: dict[str, dict[str, Any]] = {
    "classification": PAIR,
    "tagging": {"tokens": TOKENS, "tags": [[n % 2 for n in range(len(tokens))] for tokens in TOKENS]},
    "qa": {
        "question": ["what sat?", "ok?"],
        "context": [TEXTS[5] + TEXTS[0], TEXTS[1]],
        "answers": [{"text": ["cat sat"], "answer_start": [124]}, {"text": ["垫子"], "answer_start": [3]}],
    },
    "multiple_choice": {"text": TEXTS[:2], "choices": [TEXTS[:2], TEXTS[2:5]], "label": [0, 2]},
    "masked_lm": {"text": TEXTS},
    "robust_contrastive": {"text": TEXTS[:4], "noisy_text": [text[1:] for text in TEXTS[:4]]},
    "retrieval": {"id": list(map(str, range(N))), "query": TEXTS, "candidate": TEXTS},
}


@pytest.mark.parametrize("family", COLUMNS)
def test_every_family(checkpoint: Path, family: str, tmp_path: Path) -> None:
    some, columns = module(checkpoint, family), COLUMNS[family]
    if family != "retrieval":  # is not trained
        features = some.renew(some.training_features(columns), 0, 0)
        batch = some.collate(features, some.tokenizer.pad_token_id)
        assert batch["input_ids"].shape[1] <= LENGTH
        assert not (batch["input_ids"] == some.tokenizer.unk_token_id).any(), "the tokenizer knows every letter"
        if "token_type_ids" in some.tokenizer.model_input_names and family in ("classification", "qa"):
            assert set(batch["token_type_ids"].flatten().tolist()) == {0, 1}
        loss = some.loss(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        assert torch.isfinite(loss)
        table = some.model.get_input_embeddings().weight
        assert table.grad is not None and table.grad.any()
    guess = Predictor(some, device=torch.device("cpu"), precision="32-true", batch_tokens=64)
    predictions = guess.predict(columns)
    gold = some.gold(columns)
    assert len(predictions) == len(gold)
    if family in ("tagging", "masked_lm"):
        assert [len(row.split()) for row in predictions] == [len(row.split()) for row in gold]
    if family == "qa":
        assert all(answer in context for answer, context in zip(predictions, columns["context"], strict=True))
    if family == "retrieval":
        assert predictions == columns["id"]
    some.model.save_pretrained(tmp_path)
    some.tokenizer.save_pretrained(tmp_path)
    again = module(tmp_path, family)
    assert Predictor(again, device=torch.device("cpu"), precision="32-true").predict(columns) == predictions


def test_a_dual_encoder_is_trained(checkpoint: Path) -> None:
    """Both sides go through one encoder, a sentence beside its context."""
    some: Any = module(checkpoint, "ranking")
    columns = {"id": ["0", "1"], "query": TEXTS[2:4], "text": TEXTS[:2], "context": TEXTS[:2]}
    features = some.training_features(columns)
    batch = some.collate(features, some.tokenizer.pad_token_id)
    assert not any((ids == some.tokenizer.unk_token_id).any() for name, ids in batch.items() if "input_ids" in name)
    some.log = lambda *_args, **_kwargs: None
    loss = some.training_step(batch, 0)
    loss.backward()
    assert torch.isfinite(loss) and some.scale.grad is not None
    assert all(weight.grad is not None for name, weight in some.model.named_parameters() if "pooler" not in name)


def test_the_longest_input(checkpoint: Path) -> None:
    """An input beyond the positions is refused before training, not in its middle."""
    model = models.load_model(module_class("retrieval").auto_class, checkpoint, ModelConfig())
    limit = models.positions(model)
    assert limit == (LENGTH if "position_embeddings" in "".join(model.state_dict()) else None)
    if limit is not None:
        [cfg] = compose.jobs(["model=tiny", "task=xnli", "model.loader=hub", f"model.path={checkpoint}"])
        cfg.model.max_length = LENGTH + 1
        with pytest.raises(ConfigError, match=rf"model\.max_length={LENGTH}\b"):
            open_module(checkpoint, cfg, None, "retrieval", fresh_head=False)


def test_the_answer_is_where_the_window_says(checkpoint: Path) -> None:
    some, columns = module(checkpoint, "qa"), COLUMNS["qa"]
    found = [f for f in some.training_features(columns) if f["start_positions"] > 0]
    spans = [f["input_ids"][f["start_positions"] : f["end_positions"] + 1] for f in found]
    answers = {re.sub("##|▁| ", "", some.tokenizer.decode(ids)) for ids in spans}
    assert answers == {"catsat", "垫子"}


def test_tagging_reads_the_running_text(checkpoint: Path) -> None:
    some: Any = module(checkpoint, "tagging")
    some.limits = Limits(100)
    for text in TEXTS[:5]:
        words = text.split()
        [window] = some.features([tuple(words)])[0]
        assert window["input_ids"] == some.tokenizer(" ".join(words))["input_ids"]
        firsts = [some.tokenizer.convert_ids_to_tokens(window["input_ids"][head]) for head in window["_heads"]]
        for word, first in zip(words, firsts, strict=True):
            assert first == "▁" or first.lstrip("▁") in (word[0], unicodedata.normalize("NFC", word)[0])


def _trained(before: Any, normalizer: Any = None, alphabet: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = before
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    trainer = BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "</s>", "<unk>"], initial_alphabet=list(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(SENTENCE)] * 20, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


SENTENCE = ["the", "cat", ",", "3.5", "猫", "10 000", "\u200b", "e\u0301te\u0301", "mat"]
SPACE = normalizers.Replace(" ", "▁")
BYTES = pre_tokenizers.ByteLevel.alphabet()
# Each leaves a word by itself without its space: RoBERTa's and ModernBERT's, Gemma's, and some stranger ones.
SPACELESS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "bytes": lambda: _trained(pre_tokenizers.ByteLevel(add_prefix_space=False), None, BYTES),
    "untrimmed": lambda: _trained(pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False), None, BYTES),
    "stripped": lambda: _trained(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.Strip(), BYTES),
    "composed": lambda: _trained(pre_tokenizers.ByteLevel(add_prefix_space=False), normalizers.NFC(), BYTES),
    "gemma": lambda: _trained(pre_tokenizers.Split("▁", "merged_with_next"), SPACE),
    "metaspace": lambda: _trained(pre_tokenizers.Metaspace(prepend_scheme="never")),
    "over words": lambda: _trained(pre_tokenizers.Split(" ", "merged_with_previous"), SPACE),
}


@pytest.mark.parametrize("name", SPACELESS)
def test_words_have_the_space_before_them(name: str) -> None:
    some: Any = module_class("tagging")(torch.nn.Module(), SPACELESS[name](), limits=Limits(100))
    text = " ".join(SENTENCE)
    [window] = some.features([tuple(SENTENCE)])[0]
    whole = some.tokenizer(text, return_offsets_mapping=True)
    assert window["input_ids"] == whole["input_ids"]
    at = 0
    for word, head in zip(SENTENCE, window["_heads"], strict=True):
        low, high = whole["offset_mapping"][head]
        assert low <= at <= high, "the subword of the space before it, or of its first character"
        at += len(word) + 1
    tags = list(range(len(SENTENCE)))
    [feature] = some.training_features({"tokens": [SENTENCE], "tags": [tags]})
    kept = [label for label in feature["labels"] if label != -100]
    assert set(kept) <= set(tags) and kept == sorted(kept)
    assert kept == tags or name == "over words", "where a subword is of two words it has the tag of the first"
    some.limits = Limits(5)  # windows of three
    small = some.features([tuple(SENTENCE)])[0]
    assert sum(len(window["_heads"]) for window in small) == len(SENTENCE)
    assert all(len(window["input_ids"]) <= 5 for window in small)


def test_special_tokens_are_never_hidden(checkpoint: Path) -> None:
    some = module(checkpoint, "masked_lm")
    for feature in some.renew(some.training_features(PAIR), 0, 0):
        hidden = [label for label in feature["labels"] if label != -100]
        assert hidden and not set(hidden) & set(some.tokenizer.all_special_ids)
        assert feature["input_ids"][0] == some.tokenizer.cls_token_id
        assert feature["input_ids"][-1] == some.tokenizer.sep_token_id
