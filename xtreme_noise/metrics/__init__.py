"""Metrics, each in one file: per-example scores first, an aggregate from torchmetrics or seqeval.

Every aggregate is sum(num) / sum(den) over its per-example rows, which is what the bootstrap resamples.
"""

from __future__ import annotations

from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.metrics.accuracy import Accuracy
from xtreme_noise.metrics.base import Metric, Scored, by_id
from xtreme_noise.metrics.spans import SpanF1
from xtreme_noise.metrics.squad import SquadF1

_METRICS: dict[str, type[Metric]] = {metric.name: metric for metric in (Accuracy, SpanF1, SquadF1)}


def names() -> list[str]:
    """The names a task's `metric` may have."""
    return sorted(_METRICS)


def build(name: str) -> Metric:
    """A metric of its own for one cell: never shared (one object over several data sets gives wrong numbers)."""
    if name not in _METRICS:
        raise ConfigError(f"unknown metric {name!r}{suggest(name, _METRICS, 'metrics')}")
    return _METRICS[name]()


__all__ = ["Metric", "Scored", "build", "by_id", "names"]
