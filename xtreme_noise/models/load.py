"""Loading a model from a checkpoint directory: the complete encoder, with a new head or the checkpoint's."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtreme_noise.config.schema import ModelConfig
from xtreme_noise.errors import ConfigError, ModelUnavailable, UserError
from xtreme_noise.models import intact
from xtreme_noise.models.quiet import quiet

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

log = logging.getLogger(__name__)
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")  # its names in transformers' configs


def load_tokenizer(path: Path | str, *, trust_remote_code: bool = False) -> PreTrainedTokenizerFast:
    """The tokenizer of a checkpoint directory. Raises ModelUnavailable, also when it cannot give character offsets."""
    try:
        loading = _tokenizer_class(Path(path))
        tokenizer = loading.from_pretrained(path, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception as error:  # a damaged file may raise any class
        intact.check(Path(path))
        needs = " It is a SentencePiece file: pip install sentencepiece" if _lacks_sentencepiece(Path(path)) else ""
        raise ModelUnavailable(f"No tokenizer could be loaded from {path}: {_said(error)}.{needs}") from error
    if not tokenizer.is_fast:
        raise ModelUnavailable(f"The tokenizer in {path} gives no character offsets; a tokenizer.json is needed.")
    return tokenizer


def _tokenizer_class(path: Path) -> Any:
    """AutoTokenizer or, for a folder without a model, which only this package writes (models/save.py), the class that
    it would find: its own import takes torch with it.
    """
    if (path / "tokenizer.json").is_file() and not (path / "config.json").exists():
        from transformers import PreTrainedTokenizerFast

        return PreTrainedTokenizerFast
    from transformers import AutoTokenizer

    return AutoTokenizer


def _said(error: Exception) -> str:
    """The message of a library's error, with its class where the message alone may say too little."""
    text = str(error).rstrip(".")
    return text if isinstance(error, OSError | ValueError | ImportError) else f"{type(error).__name__}: {text}"


def _lacks_sentencepiece(path: Path) -> bool:
    """Whether the tokenizer must be converted from a SentencePiece model, and the package for that is missing."""
    pending = any(path.glob("*.model")) and not (path / "tokenizer.json").is_file()
    return pending and importlib.util.find_spec("sentencepiece") is None


def load_model(
    auto_class: Any, path: Path | str, cfg: ModelConfig, *, fresh_head: bool = False, headed: str = "", **head: Any
) -> PreTrainedModel:
    """The checkpoint in the directory `path` as `auto_class` (AutoModelForTokenClassification, ...).

    `head` are settings of the transformers config: num_labels, id2label, label2id, ... The checkpoint's head is kept
    when its class, shapes and label names match and `fresh_head` is false; otherwise a new head is initialised from
    torch's global random state, which the caller seeds. `cfg` decides about kept layers, frozen embeddings and
    attention. Weights are float32. The model is in training mode (dropout on), because Lightning does not set the mode.

    headed: the checkpoint must have the head, which no task trains; what to do if it has none.

    Raises ConfigError when the encoder has fewer than `cfg.layers` layers, ModelUnavailable when the directory is not a
    complete checkpoint in safetensors, lacks a weight of the encoder (or, if asked for, of the head), or contains nan
    or inf.
    """
    from transformers import AutoConfig

    from xtreme_noise.finite import not_finite

    local = {"local_files_only": True, "trust_remote_code": cfg.trust_remote_code}
    try:
        with quiet():  # its report is checked below
            stored = AutoConfig.from_pretrained(path, **local)
            config = AutoConfig.from_pretrained(path, **local, **head)
            available = keep_layers(config, cfg.layers)
            if cfg.attention_dropout is not None:
                set_attention_dropout(config, cfg.attention_dropout)
            model, report = _from_pretrained(auto_class, path, cfg, config)
    except UserError:
        raise
    except Exception as error:  # a damaged file may raise any class
        intact.check(Path(path))
        asked = f" with model.attention={cfg.attention}" if cfg.attention else ""
        raise ModelUnavailable(f"{path} could not be loaded as {auto_class.__name__}{asked}: {_said(error)}") from error
    _check(model, report, path, dropped=range(config.num_hidden_layers, available))
    if headed and (lost := _missing(report)):
        raise ModelUnavailable(f"{path} has no head for {type(model).__name__} ({min(lost)} is missing): {headed}")
    if name := not_finite(model.state_dict()):
        raise ModelUnavailable(f"{path}: the weight {name} contains nan or inf: fetch or train it again")
    if fresh_head or ("id2label" in head and stored.id2label != config.id2label):
        _renew_head(model)
    if cfg.freeze_embeddings:
        for parameter in embeddings(model).parameters():
            parameter.requires_grad = False
    return model.train()


