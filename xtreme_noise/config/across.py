"""Checks across the jobs of a study: whether they make sense together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from xtreme_noise.config.arms import ENGLISH, OF_THE_WHOLE
from xtreme_noise.config.fields import spoken
from xtreme_noise.config.schema import Config, IntermediateConfig
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import ConfigError

# Settings that change a score but no model.
_OF_A_TEST = re.compile(
    r"task\.(size\.test|version|metric|languages|parallel|layer_sweep|column_languages|data\.\w+\.(test|pool|paired|threshold))\b"
)
_TECHNICAL = (
    "accelerator",
    "eval_tokens",
    "eval_devices",
    "workers",
    "progress",
    "checkpoint_minutes",
)  # trainer settings that change no model


def check(jobs: Sequence[Config], sources: Sources) -> None:
    """Raise ConfigError for what is wrong with the study as a whole.

    First: a noise family that can act in none of the study's languages, or on none of its tasks. A family that cannot
    act in one of several languages (`languages=[de,sw] noise=[char,keyboard]`, or a sweep over them) leaves a named
    n/a, not an error. Second: one name for models that are trained differently.
    """
    from xtreme_noise.noise.registry import plain

    _comparable(jobs, sources)
    asked: dict[str, tuple[Any, list[str]]] = {}
    tagged_only: dict[str, bool] = {}
    for job in jobs:
        if any(level > 0 for level in job.wanted_levels()):
            acted_in = [code for cell in job.wanted_languages() for code in spoken(job, cell).values()]
            for family, parameters in job.noise.families.items():
                perturber, wanted = asked.setdefault(family, (plain(family, parameters or {}), []))
                wanted.extend(code for code in dict.fromkeys(acted_in) if code not in wanted)
                tagged_only[family] = tagged_only.get(family, True) and job.task.family == "tagging"
    for family, (perturber, wanted) in asked.items():
        if tagged_only[family] and not perturber.keeps_tokens:
            raise ConfigError(
                f"noise {family!r} may change the number of tokens, which the labels of tagging tasks forbid: choose "
                "another family for them"
            )
        if not any(perturber.supports(code) for code in wanted):
            at = sources.override("language") or sources.override("languages")
            raise ConfigError(
                f"noise {family!r} cannot act in {', '.join(wanted)}{f' ({at})' if at else ''}. "
                f"It can in: {', '.join(perturber.languages())}"
            )


def check_beside(earlier: Sequence[Config], jobs: Sequence[Config], sweep: Path, sources: Sources) -> None:
    """Raise ConfigError when `jobs` cannot be compared with the jobs of earlier commands in `sweep`.

    The data folder may have moved since: its contents decide, and the report finds models trained on other data.
    """
    if not earlier:
        return
    everywhere = [replace(job, source=replace(job.source, root=None)) for job in (*earlier, *jobs)]
    try:
        _comparable(everywhere, sources)
    except ConfigError as error:
        raise ConfigError(f"{sweep} contains jobs of earlier commands, and together: {error}") from error


def _comparable(jobs: Sequence[Config], sources: Sources) -> None:
    """Raise ConfigError for jobs that one report cannot show together."""
    _one_model_a_name(jobs, sources)
    _one_training_a_name(jobs)
    _arms_of_one_size(jobs)


def _one_model_a_name(jobs: Sequence[Config], sources: Sources) -> None:
    """Jobs that evaluate different languages would each train on different ones (`intermediate.evaluated`)."""
    trained: dict[tuple[str, ...], dict[tuple[str, ...], tuple[str, ...]]] = {}
    for job in jobs:
        for stage in job.intermediate.trained_on():
            if stage.evaluated != "any":
                place = (job.reported_task(), job.model.name, job.intermediate.title, stage.label, stage.evaluated)
                found = trained.setdefault(place, {})
                found[tuple(job.wanted_languages())] = tuple(job.trained_languages(stage))
    for (*_, name, evaluated), found in trained.items():
        if len(set(found.values())) > 1:
            key = "language" if sources.override("language") else "languages"
            every = dict.fromkeys(code for codes in found for code in codes)
            raise ConfigError(
                f"intermediate.evaluated{sources.of('intermediate.evaluated')} of {name} is {evaluated}: the languages "
                "of training depend on those that a job evaluates, and the jobs of this study evaluate different ones"
                f"{sources.of(key)}. Differently trained models would have one name. Evaluate the languages "
                f"in one job: languages=[{','.join(every)}]"
            )


def _one_training_a_name(jobs: Sequence[Config]) -> None:
    """The report would find several scores for one cell, and could use none of them."""
    named: dict[tuple[str, str, str, str, int], list[dict[str, Any]]] = {}
    for job in jobs:
        noisy = job.trained_with()
        place = (job.reported_task(), job.model.name, job.intermediate.title, noisy, job.seed)
        named.setdefault(place, []).append(_settings(job))
    for (task, model, title, noisy, _), found in named.items():
        keys = list(dict.fromkeys(key for settings in found for key in settings))
        differing = [key for key in keys if any(one.get(key) != found[0].get(key) for one in found)]
        if differing:
            several = ", ".join(
                f"{key} ({', '.join(dict.fromkeys(_shown(one.get(key)) for one in found))})" for key in differing[:3]
            )
            more = f" and {len(differing) - 3} more" if len(differing) > 3 else ""
            system = title if noisy == "none" else f"{title} + {noisy} in training"
            if all(_OF_A_TEST.match(key) for key in differing):
                what, name = "scores on different test sets", f"task.reported_as={task}"
            else:
                what, name = "different models", f"model.name={model}"
            raise ConfigError(
                f"jobs of {task} | {model} | {system} differ in {several}{more}: {what} under one name, which the "
                f"report could not tell apart. Put what differs into a name: '{name}-${{{differing[0]}}}', or give "
                "each a study of its own (sweep=)"
            )


def _arms_of_one_size(jobs: Sequence[Config]) -> None:
    """The report compares the English arm of a kind with the other arms: they may differ only in their data."""
    named: dict[tuple[Any, ...], dict[str, Config]] = {}
    for job in jobs:
        place = (job.reported_task(), job.model.name, job.seed, job.trained_with(), job.intermediate.kind)
        named.setdefault(place, {}).setdefault(job.intermediate.title, job)
    for found in named.values():
        arms = {title: job.intermediate.arm for title, job in found.items()}
        pairs = [(a, b) for a in found for b in found if arms[a] == ENGLISH != arms[b]]
        for english, other in pairs:
            for key, (one, two) in _differences(found[english], found[other]):
                raise ConfigError(
                    f"{english} and {other} are arms of one kind, which are compared with each other, but differ in "
                    f"intermediate.{key}: {_shown(one)} and {_shown(two)}. Set it to one value for both, or give each "
                    "a study of its own (sweep=)"
                )


def _differences(one: Config, other: Config) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The keys in which two arms differ, with both values."""
    mine, theirs = _equal(one.intermediate), _equal(other.intermediate)
    for key in dict.fromkeys([*mine, *theirs]):
        if mine.get(key) != theirs.get(key):
            yield key, (mine.get(key), theirs.get(key))


