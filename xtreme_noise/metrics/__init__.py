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
    """Names of all metrics, those of other packages last."""
    return [*sorted(_METRICS), *outside.names("metrics", _METRICS)]


def metric_class(name: str) -> type[Metric]:
    """The class of a metric. Raises ConfigError, with the nearest name, for an unknown one."""
    if name not in names():
        raise ConfigError(f"unknown metric {name!r}{suggest(name, names(), 'metrics')}")
    if name in _METRICS:
        return _METRICS[name]
    metric: type[Metric] = outside.load("metrics", name, Metric)
    if metric.name != name or not metric.higher_is_better:  # the report knows the direction of our metrics only
        raise ConfigError(
            f"the metric {metric.name!r} of the entry point {name!r} must have the same name, and higher must be better"
        )
    return metric


def build(name: str, language: str | None = None, cases: Sequence[str] | None = None) -> Metric:
    """A new metric object for one cell; sharing one over several data sets would give wrong numbers.

    language: of the answers; mlqa_f1 needs it. cases: the case of each example, right or wrong as a whole.
    """
    return metric_class(name)(language, cases)


__all__ = ["RANKINGS", "Metric", "Scored", "build", "by_id", "metric_class", "names", "unique"]