def _from_pretrained(
    auto_class: Any, path: Path | str, cfg: ModelConfig, config: PretrainedConfig
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The model of this configuration, and transformers' report on what of it the checkpoint holds."""
    import torch

    model, report = auto_class.from_pretrained(
        path,
        config=config,
        dtype=torch.float32,
        **({"attn_implementation": cfg.attention} if cfg.attention else {}),
        use_safetensors=True,
        ignore_mismatched_sizes=True,  # a head of other size; the encoder is checked with the report
        output_loading_info=True,
        local_files_only=True,
        trust_remote_code=cfg.trust_remote_code,
    )
    return model, report


def keep_layers(config: PretrainedConfig, layers: int | None) -> int:
    """Reduce the encoder of `config` to its first `layers`; returns how many it had. Raises ConfigError."""
    available = int(config.num_hidden_layers)
    if layers is None:
        return available
    if not 1 <= layers <= available:
        raise ConfigError(f"model.layers={layers}: this encoder has {available} layers, choose 1 to {available}.")
    kinds = getattr(config, "layer_types", None)
    if isinstance(kinds, list):
        config.layer_types = kinds[:layers]
    config.num_hidden_layers = layers
    return available


def set_attention_dropout(config: PretrainedConfig, rate: float) -> None:
    """Raises ConfigError when the architecture has no such setting."""
    names = [name for name in ATTENTION_DROPOUT if hasattr(config, name)]
    if not names:
        raise ConfigError(
            f"model.attention_dropout={rate:g}: {type(config).__name__} has no dropout on attention weights"
        )
    for name in names:
        setattr(config, name, rate)


def embeddings(model: PreTrainedModel) -> torch.nn.Module:
    """The module that makes the first hidden states: the table, positions, types, their normalisation."""
    table = model.get_input_embeddings()
    owners = [module for module in model.modules() if any(child is table for child in module.children())]
    # If the encoder itself owns the table, there is no separate embedding module: return only the table.
    owner: torch.nn.Module = table if not owners or owners[0] is model.base_model else owners[0]
    return owner


def positions(model: PreTrainedModel) -> int | None:
    """The longest input in tokens that the encoder has positions for; None where they are relative or rotary."""
    table = getattr(getattr(model.base_model, "embeddings", None), "position_embeddings", None)
    if table is None or not hasattr(table, "num_embeddings"):
        return None
    return int(table.num_embeddings) - (0 if table.padding_idx is None else int(table.padding_idx) + 1)


def _renew_head(model: PreTrainedModel) -> None:
    """Reinitialise all weights outside the encoder, as transformers does for weights that a checkpoint lacks."""
    import torch

    encoder = {id(parameter) for parameter in model.base_model.parameters()}
    for name, module in model.named_modules():
        own = list(module.parameters(recurse=False))
        if not own or all(id(parameter) in encoder for parameter in own):
            continue
        log.debug("a new head: %s", name)
        for parameter in own:  # transformers skips weights with this mark: here, those of a tied embedding
            parameter._is_hf_initialized = id(parameter) in encoder
        with torch.no_grad():
            model._init_weights(module)


def _missing(report: dict[str, Any]) -> set[str]:
    """The weights that the checkpoint lacks or has in another shape."""
    return {*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])}


def _check(model: PreTrainedModel, report: dict[str, Any], path: Path | str, dropped: Collection[int]) -> None:
    """Raise ModelUnavailable unless every encoder weight was loaded and none ignored, except in dropped layers."""
    base = model.base_model
    prefix = "" if base is model else f"{model.base_model_prefix}."
    pooler = f"{prefix}pooler."
    missing = _missing(report)
    if base is model and any(key.startswith(pooler) for key in missing):
        base.pooler = None  # not in the checkpoint, and no head uses it: remove it rather than keep random weights
    lost = sorted(key for key in missing if key.startswith(prefix) and not key.startswith(pooler))
    if lost:
        raise ModelUnavailable(
            f"{path} does not contain the encoder {type(base).__name__}: {len(lost)} weights are missing or have"
            f" another shape, {', '.join(lost[:3])}{', ...' if len(lost) > 3 else ''}"
        )
    own = f"{model.base_model_prefix}."
    ignored = sorted(
        key
        for key in report["unexpected_keys"]
        if key.startswith(own)
        and not key.startswith(f"{own}pooler.")
        and not key.endswith("position_ids")  # a buffer that old checkpoints saved
        and not any(int(number) in dropped for number in re.findall(r"\.(\d+)\.", key))
    )
    if ignored:
        raise ModelUnavailable(
            f"{path} contains encoder weights that {type(base).__name__} does not have: {ignored[:3]}"
        )
