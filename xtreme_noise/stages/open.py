"""The model that a job's cells are evaluated on: trained when it must be, opened once, kept for the next job."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from xtreme_noise import models
from xtreme_noise.modules.dual_encoder import DualEncoderModule
from xtreme_noise.stages.fit import HOLDS, fit, open_module
from xtreme_noise.stages.plan import Plan, Stage
from xtreme_noise.stages.predictor import Predictor, device
from xtreme_noise.stages.training_set import check_overlap, prepare
from xtreme_noise.stages.vectors import candidates
from xtreme_noise.store import Store, digest
from xtreme_noise.trackers import Tracker

_last: dict[str, Predictor] = {}  # at most one: the jobs of a sweep that share a model follow each other


class LazyPredictor:
    """Trains and opens nothing until a cell needs a forward pass; a failure is raised again for every further cell."""

    def __init__(self, plan: Plan, store: Store, tracker: Tracker | Literal[False]) -> None:
        self.plan = plan
        self.store = store
        self.tracker = tracker
        self.failure: Exception | None = None
        self._found: Predictor | None = None
        self._language: str | None = None

    def get(self, language: str | None = None) -> Predictor:
        """The predictor, with few-shot training that of a language. Raises what went wrong on the way to it."""
        if self.plan.cfg.shots.k is not None and language != self._language:
            self._found, self.failure, self._language = None, None, language
        if self.failure is not None:
            raise self.failure.with_traceback(None)  # or it would grow by a page with every cell
        if self._found is None:
            try:
                self._found = self._open(language)
            except Exception as error:
                self.failure = error
                raise
        return self._found

    def _open(self, language: str | None) -> Predictor:
        cfg, task = self.plan.cfg, self.plan.cfg.task
        against = self.plan.pool.identity if self.plan.pool else None
        stages = _stages(self.plan, language)
        model = digest(stages[-1].key()) if stages else self.plan.model_digest
        key = digest([
            model, task.family, task.metric, task.recipe.max_length, task.recipe.stride, cfg.model, against,
            task.layer_sweep,
        ])  # fmt: skip
        if key not in _last:
            _last.clear()
            gc.collect()  # the module of the job before, which its trainer refers to
            path = train(self.plan, self.store, self.tracker, language)
            target = stages[-1] if task.train else None
            module = open_module(
                path, cfg, target, task.family, fresh_head=False, metric=task.metric, base=self.plan.base
            )
            predictor = Predictor(
                module,
                device=device(cfg.trainer.accelerator),
                precision=models.precision(cfg.model, cfg.trainer.accelerator),
                batch_tokens=cfg.trainer.eval_tokens,
            )
            if isinstance(module, DualEncoderModule):
                module.candidates = candidates(self.plan, self.store, predictor)
            _last[key] = predictor
        return _last[key]


def _stages(plan: Plan, language: str | None) -> list[Stage]:
    return plan.stages if language is None else plan.stages_for(language)


def train(plan: Plan, store: Store, tracker: Tracker | Literal[False], language: str | None = None) -> Path:
    """The directory of the last stage; those that are missing are trained, all checks before the first.

    language: the one whose shots are trained on as well; None: up to the zero-shot model."""
    stages = _stages(plan, language)
    for stage in stages:
        check_overlap(stage, store)
    missing = _missing(stages, store)
    for stage in missing:
        prepare(stage, store)
    for stage in missing:
        fit(stage, _parent(plan, store, stage.parent), store, plan.cfg, tracker)
    return _parent(plan, store, stages[-1] if stages else None)


def _missing(stages: Sequence[Stage], store: Store) -> list[Stage]:
    """Those after the last one that is there: what it was trained on is not needed again."""
    for number, stage in reversed(list(enumerate(stages))):
        if store.find("stages", stage.key(), HOLDS) is not None:
            return list(stages[number + 1 :])
    return list(stages)


def _parent(plan: Plan, store: Store, parent: Stage | None) -> Path:
    """The directory of a stage that is there; of the pretrained model, where there is none."""
    if parent is None:
        return models.materialise(plan.cfg.model, store, plan.cfg.source.offline)
    return store.path("stages", parent.key())
