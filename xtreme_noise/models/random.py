"""A small XLM-R with random weights and a tokenizer of single characters, for tests without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.config.sizes import random_sizes
from xtreme_noise.models.hub import HOLDS, TOKENIZER
from xtreme_noise.models.loader import Loader
from xtreme_noise.models.quiet import quiet
from xtreme_noise.models.save import save_tokenizer
from xtreme_noise.store import Store

VERSION = 1
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")  # ids 0..4, as in XLM-R
# Unicode blocks, first and last code point: listed here, because Python's character database changes.
BLOCKS = (
    (0x0021, 0x007E),  # ASCII
    (0x00A1, 0x024F),  # Latin supplements
    (0x0300, 0x052F),  # combining marks, Greek, Cyrillic
    (0x0531, 0x06FF),  # Armenian, Hebrew, Arabic
    (0x0900, 0x0DFF),  # Indic scripts
    (0x0E01, 0x0E5B),  # Thai
    (0x1000, 0x10FF),  # Myanmar, Georgian
    (0x1200, 0x137F),  # Ethiopic
    (0x1E00, 0x1FFF),  # Latin (Vietnamese) and Greek extensions
    (0x2010, 0x2027),  # punctuation
    (0x3001, 0x30FF),  # CJK punctuation, kana
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7A3),  # Hangul syllables
)


def _write_tokenizer(directory: Path, max_length: int) -> None:
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    characters = (chr(point) for first, last in BLOCKS for point in range(first, last + 1))
    vocabulary = {token: index for index, token in enumerate((*SPECIAL, *characters))}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(Regex("."), behavior="isolated")]
    )
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        cls_token="<s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token="<mask>",
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )
    save_tokenizer(fast, directory)


def make(parameters: dict[str, int], directory: Path) -> None:
    """Write the checkpoint of these sizes and this seed; does not change the caller's random state."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaModel

    shape = {name: value for name, value in parameters.items() if name != "seed"}
    vocabulary = len(SPECIAL) + sum(last - first + 1 for first, last in BLOCKS)
    config = XLMRobertaConfig(
        **shape, vocab_size=vocabulary, type_vocab_size=1, bos_token_id=0, pad_token_id=1, eos_token_id=2
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(parameters["seed"])
        model = XLMRobertaModel(config, add_pooling_layer=False)
    with quiet():
        model.save_pretrained(directory)
    _write_tokenizer(directory, _length(parameters))


def _length(parameters: dict[str, int]) -> int:
    return parameters["max_position_embeddings"] - 2


class RandomLoader(Loader):
    """`loader: random`."""

    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:  # noqa: ARG002
        return {"version": VERSION, "parameters": random_sizes(cfg)}

    def materialise(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:
        key = {"loader": cfg.loader, **self.identity(cfg, offline)}
        return store.build("models", key, lambda directory: make(random_sizes(cfg), directory), HOLDS)

    def tokenizer(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:  # noqa: ARG002
        length = _length(random_sizes(cfg))
        key = {"loader": cfg.loader, "version": VERSION, "length": length}
        return store.build("tokenizers", key, lambda directory: _write_tokenizer(directory, length), TOKENIZER)
