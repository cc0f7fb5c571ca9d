"""Evaluation on several devices: the languages of a job are divided among processes, one for each device.

The processes leave their cells in the store. The job then reads them in its own order, as if an earlier run had
computed them, so that its results do not depend on the number of devices.
"""

from __future__ import annotations

import logging
import os

from xtreme_noise import interrupt
from xtreme_noise.config.schema import Config
from xtreme_noise.stages.evaluate import LanguageSession
from xtreme_noise.stages.model_cache import ModelCache
from xtreme_noise.stages.plan import Plan
from xtreme_noise.store import Store

log = logging.getLogger(__name__)


def evaluate_ahead(plan: Plan, store: Store, models: ModelCache) -> None:
    """Compute the missing cells of a job on trainer.eval_devices devices, if two or more languages lack any.

    The model is trained first, in this process. What a process cannot compute is left to this one: an error in the
    model or in a cell shows there.
    """
    languages = _unfinished(plan, store, models) if plan.cfg.trainer.eval_devices > 1 else []
    count = min(plan.cfg.trainer.eval_devices, len(languages))
    if count < 2 or not models.trained():
        return
    from torch.multiprocessing.spawn import ProcessExitedException

    from xtreme_noise.stages import distributed

    log.info("%s: %d languages, evaluated in %d processes", plan.cfg.task.name, len(languages), count)
    try:
        distributed.run(count, _evaluate, {"cfg": plan.cfg, "languages": languages, "count": count})
    except ProcessExitedException as error:  # killed, for lack of memory say, and torch then kills the others
        interrupt.check()
        log.warning(
            "a process of the evaluation was lost (%s): the cells that are missing are evaluated in this one", error
        )


def _unfinished(plan: Plan, store: Store, models: ModelCache) -> list[str]:
    sessions = (
        LanguageSession(plan, store, models, language)
        for language in dict.fromkeys(cell.language for cell in plan.cells)
    )
    return [session.language for session in sessions if session.unfinished]


def _evaluate(cfg: Config, languages: list[str], count: int) -> None:
    """The share of one process: every `count`-th language."""
    number = int(os.environ["LOCAL_RANK"])
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    # Before CUDA is used: it is then the only device of this process.
    os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[number] if visible else str(number)
    plan, store = Plan(cfg), Store(cfg.store)
    models = ModelCache(plan, store, False)
    for language in languages[number::count]:
        session = LanguageSession(plan, store, models, language)
        session.prepare()
        for cell in session.cells:
            session.record(cell)
        session.pack()
