"""One LightningModule per task family, each a room of its own: features, head, predictions."""

from __future__ import annotations

from xtreme_noise.modules.base import TaskModule
from xtreme_noise.modules.classification import ClassificationModule
from xtreme_noise.modules.dual_encoder import DualEncoderModule
from xtreme_noise.modules.masked_lm import MaskedLMModule
from xtreme_noise.modules.mining import MiningModule
from xtreme_noise.modules.multiple_choice import MultipleChoiceModule
from xtreme_noise.modules.qa import QAModule
from xtreme_noise.modules.retrieval import RetrievalModule
from xtreme_noise.modules.robust_contrastive import RobustContrastiveModule
from xtreme_noise.modules.tagging import TaggingModule

MODULES: dict[str, type[TaskModule]] = {
    module.family: module
    for module in (
        ClassificationModule,
        TaggingModule,
        QAModule,
        RetrievalModule,
        MultipleChoiceModule,
        DualEncoderModule,
        MiningModule,
        MaskedLMModule,
        RobustContrastiveModule,
    )
}

__all__ = ["MODULES", "TaskModule"]
