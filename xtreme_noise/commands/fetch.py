"""mode=fetch: puts the models and data of a study into one folder, for machines without a network.

Fetches only parquet files, cards, and the files of checkpoints without pickles and code, and only the splits and
languages that the study reads. The same command resumes; with another study, it adds what is missing. config/fetched.py
reads the folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xtreme_noise.commands.checks import writable
from xtreme_noise.commands.download import Checkpoint, DataSet, Download, Files
from xtreme_noise.config import fetched
from xtreme_noise.config.compose import Study
from xtreme_noise.config.fetched import inside
from xtreme_noise.config.schema import Config, ModelConfig
from xtreme_noise.data import files, hub
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.repository import Repository
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import ConfigError, UserError
from xtreme_noise.models import fetched as checkpoints
from xtreme_noise.models import hub as models_hub
from xtreme_noise.stages.mining import mining
from xtreme_noise.stages.plan import Plan, Stage, test_reference
from xtreme_noise.writing import file_lock

MODELS = "models"


def main(study: Study) -> int:
    """Returns 1 when something could not be fetched, else 0."""
    folder = Path(str(study.jobs[0].fetch.folder)).expanduser()
    writable(folder, ".", f"fetch.folder={folder}: models and data", "fetch.folder=/some/folder")
    return show(study.jobs)


def show(jobs: Sequence[Config]) -> int:
    """Fetch what the jobs need into fetch.folder, and print it. Returns 1 when something could not be fetched."""
    root = Path(str(jobs[0].fetch.folder)).expanduser().absolute()
    console = Console(soft_wrap=True, highlight=False)
    with file_lock(root / ".lock"):
        survey = Survey(root)
        for cfg in jobs:
            survey.add(cfg)
        console.print(_table(survey, root))
        for note in sorted(survey.notes):
            console.print(note, markup=False)
        _room(root, survey)
        for item in survey.items.values():
            try:
                item.bring(root, jobs[0].source.offline)
            except (UserError, OSError) as error:
                survey.problems.append(str(error))
    for missing in sorted(survey.missing):
        console.print(f"missing: {missing}", markup=False)
    for problem in dict.fromkeys(survey.problems):
        console.print(f"cannot be fetched: {problem}", markup=False)
    if survey.items:
        console.print(_usage(root, survey), markup=False)
    return 1 if survey.problems else 0


class Survey:
    """What the jobs need, each repository once; what is missing, and what went wrong."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.items: dict[str, Download] = {}
        self.notes: set[str] = set()
        self.missing: set[str] = set()
        self.problems: list[str] = []

    def add(self, cfg: Config) -> None:
        """Add the needs of one job; downloads lists of files and cards, but no data."""
        for root in cfg.source.roots() if cfg.source.kind != "hub" else ():
            if fetched.is_fetched(root):
                raise ConfigError(f"source.root={root} is itself a folder of mode=fetch: add source=hub")
        try:
            self._model(cfg.model, cfg.source.offline)
        except UserError as error:
            self.problems.append(str(error))
        plan: Plan | None = None
        try:
            plan = Plan(cfg)
            pool = plan.pool
            for reference in (*pool.candidates, *pool.answers) if pool else ():
                self._reference(reference, optional=False)
            for stage in plan.stages:
                for reference in _read_by(stage):
                    self._reference(reference, optional=False)
                for reference in (one for part in stage.parts for one in part.dev_sets):
                    self._reference(reference, optional=True)
        except UserError as error:
            self.problems.append(str(error))
        for language in cfg.wanted_languages():
            try:
                mined = mining(cfg, language)
                own = plan.stages_for(language)[len(plan.stages) :] if plan else []  # with few-shot training
                beside = [*(mined.references() if mined else ()), *(one for stage in own for one in _read_by(stage))]
                for reference in (test_reference(cfg, language), *beside):
                    self._reference(reference, optional=not cfg.strict)
            except UserError as error:
                self._failed(error, optional=not cfg.strict)

    def _reference(self, reference: SplitRef, optional: bool) -> None:
        try:
            for side in reference.sides():
                if side.kind == "hub":
                    self._dataset(side)
                self._files(side)
            if reference.kind not in ("hub", "files"):
                self.notes.add(f"{reference.name()}: comes with a package")
        except UserError as error:
            self._failed(error, optional)

    def _failed(self, error: UserError, optional: bool) -> None:
        if optional and isinstance(error, DataMissing):
            self.missing.add(str(error))
        else:
            self.problems.append(str(error))

    def _dataset(self, reference: SplitRef) -> None:
        split, offline = reference.split, reference.source.offline
        key = (split.path, split.revision or "")
        known = fetched.read(self.root).get(key)  # a folder keeps its first commit
        pinned = replace(split, revision=known.commit) if known else split
        repository = Repository(split.path, "dataset", pinned.revision)
        chosen = hub.files(pinned, reference.language, offline)
        commit, sizes = repository.commit(offline), repository.sizes(offline)
        item = DataSet(
            what=f"{split.path} @ {commit[:12]}", target=fetched.folder(split.path, commit),
            repository=repository, tree=sorted(sizes), key=key,
        )  # fmt: skip
        wanted = self.items.setdefault(f"dataset {key}", item).files
        wanted |= {name: sizes[name] for name in [*chosen, *([hub.CARD] if hub.CARD in sizes else [])]}

    def _files(self, reference: SplitRef) -> None:
        for name in reference.files():
            path = files.locate(name, reference.language, reference.source.root)
            root = next(root for root in reference.source.roots() if path == Path(root) / name)
            item = Files(what=f"files of {root}", target=Path(), root=Path(root))
            wanted = self.items.setdefault(f"files {root}", item).files
            wanted[inside(name).as_posix()] = path.stat().st_size

    def _model(self, cfg: ModelConfig, offline: bool) -> None:
        repository = models_hub.repository(cfg) if cfg.loader == "hub" else None
        if repository is None:
            where = f"a local directory, {cfg.path}" if cfg.loader == "hub" else "comes with a package"
            self.notes.add(f"model {cfg.name}: {where}")
            return
        commit, sizes = repository.commit(offline), repository.sizes(offline)
        item = Checkpoint(
            what=f"{repository.name} @ {commit[:12]}", target=Path(MODELS) / inside(cfg.name), repository=repository,
            files={name: sizes[name] for name in models_hub.needed(sizes)},
        )  # fmt: skip
        here = checkpoints.origin(self.root / item.target)
        taken = self.items.setdefault(f"model {cfg.name}", item).what
        if here is not None and (here.path, here.commit) != (repository.name, commit):
            taken = f"{here.path} @ {here.commit[:12]}"
        if taken != item.what:
            del self.items[f"model {cfg.name}"]
            raise ConfigError(
                f"model {cfg.name} is {item.what}, but {self.root / item.target} contains {taken}: remove one of them"
            )


