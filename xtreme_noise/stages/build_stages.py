"""The stages that a job trains: its intermediate tasks in order, then the target task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from xtreme_noise import metrics
from xtreme_noise.config.fields import dev_metric
from xtreme_noise.config.schema import Config, FirstConfig, IntermediateConfig, TaskConfig, TrainedAsConfig
from xtreme_noise.config.splits import names_language
from xtreme_noise.data import files
from xtreme_noise.data.examples import comparable
from xtreme_noise.data.files import DataMissing
from xtreme_noise.data.sources import SplitRef, references, source_kind
from xtreme_noise.data.training_noise import training_noise
from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import main as main_language
from xtreme_noise.stages.ranking import FAMILY as RANKING
from xtreme_noise.stages.ranking import encoding, pool_part
from xtreme_noise.stages.stage import Interleave, LanguageSample, Stage


def build_stages(cfg: Config, base: dict[str, Any]) -> list[Stage]:
    """All stages in order; each starts from the one before it, the first from the pretrained model.

    base: identity of the pretrained model and of how it is used. Raises ConfigError and DataMissing.
    """
    stages: list[Stage] = []
    if cfg.shots.k is not None:
        _check_shots(cfg)
    for task in cfg.intermediate.in_order():
        stages.append(_intermediate(cfg, task, base, stages[-1] if stages else None))
    if cfg.task.train:
        if cfg.task.first is not None:
            stages.append(_first(cfg, cfg.task, cfg.task.first, base, stages[-1] if stages else None))
        stages.append(_target(cfg, cfg.task, base, stages[-1] if stages else None))
        _check_dev(stages)
    return stages


def _check_dev(stages: list[Stage]) -> None:
    """Raise ConfigError when the target would choose its epoch on training data of an intermediate stage."""
    dev = stages[-1].dev
    for stage in stages[:-1]:
        for one in (one for sample in stage.samples for one in sample.references):
            if _same_items(one, dev):
                raise ConfigError(
                    f"{stages[-1].name} chooses its epoch on {dev.name()}, which {stage.name} is trained on: choose "
                    "another intermediate task, or another dev set (task.data)"
                )


def _same_items(one: SplitRef, dev: SplitRef) -> bool:
    """Whether two splits may have items in common, in another language as translations.

    Two cuts of one file are disjoint, but only within a language: a cut goes by the hash of a text, and a translation
    can fall on the other side.
    """
    if _origin(one) != _origin(dev):
        return False
    if one.language != dev.language:
        return True
    (low, high), (other_low, other_high) = (split.cut or (0.0, 1.0) for split in (one.split, dev.split))
    return low < other_high and other_low < high


def _origin(one: SplitRef) -> tuple[str | None, ...]:
    """Where rows come from. Embedded data are generated, separately for train and dev."""
    return one.kind, one.split.path, one.split.name, one.split.split, one.part if one.kind == "embedded" else None


def _check_shots(cfg: Config) -> None:
    """Raise ConfigError when the shots would be the same rows in every language."""
    kind = source_kind(cfg.task.data, cfg.source, f"task {cfg.task.name}")
    for number, split in enumerate(cfg.task.data[kind].dev):
        if kind != "embedded" and split.languages is None and not names_language(split):
            raise ConfigError(
                f"task.data.{kind}.dev[{number}] is {split.path} for every language, so all shots would come from one "
                "file: write {language} in its path, or name the languages that it is in (languages: [en])"
            )


def few_shot(cfg: Config, parent: Stage, language: str) -> Stage | None:
    """The few-shot stage of one language, on top of the zero-shot target; None for English, and without shots.

    Raises DataMissing when the language has no dev set.
    """
    task, shots = cfg.task, cfg.shots
    if shots.k is None or language == task.train_language:
        return None
    common = _common(cfg, task) | {"what": f"task {task.name}, shots"}
    found = references(task.data, "dev", [language], **common)[0]
    found.revision()
    sample = LanguageSample(found, shots.k, True, _tests(cfg, language), order=shots.sampling)
    recipe = replace(
        task.recipe,
        patience=None,  # the scores on English dev are only recorded
        epochs=shots.epochs or task.recipe.epochs,
        learning_rate=shots.learning_rate or task.recipe.learning_rate,
    )
    name = f"{task.name}, {shots.k} {shots.sampling} shots in {language}"
    noisy = training_noise(cfg.train_noise, "target", name, task.family, cfg.train_noise.field or task.noise_field)
    return replace(
        parent, role="few-shot", name=name, recipe=recipe, samples=(sample,), parent=parent, noise=noisy,
        keeps_head=True, last=True,
    )  # fmt: skip


def test_reference(cfg: Config, language: str) -> SplitRef:
    """The target's test set in one language. Raises DataMissing when the source has none."""
    kind = source_kind(cfg.task.data, cfg.source, f"task {cfg.task.name}")
    return _test(cfg, language, "paired" if cfg.task.data[kind].paired else "test")


