"""The base class of all modules: one encoder with a head, trained by Lightning, with predictions by unit.

A *unit* is a distinct, hashable model input: a text pair, a tuple of tokens, a question with its context, one text.
Examples of several cells share units; each is encoded once. The steps of a prediction:

    units(examples) -> features(units) -> predict_step(batch) -> value(unit) -> predictions(examples, values)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytorch_lightning as pl
import torch
from datasets import Dataset
from pytorch_lightning.strategies import FSDPStrategy
from torch import Tensor
from transformers import get_linear_schedule_with_warmup

from xtreme_noise import finite
from xtreme_noise.config.schema import RecipeConfig
from xtreme_noise.data.batching import Feature, pad
from xtreme_noise.errors import NotFinite
from xtreme_noise.features.base import Columns, Features, Limits, Unit
from xtreme_noise.models.save import save_tokenizer
from xtreme_noise.modules.class_scores import LogProbabilities


class TaskModule(Features, pl.LightningModule):
    """A transformers model with the head of one task family. Independent of the task."""

    family: ClassVar[str]
    auto_class: ClassVar[Any]
    pretrained_head: ClassVar[bool] = False  # a stage starts with the checkpoint's own head
    renews: ClassVar[bool] = False  # `renew` changes the features in every epoch
    pairs_noise: ClassVar[bool] = False  # trains on pairs of clean and noisy texts (text, noisy_text)
    loss_name = "training loss"  # in messages

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        labels: Sequence[str] = (),
        limits: Limits,
        recipe: RecipeConfig | None = None,
        learning_rate_scale: float = 1.0,
        prefix: str = "",
        passage_prefix: str = "",
        layer: int = -1,
        pooling: str = "mean",
        depth: int | None = None,
        sweep: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.strict_loading = False  # checkpoints do not contain frozen weights
        self.model = model
        self.note_matrices()
        self.tokenizer = tokenizer
        self.labels = list(labels)
        self.limits = limits
        self.recipe = recipe
        self.learning_rate_scale = learning_rate_scale
        self.prefix = prefix
        self.passage_prefix = passage_prefix
        self.layer = layer
        self.pooling = pooling
        self.depth = depth  # of a ranking: how many candidates count; None: all
        self.sweep = tuple(sweep)  # poolings to apply to every layer
        self.own: list[list[int]] | None = None  # of a checkpoint's own head: the outputs that stand for each label
        self.keep_scores = False  # values have what `class_scores` needs
        self.on_dev: Callable[[], float] | None = None  # set by the fit: scores English dev after each epoch

    # -- what a family implements --------------------------------------------------------------------------------

    @classmethod
    def head(cls, labels: Sequence[str]) -> dict[str, Any]:
        """Config settings for the size and labels of the head; none for a task without labels."""
        if not labels:
            return {}
        names = dict(enumerate(labels))
        return {
            "num_labels": len(labels),
            "id2label": names,
            "label2id": {name: number for number, name in names.items()},
        }

    @abstractmethod
    def units(self, columns: Columns) -> list[tuple[Unit, ...]]:
        """The units of each example."""

    @abstractmethod
    def features(self, units: Sequence[Unit]) -> list[list[Feature]]:
        """One or more windows for each unit. Keys that start with `_` stay on the CPU and reach `value` only."""

    @abstractmethod
    def outputs(self, batch: dict[str, Tensor]) -> list[Any]:
        """The model's output for each row of a batch, on the CPU; None where it is nan or inf (`finite.answers`)."""

    @abstractmethod
    def value(self, unit: Unit, windows: Sequence[Feature], outputs: Sequence[Any]) -> Any:
        """The prediction for one unit from the outputs of its windows."""

    @abstractmethod
    def predictions(self, columns: Columns, values: Mapping[Unit, Any]) -> list[str]:
        """One prediction as text for each example."""

    def further(self, columns: Columns, values: Mapping[Unit, Any]) -> dict[str, list[str]]:
        """Additional predictions from the same values, by name; none in most families."""
        del columns, values
        return {}

    def class_scores(self, columns: Columns, values: Mapping[Unit, Any]) -> list[LogProbabilities]:
        """The log-probabilities of all classes for each example: (classes,), or (tokens, classes) in one row.

        Only for families with class scores; in some of them `keep_scores` must be set before the forward pass.
        """
        raise NotImplementedError

    def nearest(self, columns: Columns, values: Mapping[Unit, Any], depth: int) -> tuple[list[list[str]], int]:
        """The ids of the `depth` nearest candidates of each example, best first, and how many candidates there are.

        Only for families that search.
        """
        raise NotImplementedError

    def choices(self, columns: Columns) -> list[int] | None:
        """The number of answers to choose from in each example; None where it does not depend on the example."""
        del columns
        return None

    @abstractmethod
    def gold(self, columns: Columns) -> list[Any]:
        """The gold answer of each example, in the form that its metric expects."""

    @staticmethod
    def collate(features: Sequence[Feature], pad_id: int) -> dict[str, Tensor]:
        """A training batch of `features`."""
        return pad(features, pad_id)

    def count(self, data: Dataset) -> int:
        """Subword tokens of the training features of these examples."""
        return sum(map(self.tokens, self.training_features(data[:])))

    def save(self, directory: Path) -> None:
        """Write the model and its tokenizer for from_pretrained."""
        self.model.save_pretrained(directory)
        save_tokenizer(self.tokenizer, directory)

    def restore(self, directory: Path) -> None:
        """Load what `save` wrote besides the model; nothing in most families."""

    def renew(self, features: Sequence[Feature], epoch: int, seed: int) -> Sequence[Feature]:
        """The features of one epoch, the same in every run. Unchanged, unless the family draws them in every epoch."""
        del epoch, seed
        return features

    def by_label(self, logits: Tensor) -> Tensor:
        """Logits (..., outputs) of the model as (..., labels), in the order of the task's labels.

        Only a checkpoint's own head has them in another order. The highest output of several that stand for one label
        is kept, so that the predicted label is that of the highest output; a label without an output is never
        predicted.
        """
        if self.own is None:
            return logits
        logits = logits.float()
        never = torch.full_like(logits[..., 0], torch.finfo(logits.dtype).min)
        return torch.stack([logits[..., at].amax(-1) if at else never for at in self.own], dim=-1)

    # -- shared --------------------------------------------------------------------------------------------------

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        del batch_idx
        loss = self.loss(batch)
        self.log("train/loss", loss, prog_bar=True, batch_size=1)
        return loss if self.trainer.world_size == 1 else loss * self._share(batch)

    def loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The mean loss over what is predicted in a training batch."""
        loss: Tensor = self.model(**batch).loss
        return loss

    def _share(self, batch: dict[str, Tensor]) -> Tensor:
        """The weight of this rank's part of a batch: with it, Lightning's mean over ranks equals the mean over the
        whole batch."""
        mine = (batch["labels"] != -100).sum() if "labels" in batch else torch.tensor(len(batch["input_ids"]))
        every = mine.float().to(self.device)
        torch.distributed.all_reduce(every)
        return mine.to(self.device) * self.trainer.world_size / every.clamp(min=1)

    def predict_step(self, batch: dict[str, Tensor], batch_idx: int = 0) -> list[Any]:
        del batch_idx
        return self.outputs(batch)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        if isinstance(self.trainer.strategy, FSDPStrategy) and gradient_clip_val is not None:
            self.trainer.model.clip_grad_norm_(gradient_clip_val)  # type: ignore[union-attr,operator]  # over all shards
        else:
            super().configure_gradient_clipping(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Scales the loss for gradient accumulation. Raises NotFinite before a weight becomes nan or inf."""
        if not torch.isfinite(loss):
            raise NotFinite(
                f"the {self.loss_name} is {loss.item()} in epoch {self.current_epoch + 1} after {self.global_step} "
                f"updates: lower the learning rate{finite.remedy(self.trainer.precision)}"
            )
        super().backward(loss * self._share_of_update(), *args, **kwargs)

    def _share_of_update(self) -> float:
        """Corrects Lightning's divisor, which is always accumulate_grad_batches: an epoch's last update may have fewer
        batches."""
        full = self.trainer.accumulate_grad_batches
        begin = self.trainer.fit_loop.batch_idx // full * full
        return full / min(full, self.trainer.num_training_batches - begin)

    def on_train_epoch_start(self) -> None:
        self.model.train()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leaves out frozen weights, which the stage before has."""
        frozen = {weight.data_ptr() for weight in self.parameters() if not weight.requires_grad}
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: w for name, w in state.items() if w.data_ptr() not in frozen}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Raises ValueError when the checkpoint lacks a trainable weight."""
        wanted = {"state_dict": self.state_dict()}
        self.on_save_checkpoint(wanted)
        if lost := wanted["state_dict"].keys() - checkpoint["state_dict"].keys():
            raise ValueError(f"the checkpoint lacks {len(lost)} trained weights, {min(lost)} among them")

    def note_matrices(self) -> None:
        """Record the weights with weight decay. Call before a fit, because shards of matrices are vectors, and again
        after adding adapters."""
        weights = self.named_parameters()
        self._matrices = {name for name, weight in weights if weight.ndim >= 2 and "LayerNorm" not in name}

    def configure_optimizers(self) -> Any:
        assert self.recipe is not None
        decay: list[torch.nn.Parameter] = []
        plain: list[torch.nn.Parameter] = []
        for name, weight in self.named_parameters():
            if weight.requires_grad:
                (decay if name.replace("_fsdp_wrapped_module.", "") in self._matrices else plain).append(weight)
        # fused: one kernel for all weights. Said of the groups: Lightning clips no gradients of a fused optimizer.
        groups = [
            {"params": decay, "weight_decay": self.recipe.weight_decay, "fused": True},
            {"params": plain, "weight_decay": 0.0, "fused": True},
        ]
        rate = self.recipe.learning_rate * self.learning_rate_scale
        optimizer = torch.optim.AdamW(groups, lr=rate)
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = get_linear_schedule_with_warmup(optimizer, round(self.recipe.warmup * steps), steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
