"""The head that a checkpoint has of its own: what it is for, and its labels, matched by name with those of a task."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtreme_noise import tasks
from xtreme_noise.config.schema import ModelConfig, TaskConfig
from xtreme_noise.errors import ConfigError
from xtreme_noise.models import registry

KEY = "model.labels"
REMEDY = "Evaluate a checkpoint that has one, or leave out task.train=false to train one on its encoder"


@dataclass(frozen=True)
class OwnHead:
    """The class of the checkpoint, and for each of its outputs the label of the task that it stands for (none: the
    task has no labels).
    """

    architecture: str
    labels: tuple[str, ...] = ()

    def sources(self, labels: Sequence[str]) -> list[list[int]] | None:
        """For each label of the task, the outputs that stand for it; None without labels."""
        if not self.labels:
            return None
        return [[at for at, own in enumerate(self.labels) if own == label] for label in labels]


def read(cfg: ModelConfig, task: TaskConfig, offline: bool) -> OwnHead:
    """The head of the model that cfg names, for a task. Loads no weights, but may download the model's config.json.

    Raises ConfigError when it has none for this family, or when its labels are not those of the task, with the setting
    that maps them; ModelUnavailable.
    """
    config = registry.loader(cfg).config(cfg, offline)
    wanted = tasks.family(task.family).own_head
    where = f"model {cfg.name} ({cfg.path or cfg.loader})"
    architecture = head_class(config)
    if architecture is None or wanted is None or not architecture.endswith(wanted):
        has = f"is a {architecture}" if architecture else "names no class (architectures in config.json)"
        raise ConfigError(
            f"{where} {has}, and {task.name} is a {task.family} task, which needs a head of its own, ...{wanted}. "
            f"{REMEDY}"
        )
    if not tasks.family(task.family).least_labels:
        return OwnHead(architecture)
    own = _labels(config, where)
    return OwnHead(architecture, tuple(_matched(own, task.labels, cfg.labels, f"{where} and task {task.name}")))


def head_class(config: Mapping[str, Any]) -> str | None:
    """The class of transformers that the content of a config.json names."""
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names and names[0] is not None else None


def task_head(config: Mapping[str, Any]) -> str | None:
    """The class of a checkpoint that is trained for a task of ours; None for a pretrained encoder."""
    name = head_class(config)
    ends = [end for family in tasks.names() if (end := tasks.family(family).own_head)]
    return name if name and name.endswith(tuple(ends)) else None


def dropped(directory: Path) -> str | None:
    """A sentence about the head of a checkpoint of which only the encoder is used; None if it has no task's head."""
    file = directory / "config.json"
    if not file.is_file():
        return None
    name = task_head(json.loads(file.read_text(encoding="utf-8")))
    return f"only the encoder of its {name} is used, its head is dropped" if name else None


def _labels(config: Mapping[str, Any], where: str) -> list[str]:
    """The names of the outputs, in their order; transformers calls them LABEL_0 ... without names.

    Raises ConfigError for names that are not those of the outputs 0, 1, ...
    """
    names, count = config.get("id2label") or {}, config.get("num_labels") or 2
    if not isinstance(names, dict) or type(count) is not int or set(names) - {str(at) for at in range(len(names))}:
        raise ConfigError(
            f"{where}: config.json must have the name of every output as id2label, "
            f'{{"0": ..., "1": ...}}, or their number as num_labels. It has: {names or count!s:.80}'
        )
    return [str(names.get(str(at), f"LABEL_{at}")) for at in range(len(names) or count)]


def _matched(own: Sequence[str], wanted: Sequence[str], mapping: Mapping[str, str], where: str) -> list[str]:
    """For each output the label of the task: as `mapping` says, else by name, without regard to case and separators.

    Raises ConfigError: without a mapping unless both have the same labels; with one for a name that is in neither list,
    and for an output without a label.
    """
    if unknown := [name for name in mapping if name not in own]:
        raise ConfigError(f"{KEY}: {where}: the model has no label {unknown[0]!r}. {_lists(own, wanted)}")
    if unknown := [name for name in mapping.values() if name not in wanted]:
        raise ConfigError(f"{KEY}: {where}: the task has no label {unknown[0]!r}. {_lists(own, wanted)}")
    by_name = {name: mapping.get(name) or _same(name, own, wanted) for name in own}
    unknown = [name for name, label in by_name.items() if label is None]
    missing = [] if mapping else [label for label in wanted if label not in by_name.values()]
    if unknown or missing:
        names = (
            f"the label of the task is not known for {', '.join(unknown)}"
            if unknown
            else f"no label of the model has the name of {', '.join(missing)}"
        )
        raise ConfigError(
            f"{where} have different labels: {names}. {_lists(own, wanted)}. If you know what the model's labels mean, "
            f"say it, here with ? for what is not known: {option(by_name)}"
        )
    return [str(by_name[name]) for name in own]


def _same(name: str, own: Sequence[str], wanted: Sequence[str]) -> str | None:
    """The only label of the task with this name; None if there is none, or another output has the same name."""
    if name in wanted:
        return name
    like = [label for label in wanted if _plain(label) == _plain(name)]
    several = [other for other in own if _plain(other) == _plain(name)]
    return like[0] if len(like) == 1 and len(several) == 1 and _plain(name) else None


def _plain(name: str) -> str:
    """A label without regard to case and separators: B-PER and b_per are the same."""
    return re.sub(r"[\W_]+", " ", name.casefold()).strip()


def _lists(own: Sequence[str], wanted: Sequence[str]) -> str:
    return f"The model's: {', '.join(own)}. The task's: {', '.join(wanted)}"


def option(mapping: Mapping[str, str | None]) -> str:
    """The setting that maps the labels of a model, as one writes it on the command line (+: a key for every label)."""
    pairs = (f"{_escaped(name)}:{'?' if label is None else _escaped(label)}" for name, label in mapping.items())
    return f"'+{KEY}={{{','.join(pairs)}}}'"


def _escaped(name: str) -> str:
    """A name in Hydra's grammar for mappings."""
    return re.sub(r"([\\()\[\]{}:=,\"'])", r"\\\1", name)
