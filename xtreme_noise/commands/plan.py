"""mode=plan: what a study would train and evaluate, what is finished, and an estimate of the time for the rest."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xtreme_noise import hardware, models, tasks
from xtreme_noise.commands import allocations
from xtreme_noise.commands.counting import stage_counts, token_count
from xtreme_noise.config import limits, reads
from xtreme_noise.config.compose import Study
from xtreme_noise.config.fields import own_head
from xtreme_noise.config.fields import system as system_name
from xtreme_noise.config.schema import Config
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.sources import SplitRef
from xtreme_noise.errors import UserError
from xtreme_noise.models.own_head import dropped as dropped_head
from xtreme_noise.packs import Packs
from xtreme_noise.report.formatting import plural
from xtreme_noise.stages import speed
from xtreme_noise.stages.plan import Cell, Plan, Stage
from xtreme_noise.stages.sampling import epoch_batches, task_chances
from xtreme_noise.stages.training_set import check_overlap
from xtreme_noise.store import Store, digest
from xtreme_noise.submitting import SLURM

WIDE = 200  # width of the output in a pipe or a file


@dataclass
class Workload:
    """The work of a stage or of a system's cells: units in total, units already finished, subword tokens left."""

    total: int = 0
    there: int = 0
    model: str = ""
    tokens: float = 0.0
    seconds: float = 0.0
    unmeasured: bool = False
    elsewhere: bool = False  # the time is that of another machine
    inputs: list[float | None] = field(default_factory=list)  # model inputs of an epoch, by task; None: no tokenizer
    examples: list[int] = field(default_factory=list)  # by task
    languages: dict[str, float] = field(default_factory=dict)  # examples by language


@dataclass
class Outlook:
    """The work of all jobs together. Shared stages and cells count once."""

    stages: dict[str, tuple[Stage, Workload]] = field(default_factory=dict)
    cells: dict[str, Workload] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)  # models without a tokenizer on this machine
    jobs: dict[int, float | None] = field(default_factory=dict)  # seconds of evaluation of each job; None: unmeasured

    def lacks(self, error: DataMissing, cfg: Config) -> None:
        """Record missing data: a gap or, when strict, a problem."""
        if cfg.strict:
            self.fails(error)
        else:
            self.missing.add(str(error))

    def fails(self, error: UserError) -> None:
        """Record a problem that would prevent a run, once."""
        if str(error) not in self.problems:
            self.problems.append(str(error))


def main(study: Study) -> int:
    """Returns 1 when something in the plan cannot run, else 0."""
    return show(study.jobs, study) if study.launcher == SLURM else show(study.jobs)


def show(jobs: Sequence[Config], cluster: Study | None = None) -> int:
    """Print the plan of all jobs. Returns 1 when something in it cannot run, else 0.

    cluster: the study, if it is for a cluster, whose jobs are shown too.
    """
    of = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    print(f"xtreme-noise: reading the data of {of} to count tokens; nothing is trained", file=sys.stderr, flush=True)
    outlook = survey(jobs)
    console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for limit in sorted({job.limit for job in jobs if job.limit is not None}):
        console.print(limits.note(limit), markup=False)
    if outlook.stages:
        console.print(_stage_table(outlook))
    for line in [*_multitask(outlook), *_matched(outlook)]:
        console.print(line, markup=False)
    for name in sorted(outlook.unread):
        console.print(
            f"{name} is not on this machine: a run downloads it; tokens are estimated as characters / 4", markup=False
        )
    if outlook.cells:
        console.print(_cell_table(outlook, len(jobs)))
    if cluster is not None and outlook.jobs:
        seconds = {key: None if work.unmeasured else work.seconds for key, (_, work) in outlook.stages.items()}
        console.print(allocations.table(cluster, seconds, outlook.jobs))
    for name in sorted(outlook.missing):
        console.print(f"missing: {name} (the run continues without it; strict=true makes it an error)", markup=False)
    for problem in outlook.problems:
        console.print(f"cannot run: {problem}", markup=False)
    if outlook.stages or outlook.cells:
        for line in _running(jobs):
            console.print(line, markup=False)
        console.print(_duration(outlook))
    return 1 if outlook.problems else 0


