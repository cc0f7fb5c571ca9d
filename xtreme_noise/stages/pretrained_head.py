"""The masked-LM head that cloze tasks score with: intermediate stages of other families do not keep it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xtreme_noise import models

if TYPE_CHECKING:
    from torch import Tensor

    from xtreme_noise.modules.cloze import ClozeModule
    from xtreme_noise.stages.plan import Plan
    from xtreme_noise.store import Store

REMEDY = "set model.masked_lm=false, or train one with intermediate=mlm"


def prepare(module: ClozeModule, plan: Plan, store: Store) -> None:
    """Set how the module scores, and give it the head of the last stage of masked language modelling or, without one,
    of the pretrained model. Raises ModelUnavailable when that has no such head.
    """
    import torch

    cfg = plan.cfg
    module.masked = cfg.model.masked_lm
    if not module.masked:
        return
    theirs = _weights(module, plan, store)
    encoder = {id(weight) for weight in module.model.base_model.parameters()}
    with torch.no_grad():
        for name, weight in module.model.named_parameters():
            if id(weight) not in encoder:
                weight.copy_(theirs[name])


def _weights(module: ClozeModule, plan: Plan, store: Store) -> dict[str, Tensor]:
    """The weights of the head by name, among others."""
    cfg = plan.cfg
    for stage in reversed(plan.stages):
        if stage.masked:
            path = store.path("stages", stage.key())
            break
        if trained := [name for name, part in stage.tasks if part.masked]:
            return _of_several(store.path("stages", stage.key()), trained[-1])
    else:
        path = models.materialise(cfg.model, store, cfg.source.offline)
    return dict(models.load_model(module.auto_class, path, cfg.model, headed=REMEDY).named_parameters())


def _of_several(path: Path, task: str) -> dict[str, Tensor]:
    """The head of one task of a multitask stage."""
    from safetensors.torch import load_file

    from xtreme_noise.modules.multitask import HEADS

    found: dict[str, Tensor] = load_file(path / HEADS / f"{task}.safetensors")
    return found