def _equal(part: IntermediateConfig, *, within: bool = False) -> dict[str, Any]:
    """The settings that must be equal in all arms of a kind, by key. within: one task of a multitask stage."""
    if part.stages:
        own: dict[str, Any] = {"stages": list(part.chosen())}
    elif part.tasks:
        own = {"tasks": list(part.chosen()), "recipe": asdict(part.recipe), "sampling": asdict(part.sampling)}
    else:
        recipe = {key: value for key, value in asdict(part.recipe).items() if not (within and key in OF_THE_WHOLE)}
        own = {"size": {"train": part.size.train}, "match": part.match, "recipe": recipe}
    found = dict(_leaves(own))
    for name, child in part.chosen().items():
        of_child = _equal(child, within=bool(part.tasks))
        found |= {f"{'tasks' if part.tasks else 'stages'}.{name}.{key}": value for key, value in of_child.items()}
    return found


def _settings(job: Config) -> dict[str, Any]:
    """Everything that a score can depend on, by key, except what is evaluated: languages, noise and its levels."""
    parts: dict[str, Any] = {
        "intermediate": _of_its_arm(job.intermediate),
        "model": {key: value for key, value in asdict(job.model).items() if key != "tokens_per_second"},
        "task": {key: value for key, value in asdict(job.task).items() if key != "class_scores"},  # more is stored
        "source": {"kind": job.source.kind, "root": job.source.root},
        "trainer": {key: value for key, value in asdict(job.trainer).items() if key not in _TECHNICAL},
    }
    if job.trained_with() != "none":
        parts["train_noise"] = asdict(job.train_noise)
    if job.shots.k is not None:
        parts["shots"] = asdict(job.shots)
    return dict(_leaves(parts))


def _of_its_arm(stage: IntermediateConfig) -> dict[str, Any]:
    """The settings of an intermediate task without its other arms and its gate, which change nothing in it."""
    own = asdict(stage) | {"arms": {stage.arm: {"languages": stage.languages}}}  # `data` has the data of the arm
    del own["gate"]
    for what in ("stages", "tasks"):
        own[what] = {name: _of_its_arm(part) for name, part in getattr(stage, what).items()}
    return own


def _leaves(value: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict) and item:
            yield from _leaves(item, f"{path}{key}.")
        else:
            yield f"{path}{key}", item


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)