def in_short(jobs: Sequence[Config]) -> str:
    """One line for the beginning of a run: stages to train, cells to evaluate, and about how long that takes."""
    try:
        outlook = survey(jobs)
    except Exception as error:  # the jobs meet it too, and record it
        return f"the work cannot be estimated ({type(error).__name__}: {error})"
    stages = sum(not work.there for _, work in outlook.stages.values())
    wanted = sum(work.total for work in outlook.cells.values())
    left = wanted - sum(work.there for work in outlook.cells.values())
    parts = [plural(stages, "stage") + " to train", f"{left:,} of {plural(wanted, 'cell')} to evaluate"]
    return ", ".join([*parts, _about(outlook)] if stages or left else ["everything is finished"])


def _duration(outlook: Outlook) -> str:
    works = _works(outlook)
    elsewhere = any(work.elsewhere for work in works)
    source = "in conf/model (two CPU cores; other hardware differs)" if elsewhere else "that this machine has reached"
    return (
        f"{_about(outlook)}, estimated from token counts of samples and the tokens per second {source}. Tokens are "
        "those of all epochs. Nothing was run."
    )


def _about(outlook: Outlook) -> str:
    works = _works(outlook)
    minutes = round(sum(work.seconds for work in works) / 60)
    note = " + unmeasured work (no speed is known for this model)" if any(work.unmeasured for work in works) else ""
    return (f"about {plural(minutes, 'minute')}" if minutes else "less than a minute") + note


def _works(outlook: Outlook) -> list[Workload]:
    return [work for _, work in outlook.stages.values()] + list(outlook.cells.values())


def _running(jobs: Sequence[Config]) -> list[str]:
    """One line per model: its precision in training and in inference, and the machine that computes."""
    lines = []
    for cfg in jobs:
        how = models.running(cfg.model, cfg.trainer.accelerator)
        machine = hardware.kind(cfg.trainer.accelerator)
        if own_head(cfg):
            lines.append(f"{cfg.model.name}: its own head, not trained here; inference in {how.infer} ({machine})")
            continue
        folder = reads.folder(cfg.model) if cfg.model.loader == "hub" else None
        if folder is not None and (dropped := dropped_head(folder)):
            lines.append(f"{cfg.model.name}: {dropped}")
        lines.append(f"{cfg.model.name}: training in {how.train}, inference in {how.infer} ({machine})")
    return list(dict.fromkeys(lines))


def survey(jobs: Sequence[Config]) -> Outlook:
    """The work of `jobs`. Reads data to count tokens, but trains, converts and downloads no model."""
    outlook, seen, lengths = Outlook(), set[str](), dict[str, float]()
    for number, cfg in enumerate(jobs):
        store = Store(cfg.store)
        try:
            plan = Plan(cfg)
            served, missing = _served(plan)
            if not served:  # then nothing is trained either
                which = "; ".join(dict.fromkeys(map(str, missing)))
                outlook.fails(DataMissing(f"{cfg.reported_task()}: all of the data are missing: {which}"))
                continue
            for gap in missing:
                outlook.lacks(gap, cfg)
            for stage in plan.stages:
                _survey_stage(outlook, stage, store, cfg)
            for stage in (one for language in served for one in plan.stages_for(language)[len(plan.stages) :]):
                try:
                    _survey_stage(outlook, stage, store, cfg)
                except UserError as error:  # concerns one language; the others can run
                    outlook.fails(error)
            outlook.jobs[number] = _survey_cells(outlook, plan, served, store, seen, lengths)
        except UserError as error:
            outlook.fails(error)
    return outlook


def _served(plan: Plan) -> tuple[dict[str, SplitRef], list[DataMissing]]:
    """The test sets of the languages that have all their data (shots included), and what the others lack."""
    tests: dict[str, SplitRef] = {}
    missing: list[DataMissing] = []
    for language in plan.cfg.wanted_languages():
        try:
            tests[language] = plan.test(language)
        except DataMissing as error:
            missing.append(error)
    return tests, missing