def _read_by(stage: Stage) -> list[SplitRef]:
    """All splits that a stage reads, for each of its tasks."""
    return [one for part in stage.parts for one in part.references()]


def _table(survey: Survey, root: Path) -> Table:
    table = Table(title=escape(f"to {root}"), title_justify="left")
    for name in ("repository", "files", "bytes", "there"):
        table.add_column(name, justify="left" if name == "repository" else "right")
    for item in survey.items.values():
        total, there = sum(item.files.values()), item.there(root)
        table.add_row(escape(item.what), str(len(item.files)), size(total), size(there) if there else "")
    total = sum(sum(item.files.values()) for item in survey.items.values())
    table.add_row("total", str(sum(len(item.files) for item in survey.items.values())), size(total), "")
    return table


def _room(root: Path, survey: Survey) -> None:
    """Raise ConfigError when the rest does not fit on the disk."""
    rest = sum(sum(item.files.values()) - item.there(root) for item in survey.items.values())
    free = shutil.disk_usage(root).free
    if rest > free:
        raise ConfigError(f"fetch.folder={root}: {size(rest)} are needed, but only {size(free)} are free")


def _usage(root: Path, survey: Survey) -> str:
    """A line that says how to use the folder."""
    words = ["source=files", f"source.root={root}"]
    fetched_models = [item for item in survey.items.values() if isinstance(item, Checkpoint)]
    if fetched_models and all(item.target.name == item.repository.name.split("/")[-1] for item in fetched_models):
        # model=own, whose name comes from its path: the path cannot contain the name
        words.append(f"model.path={','.join(str(root / item.target) for item in fetched_models)}")
    elif fetched_models:
        words.append(f"'model.path={root / MODELS}/${{model.name}}'")
    return f"Without a network, run the same command with: {' '.join(words)}"


def size(count: int) -> str:
    """Readable size of `count` bytes: 1.2 MB."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
