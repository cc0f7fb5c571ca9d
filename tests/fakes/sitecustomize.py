"""Put on PYTHONPATH by tests/unit/test_cli_run.py: jobs that take no time, in every process of a sweep.

Python imports this module at start, so the processes of joblib and submitit get the stand-ins as well; what is
tested is the real command line, real Hydra and real launchers.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


def run_job(cfg: Any, job_dir: Path) -> None:
    """Leave a trace; fail as the environment variable XN_TEST_FAIL=<intermediate>:<how>,... says."""
    from xtreme_noise.errors import JobFailed

    failing = dict(pair.split(":") for pair in os.environ.get("XN_TEST_FAIL", "").split(",") if pair)
    trace = {"intermediate": cfg.intermediate.title, "seed": cfg.seed, "sweep": cfg.sweep, "pid": os.getpid()}
    (job_dir / "trace.json").write_text(json.dumps(trace), encoding="utf-8")
    how = failing.get(cfg.intermediate.title)
    if how == "words":
        raise JobFailed("3 of 4 cells failed")
    if how == "exit":
        sys.exit(7)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "lightning":  # it turns an interrupt into an exit
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            sys.exit(1)
    if how == "sigterm":
        from pytorch_lightning.utilities.exceptions import SIGTERMException

        raise SIGTERMException
    if how == "defect":
        raise ZeroDivisionError("a defect")
    if how == "sleep":
        time.sleep(60)
    if how == "lost":  # __del__ swallows what a signal raises in it
        _Swallows()
    if how in ("SIGKILL", "SIGTERM", "SIGINT"):
        if "XN_TEST_LAST" in os.environ:  # when the other jobs are done
            end = time.monotonic() + 60
            while len(list(job_dir.parent.glob("*/unfinished"))) > 1 and time.monotonic() < end:
                time.sleep(0.05)
        os.kill(os.getpid(), getattr(signal, how))
        time.sleep(60)


class _Swallows:
    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def finish(_: Path) -> SimpleNamespace:
    """Nothing failed, as far as the records say."""
    return SimpleNamespace(ok=1, missing=0, ambiguous=0, reasons=())


def conclude(sweep: Path, **_: Any) -> SimpleNamespace:
    """A report of the failures of jobs, and a table of how many jobs left a trace."""
    table = f"table of {len(list(sweep.glob('jobs/*/trace.json')))} jobs"
    problems = int(os.environ.get("XN_TEST_FAILED_CELLS", "0")) + len(list(sweep.glob("jobs/*/failure.txt")))
    return SimpleNamespace(page=sweep / "report.html", table=table, problems=problems, headline=[], not_run=0, wanted=1)


def _module(name: str, **content: Any) -> None:
    module = ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module


_module("xtreme_noise.stages.run", run_job=run_job)
_module("xtreme_noise.stages.plan", Plan=lambda cfg: cfg)
_module("xtreme_noise.commands.plan", in_short=lambda jobs: f"{len(jobs)} stand-ins")
_module("xtreme_noise.results", finish=finish)
_module("xtreme_noise.report", conclude=conclude)