def _test(cfg: Config, language: str, part: str) -> SplitRef:
    task = cfg.task
    return references(
        task.data, part, [language], source=cfg.source, family=task.family, labels=task.labels,
        what=f"task {task.name}",
    )[0]  # fmt: skip


def _tests(cfg: Config, language: str) -> tuple[SplitRef, ...]:
    """The existing test sets of the target in one language, with their candidates: training must not see them."""
    pairs = [code for code in cfg.task.languages if code != language and main_language(code) == language]
    existing = []
    for code in pairs or [language]:
        try:
            tests = [_test(cfg, code, "test"), *([pool_part(cfg, code)] if cfg.task.family == RANKING else [])]
            for test in tests:
                test.revision()
        except DataMissing:
            continue
        existing += tests
    return tuple(existing)


def _intermediate(cfg: Config, task: IntermediateConfig, base: dict[str, Any], parent: Stage | None) -> Stage:
    if task.tasks:
        return _multitask(cfg, task, base, parent)
    assert task.family is not None
    what = f"intermediate {task.label}"
    try:
        labels = files.labels(task.labels_file, cfg.source.root) if task.labels_file else task.labels
    except DataMissing as error:
        raise DataMissing(f"{what}: {error}") from error
    common: dict[str, Any] = {
        "source": cfg.source, "family": task.family, "labels": labels, "what": what, "labels_file": task.labels_file,
    }  # fmt: skip
    samples = _arm(cfg, task, what, common)
    # The same intermediate model serves every target, so rows that overlap with one target's test set are not removed:
    # an overlap is an error.
    noisy = training_noise(
        cfg.train_noise, "intermediate", task.label, task.family, cfg.train_noise.field or task.noise_field or ""
    )
    return Stage(
        role="intermediate",
        name=task.label,
        version=task.version,
        family=task.family,
        labels=tuple(labels),
        metric=task.metric,
        recipe=task.recipe,
        samples=samples,
        dev=references(task.data, "dev", ["en"], **common)[0],
        dev_size=task.size.dev,
        dev_sets=_dev_sets(cfg, task, common),
        overlap="refuse",
        seed=cfg.seed,
        base=base,
        parent=parent,
        noise=noisy,
        keeps_head=task.keep_head,
        match=task.match,
        updates=_updates(task) if task.match == "updates" else None,
        encoding=encoding(cfg.model, task.family),
    )


def _multitask(cfg: Config, task: IntermediateConfig, base: dict[str, Any], parent: Stage | None) -> Stage:
    parts = tuple((name, _intermediate(cfg, part, base, None)) for name, part in task.chosen().items())
    return replace(
        parts[0][1],
        name=task.title,
        family="multitask",
        labels=(),
        metric=dev_metric(task),
        recipe=task.recipe,
        samples=tuple(sample for _, part in parts for sample in part.samples),
        parent=parent,
        noise=None,
        match=None,
        updates=None,
        dev_sets=(),
        tasks=parts,
        sampling=task.sampling,
    )


def _dev_sets(cfg: Config, task: IntermediateConfig, common: dict[str, Any]) -> tuple[SplitRef, ...]:
    """The dev sets of an arm's languages other than English, whether or not they exist: at most one a language, from
    the split that lists the language, else from one whose place names it.
    """
    found = []
    for language in cfg.trained_languages(task):
        try:
            given = references(task.data, "dev", [language], **common)
        except DataMissing:
            continue
        own = [one for one in given if one.split.languages is not None]
        own += [one for one in given if one.kind == "embedded" or names_language(one.split)]
        found += own[:1] if language != "en" else []
    return tuple(found)


def _arm(cfg: Config, task: IntermediateConfig, what: str, common: dict[str, Any]) -> tuple[LanguageSample, ...]:
    """One sample for every language of the arm, measured in examples, or in tokens of as many English examples."""
    size, wanted = task.size.train, cfg.trained_languages(task)
    if size is None and (len(wanted) > 1 or task.match != "examples"):
        raise ConfigError(f"{what}: size.train must be a number, so that the arms have the same size")
    if size is not None and len(wanted) > size:
        raise ConfigError(f"{what}: size.train={size} is less than one example a language ({len(wanted)})")

    def sample(language: str, examples: int | None, **others: Any) -> LanguageSample:
        found = references(task.data, "train", [language], **common)
        for one in found:
            try:
                one.revision()
            except DataMissing as error:  # reported before anything is trained
                raise DataMissing(f"{what}: {error}") from error
        return LanguageSample(found[0], examples, True, test_sets(found), more=tuple(found[1:]), **others)

    def test_sets(found: Sequence[SplitRef]) -> tuple[SplitRef, ...]:
        if not comparable(str(task.family), cfg.task.family):
            return ()
        beside = [one.split.parallel.language for one in found if one.split.parallel]
        return tuple(test for code in dict.fromkeys([found[0].language, *beside]) for test in _tests(cfg, code))

    if size is None:
        return (sample(wanted[0], None),)
    weights = [task.weights.get(code, 1.0) for code in wanted]
    if task.match == "tokens" and wanted != ["en"]:
        try:
            english = replace(sample("en", size), test_sets=())
        except DataMissing as error:
            raise ConfigError(f"{what}: match=tokens needs the English examples to count tokens: {error}") from error
        return tuple(
            sample(code, None, tokens_of=english, part=weight / sum(weights))
            for code, weight in zip(wanted, weights, strict=True)
        )
    counts = portions(size, weights)
    if 0 in counts:
        raise ConfigError(
            f"{what}: none of the {size} examples would be in {wanted[counts.index(0)]}, whose weight is too small: "
            "leave it out of languages, or raise its weight or size.train"
        )
    if task.items == "distinct" and len(wanted) > 1:
        return tuple(
            sample(code, count, interleave=Interleave(number, len(wanted), size))
            for number, (code, count) in enumerate(zip(wanted, counts, strict=True))
        )
    return tuple(sample(code, count) for code, count in zip(wanted, counts, strict=True))


