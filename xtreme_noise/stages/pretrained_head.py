"""The masked-LM head that cloze tasks score with: intermediate stages of other families do not keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtreme_noise import models, tasks

if TYPE_CHECKING:
    from xtreme_noise.modules.cloze import ClozeModule
    from xtreme_noise.stages.plan import Plan
    from xtreme_noise.store import Store


def prepare(module: ClozeModule, plan: Plan, store: Store) -> None:
    """Set how the module scores, and give it the head of the last stage of masked language modelling or, without one,
    of the pretrained model. Raises ModelUnavailable when that has no such head.
    """
    import torch

    cfg = plan.cfg
    module.masked = cfg.model.masked_lm
    if not module.masked:
        return
    trained = [stage for stage in plan.stages if stage.family in tasks.having("pretraining")]
    if trained:
        path = store.path("stages", trained[-1].key())
    else:
        path = models.materialise(cfg.model, store, cfg.source.offline)
    whole = models.load_model(module.auto_class, path, cfg.model, headed=True)
    encoder = {id(weight) for weight in module.model.base_model.parameters()}
    theirs = dict(whole.named_parameters())
    with torch.no_grad():
        for name, weight in module.model.named_parameters():
            if id(weight) not in encoder:
                weight.copy_(theirs[name])
