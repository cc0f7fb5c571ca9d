"""Put on PYTHONPATH by tests/unit/test_cli_run.py: jobs that take no time, in every process of a sweep.

Python imports this module at start, so the processes of joblib and submitit get the stand-ins as well; what is
tested is the real command line, real Hydra and real launchers.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


def run_job(cfg: Any, job_dir: Path) -> None:
    """Leave a trace; fail as the environment variable XN_TEST_FAIL=<intermediate>:<how>,... says."""
    from xtreme_noise.errors import JobFailed

    failing = dict(pair.split(":") for pair in os.environ.get("XN_TEST_FAIL", "").split(",") if pair)
    trace = {"intermediate": cfg.intermediate.name, "seed": cfg.seed, "sweep": cfg.sweep, "pid": os.getpid()}
    (job_dir / "trace.json").write_text(json.dumps(trace), encoding="utf-8")
    how = failing.get(cfg.intermediate.name)
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


def finish(_: Path) -> SimpleNamespace:
    """Nothing failed, as far as the records say."""
    return SimpleNamespace(ok=1, missing=0, ambiguous=0, failed=int(os.environ.get("XN_TEST_FAILED_CELLS", "0")))


def write(sweep: Path) -> Path:
    """Where the report would be."""
    return sweep / "report.html"


def terminal_table(sweep: Path) -> str:
    """How many jobs left a trace."""
    return f"table of {len(list(sweep.glob('jobs/*/trace.json')))} jobs"


def _module(name: str, **content: Any) -> None:
    module = ModuleType(name)
    module.__dict__.update(content)
    sys.modules[name] = module


_module("xtreme_noise.stages.run", run_job=run_job)
_module("xtreme_noise.results", finish=finish)
_module("xtreme_noise.report", write=write, terminal_table=terminal_table)
