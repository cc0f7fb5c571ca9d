"""Low-rank adapters (LoRA, Hu et al. 2022) through peft, trained instead of the encoder's weights.

Adapters exist only during a fit and are merged into the weights at its end: a finished stage is an ordinary checkpoint,
and the next stage adds new adapters to it.
"""

from __future__ import annotations

from typing import Any

from xtreme_noise.config.schema import LoraConfig
from xtreme_noise.errors import ConfigError


def add(model: Any, cfg: LoraConfig) -> Any:
    """Put adapters into `model` (in place) and freeze its encoder, not its head. Returns what `merge` takes.

    The adapters are initialised from torch's global random state, which the caller seeds. Raises ConfigError when the
    encoder has no modules with the names in `cfg.targets`, or peft has no default targets for its architecture.
    """
    from peft import LoraConfig as Settings
    from peft.tuners.lora import LoraModel

    encoder = {id(weight) for weight in model.base_model.parameters()}
    settings = Settings(
        r=int(cfg.rank or 0), lora_alpha=cfg.alpha, lora_dropout=cfg.dropout, target_modules=list(cfg.targets) or None
    )
    heads = [weight for weight in model.parameters() if id(weight) not in encoder]
    try:
        tuner = LoraModel(model, settings, "default")
    except ValueError as error:
        names = sorted({name.rsplit(".", 1)[-1] for name, part in model.base_model.named_modules() if _is_linear(part)})
        raise ConfigError(f"model.lora.targets: {error} The encoder has: {', '.join(names)}") from error
    for weight in heads:
        weight.requires_grad = True
    return tuner


def merge(tuner: Any) -> Any:
    """The model with its adapters merged into the weights; its class and the names of its weights do not change."""
    return tuner.merge_and_unload()


def _is_linear(module: Any) -> bool:
    import torch

    return isinstance(module, torch.nn.Linear)