def _survey_stage(outlook: Outlook, stage: Stage, store: Store, cfg: Config) -> None:
    check_overlap(stage, store)  # with this target's test sets, even if another job has surveyed the stage
    key = digest(stage.key())
    if key in outlook.stages:
        return
    work = Workload(model=cfg.model.name)
    there, model = store.there("stages", stage.key()), cfg.model
    parts, known = stage_counts(stage, store, cfg)
    if not known:
        outlook.unread.add(model.name)
    epochs: list[tuple[float, float]] = []  # for each task: batches of an epoch, their tokens
    for part, counts in zip(stage.parts, parts, strict=True):
        examples, inputs, tokens = 0.0, 0.0, 0.0
        for sample, (size, each, length) in zip(part.samples, counts, strict=True):
            examples += size
            code = sample.reference.language
            work.languages[code] = work.languages.get(code, 0.0) + size
            inputs += size * each
            tokens += size * length
        if part.updates is not None:  # an epoch draws only as many batches
            tokens *= min(1.0, part.updates * part.recipe.batch_size / inputs)
        work.examples.append(round(examples))
        work.inputs.append(inputs if known else None)
        epochs.append((inputs / part.recipe.batch_size, tokens))
    tokens = sum(tokens for _, tokens in epochs)
    if stage.sampling is not None:  # drawn by task
        masked = [part.masked for part in stage.parts]
        drawn = task_chances(work.examples, masked, stage.sampling)
        mean = sum(chance * own / batches for chance, (batches, own) in zip(drawn, epochs, strict=True))
        tokens = mean * epoch_batches([batches for batches, _ in epochs], masked, stage.sampling)
    missing = 0 if there else sum(not store.there("stages", run.key()) for run in stage.runs)
    work.tokens = missing * tokens * stage.recipe.epochs
    work.total = sum(work.examples)
    work.there = work.total if there else 0
    _time(work, cfg, "train")
    outlook.stages[key] = (stage, work)


def _survey_cells(
    outlook: Outlook, plan: Plan, served: Mapping[str, SplitRef], store: Store, seen: set[str],
    lengths: dict[str, float],
) -> float | None:  # fmt: skip
    """Add the cells of a job. Returns the seconds that they need; None if no speed is known."""
    cfg = plan.cfg
    noise = "" if cfg.trained_with() == "none" else f" + {cfg.trained_with()} in training"
    system = f"{cfg.reported_task()} | {cfg.model.name} | {system_name(cfg)}{noise}"
    work, packs = outlook.cells.setdefault(system, Workload()), Packs(store)
    before = work.tokens
    for cell in plan.cells:
        if (test := served.get(cell.language)) is None:
            continue
        key = plan.cell_key(cell, test)
        if digest(key) in seen:
            continue
        seen.add(digest(key))
        work.total += 1
        pack = plan.pack(cell.language, test)
        if packs.there("cells", key, pack) and not _lacks_class_scores(plan, cell, test, packs):
            work.there += 1
            continue
        name = f"{cfg.model.name}|{digest(test.identity())}"
        if name not in lengths:
            lengths[name] = _tokens(test, store, plan, outlook, cfg.task.size.test)
        # Candidates of a retrieval task and unchanged inputs are encoded once, so the clean cell's tokens are an upper
        # bound for a noisy cell, apart from the subwords that noise adds.
        tokens = lengths[name]
        work.tokens += tokens + _beside(plan, cell.language, store, seen, outlook)
    _time(work, cfg, "infer")
    if work.unmeasured:
        return None
    return work.seconds * (work.tokens - before) / work.tokens if work.tokens else 0.0


def _lacks_class_scores(plan: Plan, cell: Cell, test: SplitRef, packs: Packs) -> bool:
    if not plan.class_scores:
        return False
    return not packs.there("class_scores", plan.class_scores_key(cell, test), plan.pack(cell.language, test))


def _beside(plan: Plan, language: str, store: Store, seen: set[str], outlook: Outlook) -> float:
    """Tokens that a mining task encodes once for a language: the other side, and the corpora for the threshold."""
    mined = plan.mining(language)
    fresh = {digest([plan.digest_for(language), one.identity()]): one for one in (mined.references() if mined else ())}
    tokens = sum(_tokens(one, store, plan, outlook) for key, one in fresh.items() if key not in seen)
    seen.update(fresh)
    return tokens


