"""Tokenizers of trained stages open in transformers 4 and 5, with the ids they were trained with."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import (
    BertConfig,
    BertTokenizer,
    DebertaV2Config,
    DebertaV2Tokenizer,
    GemmaTokenizer,
    ModernBertConfig,
    PreTrainedConfig,
    RobertaConfig,
    RobertaTokenizer,
    XLMRobertaConfig,
    XLMRobertaTokenizer,
    dynamic_module_utils,
)

from tests.unit.test_model_zoo import SPACELESS, TEXTS
from tests.unit.tiny_modules import module
from xtreme_noise import models
from xtreme_noise.commands import counting, preview
from xtreme_noise.config import compose
from xtreme_noise.errors import ModelUnavailable
from xtreme_noise.stages.training_run import open_module
from xtreme_noise.store import Store

LETTERS = sorted({letter for text in TEXTS for letter in text.lower() if not letter.isspace()})
BRACKETS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDPIECES = {token: n for n, token in enumerate([*BRACKETS, *LETTERS, *(f"##{letter}" for letter in LETTERS)])}
PIECES = [(token, -1.0) for token in ("<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS, "<mask>")]


def _bytes(**how: Any) -> Any:
    model = json.loads(SPACELESS["bytes"]().backend_tokenizer.to_str())["model"]
    special = {token: len(model["vocab"]) + n for n, token in enumerate(("<pad>", "<mask>"))}
    return RobertaTokenizer(vocab=model["vocab"] | special, merges=[tuple(pair) for pair in model["merges"]], **how)


def _gemma() -> Any:
    vocabulary = {token: n for n, token in enumerate(("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS))}
    return GemmaTokenizer(vocab=vocabulary, merges=[])


def _further() -> Any:
    tokenizer = SPACELESS["gemma"]()
    tokenizer.add_special_tokens({"extra_special_tokens": ["<one>", "<other>"]})
    return tokenizer


# Each with the config of the models that it is of: AutoTokenizer asks both.
MADE: dict[str, tuple[Callable[[], Any], type[PreTrainedConfig]]] = {
    "bert": (lambda: BertTokenizer(vocab=WORDPIECES, do_lower_case=False), BertConfig),
    "bert without accents": (
        lambda: BertTokenizer(vocab=WORDPIECES, do_lower_case=True, tokenize_chinese_chars=False), BertConfig,
    ),
    "xlmr": (lambda: XLMRobertaTokenizer(vocab=PIECES), XLMRobertaConfig),
    "deberta": (
        lambda: DebertaV2Tokenizer(vocab=[(t, -1.0) for t in (*BRACKETS, "▁", *LETTERS)], unk_id=1), DebertaV2Config,
    ),
    "roberta": (_bytes, RobertaConfig),
    "roberta with a space": (lambda: _bytes(add_prefix_space=True), RobertaConfig),
    "gemma": (_gemma, ModernBertConfig),
    "no class of its own": (SPACELESS["bytes"], ModernBertConfig),
    "further special tokens": (_further, ModernBertConfig),
}  # fmt: skip


def ids(tokenizer: Any) -> Any:
    """All that a model is given of the texts, and what is read from their places."""
    texts = [text + " <one> <mask> X" for text in TEXTS]
    alone = [dict(tokenizer(text, return_offsets_mapping=True)) for text in texts]
    pairs = [dict(tokenizer(*pair)) for pair in zip(texts, texts[::-1], strict=True)]
    special = [tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id, tokenizer.all_special_ids]
    return alone, pairs, special, tokenizer.model_input_names, tokenizer.padding_side, len(tokenizer)


@pytest.mark.parametrize("name", MADE)
def test_a_stage_is_written_for_both(name: str, tmp_path: Path) -> None:
    make, config = MADE[name]
    tokenizer = make()
    config().save_pretrained(tmp_path)
    models.save_tokenizer(tokenizer, tmp_path)
    written = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert written["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "extra_special_tokens" not in written, "transformers 4 takes it for a mapping"
    assert ("additional_special_tokens" in written) == (name == "further special tokens")
    assert ids(models.load_tokenizer(tmp_path)) == ids(tokenizer)


def test_all_checkpoints_are_written_so(tiny: Path, tmp_path: Path) -> None:
    module(tiny, "retrieval").save(tmp_path)
    for folder in (tiny, tmp_path):
        written = json.loads((folder / "tokenizer_config.json").read_text())
        assert written["tokenizer_class"] == "PreTrainedTokenizerFast"


CODE = """
from transformers import PreTrainedTokenizerFast

class OwnTokenizer(PreTrainedTokenizerFast):
    own = True
"""


@pytest.fixture
def own(tiny: Path, tmp_path: Path) -> Path:
    """A checkpoint whose tokenizer is code of its own."""
    folder = tmp_path / "own"
    shutil.copytree(tiny, folder)
    (folder / "own_tokenizer.py").write_text(CODE)
    path = folder / "tokenizer_config.json"
    named = {"tokenizer_class": "OwnTokenizer", "auto_map": {"AutoTokenizer": [None, "own_tokenizer.OwnTokenizer"]}}
    path.write_text(json.dumps(json.loads(path.read_text()) | named))
    return folder


def test_code_of_a_tokenizer_is_trusted_where_that_of_the_model_is(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    options = ["task=xnli", "model=tiny", "model.loader=hub", f"model.path={own}", "model.parameters={}"]
    for trusted in (False, True):
        [cfg] = compose.jobs([*options, f"model.trust_remote_code={str(trusted).lower()}"])
        some = open_module(own, cfg, None, "retrieval", fresh_head=False)
        assert hasattr(some.tokenizer, "own") == trusted
        assert hasattr(counting._tokenizer(cfg.model, Store(tmp_path / "s")), "own") == trusted
        assert preview._tokenise(cfg, Store(tmp_path / "s"), ["a"])
    some.save(tmp_path / "stage")
    again = open_module(tmp_path / "stage", cfg, None, "retrieval", fresh_head=False)
    assert hasattr(again.tokenizer, "own"), "a stage brings the code along"


def test_code_that_is_not_trusted(own: Path) -> None:
    (own / "tokenizer.json").unlink()
    with pytest.raises(ModelUnavailable, match="No tokenizer could be loaded"):
        models.load_tokenizer(own)
