"""The model that a job's cells are evaluated on: trained if missing, opened once, kept for the next job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xtreme_noise import interrupt, models
from xtreme_noise.stages import pretrained_head
from xtreme_noise.stages.plan import Plan, Stage
from xtreme_noise.stages.stage import HOLDS
from xtreme_noise.stages.training_set import check_overlap, prepare
from xtreme_noise.store import Store, digest
from xtreme_noise.trackers import Tracker

if TYPE_CHECKING:  # heavy, as is all that trains and predicts: a finished job needs none of it
    from xtreme_noise.stages.predictor import Predictor

_last: dict[str, Predictor] = {}  # at most one: jobs of a study that share a model follow each other


class ModelCache:
    """The models of a job, each trained and opened on first use."""

    def __init__(self, plan: Plan, store: Store, tracker: Tracker | Literal[False]) -> None:
        self.plan = plan
        self.store = store
        self.tracker = tracker
        self._failures: dict[str, Exception] = {}

    def get(self, language: str) -> Predictor:
        """The model that is evaluated in a language; with few-shot training each language has its own.

        An error in a stage is remembered: it is raised again, without a second try, for every model that needs the
        stage.
        """
        stages = self.plan.stages_for(language)
        key = self._key(stages)
        if key not in _last:
            _raise_known(self._failures, [key])
            try:
                path = train(self.plan, self.store, self.tracker, language, self._failures)
                _last.clear()
                _last[key] = self._open(path, stages)
            except Exception as error:
                self._failures[key] = error
                raise
        return _last[key]

    def trained(self) -> bool:
        """Train the missing stages of the zero-shot model; whether all are there. An error is raised again by `get`."""
        try:
            train(self.plan, self.store, self.tracker, failures=self._failures)
        except Exception:
            interrupt.check()
            return False
        return True

    def _key(self, stages: Sequence[Stage]) -> str:
        cfg, task = self.plan.cfg, self.plan.cfg.task
        against = self.plan.pool.identity if self.plan.pool else None
        model = digest(stages[-1].key()) if stages else self.plan.model_digest
        return digest([
            model, task.family, task.metric, task.recipe.max_length, task.recipe.stride, cfg.model, against,
            task.layer_sweep, self.plan.class_scores,
        ])  # fmt: skip

    def _open(self, path: Path, stages: Sequence[Stage]) -> Predictor:
        from xtreme_noise.modules.cloze import ClozeModule
        from xtreme_noise.modules.dual_encoder import DualEncoderModule
        from xtreme_noise.stages.predictor import Predictor, device
        from xtreme_noise.stages.training_run import open_module
        from xtreme_noise.stages.vectors import candidates

        cfg, task = self.plan.cfg, self.plan.cfg.task
        target = stages[-1] if task.train else None
        module = open_module(
            path, cfg, target, task.family, fresh_head=False, metric=task.metric, base=self.plan.base,
            own=self.plan.head,
        )  # fmt: skip
        module.keep_scores = self.plan.class_scores
        if isinstance(module, ClozeModule):
            pretrained_head.prepare(module, self.plan, self.store)
        predictor = Predictor(
            module,
            device=device(cfg.trainer.accelerator),
            precision=models.running(cfg.model, cfg.trainer.accelerator).infer,
            batch_tokens=cfg.trainer.eval_tokens,
        )
        if isinstance(module, DualEncoderModule):
            module.candidates = candidates(self.plan, self.store, predictor)
        return predictor


def train(
    plan: Plan,
    store: Store,
    tracker: Tracker | Literal[False],
    language: str | None = None,
    failures: dict[str, Exception] | None = None,
    until: str | None = None,
) -> Path:
    """Train the missing stages, after all of them have been checked; returns the directory of the last one.

    language: also train on the shots of this language; None: only up to the zero-shot model.
    until: only up to the stage with this digest; ValueError if the plan has no such stage.
    failures: errors of earlier tries by the stage's digest: they are raised again, and new ones are added.
    """
    stages = plan.stages if language is None else plan.stages_for(language)
    if until is not None:
        stages = stages[: [digest(stage.key()) for stage in stages].index(until) + 1]
    missing = _missing(stages, store)
    steps: list[tuple[Callable[..., Any], Stage, tuple[Any, ...]]] = [
        *((check_overlap, stage, (store,)) for stage in stages),
        *((prepare, stage, (store,)) for stage in missing),
        *((_fit, stage, (plan, store, tracker)) for stage in missing),
    ]
    known = {} if failures is None else failures
    _raise_known(known, [digest(stage.key()) for stage in stages])
    for step, stage, others in steps:
        try:
            step(stage, *others)
        except Exception as error:
            known[digest(stage.key())] = error
            raise
    return _parent(plan, store, stages[-1] if stages else None)


def _raise_known(failures: Mapping[str, Exception], keys: Sequence[str]) -> None:
    """Raise the failure of the first of `keys` that has one."""
    for key in keys:
        if key in failures:
            raise failures[key].with_traceback(None)  # otherwise the traceback would grow with every cell


def _fit(stage: Stage, plan: Plan, store: Store, tracker: Tracker | Literal[False]) -> None:
    from xtreme_noise.stages.averaged_runs import average
    from xtreme_noise.stages.fit import fit

    def fitted(run: Stage) -> Path:
        return fit(run, _parent(plan, store, stage.parent), store, plan.cfg, tracker)

    if stage.recipe.averaged_runs is None:
        fitted(stage)
    else:
        average(stage, store, plan.cfg, fitted)


def _missing(stages: Sequence[Stage], store: Store) -> list[Stage]:
    """The stages after the last stored one; earlier ones are not needed again."""
    for number, stage in reversed(list(enumerate(stages))):
        if store.find("stages", stage.key(), HOLDS) is not None:
            return list(stages[number + 1 :])
    return list(stages)


def _parent(plan: Plan, store: Store, parent: Stage | None) -> Path:
    """The directory of a stored stage, or of the pretrained model when there is no parent."""
    if parent is None:
        return models.materialise(plan.cfg.model, store, plan.cfg.source.offline)
    return store.path("stages", parent.key())
