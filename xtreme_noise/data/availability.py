"""Which data of a task are on this machine: under source.root, or in the hub's cache. Nothing is read or downloaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xtreme_noise.config import reads
from xtreme_noise.config.schema import IntermediateConfig, SourceConfig, TaskConfig
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.data.sources import references
from xtreme_noise.errors import UserError


@dataclass
class Part:
    """One part (train, dev, test, paired, pool) in every language that the task wants it in."""

    there: list[str] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)  # language -> why


@dataclass
class Availability:
    """The data of a task in the source that it is read from. Without parts, it has none in that source."""

    name: str
    kind: str  # task | intermediate
    source: str
    parts: dict[str, Part] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether everything is there, in every language."""
        return bool(self.parts) and not any(part.missing for part in self.parts.values())


def of_task(name: str, task: TaskConfig, source: SourceConfig) -> Availability:
    """The data of a target task: train and dev in its training language, test sets and candidates in all of them."""
    kind = reads.kind(task.data, source) if task.data else ""
    found = Availability(name, "task", kind)
    if (data := task.data.get(kind)) is None:
        return found
    single = [task.train_language]
    wanted: dict[str, Sequence[str]] = {"train": single, "dev": single} if task.train else {}
    wanted |= {"paired" if data.paired else "test": task.languages}
    if data.pool:
        wanted["pool"] = task.languages
    for part, languages in wanted.items():
        found.parts[part] = _part(task.data, part, languages, source, task.family, task.labels, name)
    return found


def of_intermediate(name: str, task: IntermediateConfig, source: SourceConfig) -> list[Availability]:
    """The data of every arm of an intermediate task; of a chain and a multitask stage there are those of its parts."""
    found = []
    for arm, own in task.arms.items() if task.family else ():
        data = own.data or task.data
        kind = reads.kind(data, source) if data else ""
        one = Availability(f"{name}/{arm}", "intermediate", kind)
        if kind in data:
            for part, languages in {"train": own.languages, "dev": ["en"]}.items():
                one.parts[part] = _part(data, part, languages, source, str(task.family), task.labels, name)
        found.append(one)
    return found


def _part(
    data: Mapping[str, DataConfig], part: str, languages: Sequence[str], source: SourceConfig, family: str,
    labels: Sequence[str], what: str,
) -> Part:  # fmt: skip
    found = Part()
    for language in languages:
        try:
            for reference in references(data, part, [language], source=source, family=family, labels=labels, what=what):
                reference.there()
        except UserError as error:
            found.missing[language] = str(error).splitlines()[0]
        else:
            found.there.append(language)
    return found
