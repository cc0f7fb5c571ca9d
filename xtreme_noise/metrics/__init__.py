"""Metrics, each in one file: per-example scores first, an aggregate from torchmetrics or seqeval.

Every aggregate is sum(num) / sum(den) over its per-example rows, which is what the bootstrap resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise import outside
from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.metrics.accuracy import Accuracy
from xtreme_noise.metrics.base import Metric, Scored, by_id, unique
from xtreme_noise.metrics.bucc import BuccF1
from xtreme_noise.metrics.checklist import ErrorRate
from xtreme_noise.metrics.mlqa import MlqaF1
from xtreme_noise.metrics.ranking import MeanAveragePrecision, MeanAveragePrecisionAt20, Ranking, ReciprocalRankAt20
from xtreme_noise.metrics.spans import SpanF1
from xtreme_noise.metrics.squad import SquadF1, SquadV1F1
from xtreme_noise.metrics.tokens import TokenAccuracy

_METRICS: dict[str, type[Metric]] = {
    metric.name: metric
    for metric in (
        Accuracy, SpanF1, TokenAccuracy, SquadF1, SquadV1F1, MlqaF1, ErrorRate,
        MeanAveragePrecision, MeanAveragePrecisionAt20, ReciprocalRankAt20, BuccF1,
    )
}  # fmt: skip


# Metrics whose predictions are rankings of candidates, not one answer.
RANKINGS = tuple(name for name, metric in _METRICS.items() if issubclass(metric, Ranking))


def names() -> list[str]:
    """The names a task's `metric` may have, those of other packages last."""
    return [*sorted(_METRICS), *outside.names("metrics", _METRICS)]


def metric_class(name: str) -> type[Metric]:
    """The class of a metric. Raises ConfigError for an unknown name, with the nearest one."""
    if name not in names():
        raise ConfigError(f"unknown metric {name!r}{suggest(name, names(), 'metrics')}")
    if name in _METRICS:
        return _METRICS[name]
    found: type[Metric] = outside.load("metrics", name, Metric)
    if found.name != name or not found.higher_is_better:  # the report knows no other direction of what is not ours
        raise ConfigError(
            f"the metric {found.name!r} of the entry point {name!r} must have its name, and grow with what is right"
        )
    return found


def build(name: str, language: str | None = None, cases: Sequence[str] | None = None) -> Metric:
    """A metric of its own for one cell: never shared (one object over several data sets gives wrong numbers).

    language: of what is scored; mlqa_f1 cannot score without. cases: which examples are right or wrong together.
    """
    return metric_class(name)(language, cases)


__all__ = ["RANKINGS", "Metric", "Scored", "build", "by_id", "metric_class", "names", "unique"]
