"""Metrics, each in one file: per-example scores first, then the aggregate.

Every aggregate is sum(num) / sum(den) over its per-example rows, which is what the bootstrap resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

from xtreme_noise.errors import ConfigError
from xtreme_noise.metrics.base import Metric, Scored, by_id, unique
from xtreme_noise.parts import METRICS


def names() -> list[str]:
    """Names of all metrics, those of other packages last."""
    return METRICS.names()


def metric_class(name: str) -> type[Metric]:
    """The class of a metric. Raises ConfigError, with the nearest name, for an unknown one."""
    metric: type[Metric] = METRICS.get(name)
    brought = name in METRICS.external()
    if brought and (metric.name != name or not metric.higher_is_better):  # the report knows the direction of ours only
        raise ConfigError(
            f"the metric {metric.name!r} of the entry point {name!r} must have the same name, and higher must be better"
        )
    return metric


def build(name: str, language: str | None = None, cases: Sequence[str] | None = None) -> Metric:
    """A new metric object for one cell; sharing one over several data sets would give wrong numbers.

    language: of the answers; mlqa_f1 needs it. cases: the case of each example, right or wrong as a whole.
    """
    return metric_class(name)(language, cases)


__all__ = ["Metric", "Scored", "build", "by_id", "metric_class", "names", "unique"]