def portions(size: int, weights: Sequence[float]) -> list[int]:
    """`size` divided in proportion to `weights`, by the largest remainders; ties go to the first."""
    exact = [size * weight / sum(weights) for weight in weights]
    whole = [int(portion) for portion in exact]
    order = sorted(range(len(exact)), key=lambda number: whole[number] - exact[number])
    for number in order[: size - sum(whole)]:
        whole[number] += 1
    return whole


def _updates(task: IntermediateConfig) -> int:
    """Batches of an epoch: those that size.train examples of one model input each make."""
    assert task.size.train is not None
    return -(-task.size.train // task.recipe.batch_size)


def _chooses(task: TaskConfig) -> str:
    """The metric that chooses the epoch. Raises ConfigError when lower is better."""
    name = task.dev_metric or task.metric
    if not metrics.build(name).higher_is_better:
        raise ConfigError(f"{name} cannot choose an epoch, because lower is better: set task.dev_metric")
    return name


def _target(cfg: Config, task: TaskConfig, base: dict[str, Any], parent: Stage | None) -> Stage:
    own = TrainedAsConfig(task.name, task.version, task.family, _chooses(task), task.noise_field)
    trained = task.trained_as or own
    common = _common(cfg, task) | {"family": trained.family}
    found = references(task.data, "train", [task.train_language], **common)
    size = None if task.size.train is None else -(-task.size.train // len(found))
    tests = {one.language: _tests(cfg, one.language) if trained.family == task.family else () for one in found}
    samples = tuple(LanguageSample(reference, size, False, tests[reference.language]) for reference in found)
    noisy = training_noise(
        cfg.train_noise, "target", trained.name, trained.family, cfg.train_noise.field or trained.noise_field
    )
    return Stage(
        role="target",
        name=trained.name,
        version=trained.version,
        family=trained.family,
        labels=tuple(task.labels),
        metric=trained.metric,
        recipe=task.recipe,
        samples=samples,
        dev=references(task.data, "dev", [task.train_language], **common)[0],
        dev_size=task.size.dev,
        overlap=task.overlap,
        seed=cfg.seed,
        base=base,
        parent=parent,
        noise=noisy,
        keeps_head=task.keep_head or task.first is not None,
        encoding=encoding(cfg.model, trained.family),
    )


def _first(cfg: Config, task: TaskConfig, first: FirstConfig, base: dict[str, Any], parent: Stage | None) -> Stage:
    """The first phase of a target, on other data of its family; the target continues with its head."""
    common = _common(cfg, task) | {"what": f"task {task.name}, {first.name}"}
    kind = source_kind(first.data, cfg.source, common["what"])
    found = references(first.data, "train", [task.train_language], **common)
    samples = tuple(
        LanguageSample(reference, first.size.train, False, _tests(cfg, reference.language)) for reference in found
    )
    own = first.data if first.data[kind].dev else task.data
    name = f"{task.name}/{first.name}"
    noisy = training_noise(cfg.train_noise, "target", name, task.family, cfg.train_noise.field or task.noise_field)
    return Stage(
        role="first",
        name=name,
        version=task.version,
        family=task.family,
        labels=tuple(task.labels),
        metric=_chooses(task),
        recipe=first.recipe,
        samples=samples,
        dev=references(own, "dev", [task.train_language], **common)[0],
        dev_size=task.size.dev,
        overlap=task.overlap,
        seed=cfg.seed,
        base=base,
        parent=parent,
        noise=noisy,
        keeps_head=task.keep_head,
        encoding=encoding(cfg.model, task.family),
    )


def _common(cfg: Config, task: TaskConfig) -> dict[str, Any]:
    return {"source": cfg.source, "family": task.family, "labels": task.labels, "what": f"task {task.name}"}
