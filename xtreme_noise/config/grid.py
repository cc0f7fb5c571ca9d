"""The planned cells of a job, known from its configuration alone."""

from __future__ import annotations

from typing import Any, NamedTuple

from xtreme_noise.config.fields import own_head, system
from xtreme_noise.config.schema import Config
from xtreme_noise.languages import language as language_row
from xtreme_noise.languages import main as main_language
from xtreme_noise.noise.registry import family_class
from xtreme_noise.record import CLEAN, CellRecord


class Place(NamedTuple):
    """What identifies a cell within its job. Level 0 is the clean cell, shared by all noise families."""

    language: str
    noise: str
    level: float
    noise_seed: int


def places(cfg: Config) -> list[Place]:
    """The cells of a job, language by language, clean first: every noisy cell is compared with the clean one."""
    paired = {family: family_class(family).paired for family in cfg.noise.families}
    found: list[Place] = []
    for language in cfg.wanted_languages():
        found.append(Place(language, CLEAN, 0.0, 0))
        for family, as_it_is in paired.items():
            if as_it_is:
                found.append(Place(language, family, 1.0, 0))  # the noisy side of the test set: no level, no seed
                continue
            for level in cfg.wanted_levels():
                if level > 0:
                    found += [Place(language, family, level, seed) for seed in cfg.noise.seeds]
    return found


def planned(cfg: Config, place: Place) -> CellRecord:
    """The record of a cell before anything is measured."""
    return CellRecord(**_of_job(cfg), **_of_language(cfg, place.language), **place._asdict())


def all_planned(cfg: Config) -> list[CellRecord]:
    """The records of all cells of a job before anything is measured."""
    job = _of_job(cfg)
    languages = {code: _of_language(cfg, code) for code in cfg.wanted_languages()}
    return [CellRecord(**job, **languages[place.language], **place._asdict()) for place in places(cfg)]


def _of_job(cfg: Config) -> dict[str, Any]:
    return {
        "task": cfg.reported_task(),
        "family": cfg.task.family,
        "model": cfg.model.name,
        "intermediate": system(cfg),
        "kind": cfg.intermediate.kind,
        "arm": cfg.intermediate.arm or "none",
        "train_noise": cfg.trained_with(),
        "train_language": cfg.task.train_language if cfg.task.train else None,
        "calibrated_by": cfg.noise.calibrate_by,
        "seed": cfg.seed,
        "metric": cfg.task.metric,
        "test_size": cfg.task.size.test,
        "limit": cfg.limit,
        **_of_shots(cfg),
    }


def _of_shots(cfg: Config) -> dict[str, Any]:
    if cfg.shots.k is None:
        return {}
    return {"shots": cfg.shots.k, "sampling": cfg.shots.sampling, "zero_shot_task": cfg.zero_shot_task()}


def _of_language(cfg: Config, code: str) -> dict[str, Any]:
    row = language_row(code)
    seen = main_language(code) in cfg.seen_languages() if cfg.intermediate.name != "none" else None
    return {"language_name": row.name, "script": row.script, "seen": seen}


def title(cfg: Config) -> str:
    """The name of a job, for people and trackers."""
    arm = "own-head" if own_head(cfg) else cfg.intermediate.label.replace("/", "-")
    return f"{cfg.reported_task()}-{cfg.model.name}-{arm}-s{cfg.seed}"
