"""Accuracy: the share of examples whose prediction equals the gold answer (XNLI, intents, Tatoeba's top-1)."""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.metrics.base import Metric, Scored, same_length


class Accuracy(Metric):
    """accuracy/v1: micro average over the labels that occur, from torchmetrics' counts."""

    name = "accuracy"

    def score(self, predictions: Sequence[str], gold: Sequence[str]) -> Scored:
        import torch
        from torchmetrics.functional.classification import multiclass_stat_scores

        same_length(predictions, gold)
        index = {name: number for number, name in enumerate(sorted({*predictions, *gold}))}
        numbers = (torch.tensor([index[name] for name in names]) for names in (predictions, gold))
        counts = multiclass_stat_scores(*numbers, num_classes=max(2, len(index)), average="micro")
        right, *_, support = counts.tolist()  # counts, because torchmetrics' own quotient is float32
        correct: list[bool | None] = [p == g for p, g in zip(predictions, gold, strict=True)]
        score = right / support if support else 0.0
        return Scored(score, [float(bool(c)) for c in correct], [1.0] * len(correct), correct)
