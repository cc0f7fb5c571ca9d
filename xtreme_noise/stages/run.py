"""One job: its plan, its stages, its cells, its folder."""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from xtreme_noise import trackers
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import JobFailed
from xtreme_noise.results import JOB
from xtreme_noise.stages.evaluate import SCORES, evaluate
from xtreme_noise.stages.fit import TRAINING
from xtreme_noise.stages.open import LazyPredictor
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store, write_atomic

log = logging.getLogger(__name__)


def run_job(cfg: Config, job_dir: Path) -> None:
    """Train what is missing, evaluate every cell, record all of it in `job_dir`/job.json.

    Raises JobFailed at the end when a cell failed, and whatever keeps a job from being planned at all.
    """
    begin = time.perf_counter()
    job_dir.mkdir(parents=True, exist_ok=True)
    store = Store(cfg.store)
    OmegaConf.save(OmegaConf.structured(cfg), job_dir / "config.yaml")
    plan = Plan(cfg)
    sweep = Path(cfg.sweep) if cfg.sweep else job_dir
    run_name = f"{cfg.task.name}-{cfg.model.name}-{cfg.intermediate.name.replace('/', '-')}-s{cfg.seed}"
    logger = trackers.build(cfg.tracker, job_dir, run_name, asdict(cfg))
    entries: list[dict[str, Any]] = []

    def finished(entry: dict[str, Any], path: Path | None) -> None:
        if path is None:
            return
        _share(path / SCORES, sweep / "predictions" / f"{entry['cell']}.parquet")
        name = f"{entry['task']}/{entry['language']}/{entry['noise']}@{entry['level']:g}#{entry['noise_seed']}"
        logger.log_metrics({name: entry["score"]})

    try:
        predictor = LazyPredictor(plan, store, logger)
        language = None
        for entry in evaluate(plan, store, predictor, finished):
            if entry["language"] != language and entries:
                _write(job_dir, plan, store, entries, begin)  # a killed job leaves what it has, language by language
            language = entry["language"]
            entries.append(entry)
    finally:
        trackers.close(logger)
    _write(job_dir, plan, store, entries, begin)
    failed = [entry for entry in entries if entry["status"] == "error"]
    if failed:
        first = failed[0]
        raise JobFailed(
            f"{run_name}: {len(failed)} of {len(entries)} cells failed, first {first['language']} "
            f"{first['noise']}@{first['level']:g}: {first['error']}"
        )


def _write(job_dir: Path, plan: Plan, store: Store, entries: list[dict[str, Any]], begin: float) -> None:
    trained = []
    for stage in plan.stages:
        path = store.find("stages", stage.key())
        if path is not None:
            facts = json.loads((path / TRAINING).read_text(encoding="utf-8"))
            trained.append({"role": stage.role, "digest": path.name, "key": stage.key()} | facts)
    job = {
        "format": 1,
        "finished": time.time(),
        "seconds": round(time.perf_counter() - begin, 2),
        "software": plan.software | plan.noise_software,
        "stages": trained,
        "cells": entries,
    }
    write_atomic(job_dir / JOB, json.dumps(job, ensure_ascii=False))


def _share(source: Path, target: Path) -> None:
    """Put a finished file into the sweep's folder: a second name of the same bytes where the disk allows it."""
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        os.link(source, temporary)
    except OSError:  # another file system
        shutil.copyfile(source, temporary)
    temporary.replace(target)