def _time(work: Workload, cfg: Config, kind: speed.Use) -> None:
    measured = speed.known(Store(cfg.store), cfg.trainer.accelerator, cfg.model.name, kind)
    tokens_per_second = measured or cfg.model.tokens_per_second.get(kind)
    if tokens_per_second:
        work.seconds = work.tokens / tokens_per_second
        work.elsewhere = measured is None and bool(work.tokens)
    elif work.tokens:
        work.unmeasured = True


def _tokens(reference: SplitRef, store: Store, plan: Plan, outlook: Outlook, at_most: int | None = None) -> float:
    tokens, known = token_count(reference, store, plan, at_most)
    if not known:
        outlook.unread.add(plan.cfg.model.name)
    return tokens


def _table(title: str, names: Sequence[str], numbers: Sequence[str]) -> Table:
    """A table that folds names in a narrow terminal and never truncates."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for name in names:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _stage_table(outlook: Outlook) -> Table:
    names = ("stage", "role", "on top of", "state")
    table = _table("stages to train", names, ("examples", "tokens", "about"))
    several = len({work.model for _, work in outlook.stages.values()}) > 1
    for stage, work in outlook.stages.values():
        of = f"{work.model} | " if several else ""
        table.add_row(
            escape(f"{of}{stage.name}{' + noise' if stage.noise else ''}"), stage.role,
            escape(stage.parent.name) if stage.parent else "pretrained", "there" if work.there else "to train",
            f"{work.total:,}", *_cost(work),
        )  # fmt: skip
    return table


def _multitask(outlook: Outlook) -> list[str]:
    """One line per multitask stage, with the examples of each task."""
    lines = []
    for stage, work in outlook.stages.values():
        if stage.tasks:
            sizes = zip((name for name, _ in stage.tasks), work.examples, strict=True)
            line = f"{stage.name}: " + ", ".join(f"{name} {size:,}" for name, size in sizes) + " examples"
            names = ", ".join(name for name, part in stage.tasks if part.masked)
            if names and stage.sampling is not None:
                line += f"; {stage.sampling.mlm_weight:g} batches of {names} for each of the others"
            lines.append(line)
    return list(dict.fromkeys(lines))


def _matched(outlook: Outlook) -> list[str]:
    """One line per intermediate stage: what its arms have equal, and how many examples and updates that makes."""
    lines = []
    for stage, work in outlook.stages.values():
        if stage.match:
            about = "about " if any(sample.tokens_of for sample in stage.samples) else ""
            by_language = ", ".join(f"{code} {size:,.0f}" for code, size in work.languages.items())
            spread = f" ({by_language})" if len(work.languages) > 1 else ""
            sizes = f"{about}{work.total:,} examples{spread}, {_updates(stage, work)} updates"
            lines.append(f"{stage.name}: arms matched by {stage.match}; {sizes}")
    return list(dict.fromkeys(lines))


def _updates(stage: Stage, work: Workload) -> str:
    """Optimizer steps: exact when updates are matched, else computed from the model inputs."""
    a_step = int(stage.parts[0].base.get("trainer", {}).get("accumulate_grad_batches", 1))  # batches
    if stage.updates is not None:
        return f"{-(-stage.updates // a_step) * stage.recipe.epochs:,}"
    batches, about = 0, ""
    for part, inputs in zip(stage.parts, work.inputs, strict=True):
        several = tasks.family(part.family).windows  # a long example is several inputs
        if several and about != "at least ":
            about = "about " if inputs is not None else "at least "
        sizes = [sample.size for sample in part.samples if sample.tokens_of is None]
        whole = sum(size or 0 for size in sizes) if inputs is None else round(inputs)
        batches += -(-(whole or work.total) // part.recipe.batch_size)
    return f"{about}{-(-batches // a_step) * stage.recipe.epochs:,}"


def _cell_table(outlook: Outlook, jobs: int) -> Table:
    title = f"cells to evaluate ({jobs} job{'s' if jobs != 1 else ''})"
    table = _table(title, ["task | model | intermediate"], ("cells", "there", "to do", "tokens", "about"))
    for name, work in outlook.cells.items():
        table.add_row(escape(name), str(work.total), str(work.there), str(work.total - work.there), *_cost(work))
    return table


def _cost(work: Workload) -> tuple[str, str]:
    if not work.tokens:
        return "", ""
    return f"{work.tokens:,.0f}", f"{work.seconds / 60:.1f} min" if work.seconds else "unmeasured"
