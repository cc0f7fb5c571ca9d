"""Hydra's part of the command: help, completion, and every job of a study in whatever process a launcher puts it."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import hydra
import yaml
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from xtreme_noise.config import paths, strict
from xtreme_noise.config.explain import explain
from xtreme_noise.config.where import Sources
from xtreme_noise.errors import UserError
from xtreme_noise.writing import write_atomic

log = logging.getLogger(__name__)

FAILURE = "failure.txt"  # in a job's folder: why its last run failed


def run_hydra(arguments: list[str]) -> int:
    """hydra.main with these arguments: launchers, sweepers, job logging, help, completion. Its exit code.

    Raises ConfigError for what Hydra refuses; what a job raises never gets here (see `job`).
    """
    with _process(arguments):
        try:
            hydra.main(config_path=str(paths.conf_dir()), config_name=paths.CONFIG_NAME, version_base="1.3")(job)()
        except SystemExit as stop:
            return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
            overrides = tuple(text for text in arguments if not text.startswith("-"))
            raise explain(error, Sources(overrides, folders=(paths.conf_dir(),))) from error
    return 0


@contextlib.contextmanager
def _process(arguments: list[str]) -> Iterator[None]:
    """What hydra.main reads from the process: its arguments, and that errors are raised, not printed."""
    argv, full = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    program = argv[0] if argv and not argv[0].endswith(".py") else "xtreme-noise"  # completion is for this name
    sys.argv = [program, *arguments]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = argv
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = full


def job(composed: DictConfig) -> str:
    """One job of a study, in whatever process Hydra's launcher put it. 'done' or 'failed'.

    A failure is written to the job's folder and not raised: Hydra would give up the later batches of a sweep.
    """
    from xtreme_noise.stages.run import run_job

    context = HydraConfig.get()
    folder = Path(context.runtime.output_dir)
    (folder / FAILURE).unlink(missing_ok=True)
    try:
        run_job(strict.check(composed, Sources(tuple(context.overrides.task))), folder)
    except UserError as error:
        return _failed(folder, str(error), error)
    except SystemExit as stop:
        # Lightning turns an interrupt, and SIGTERM while it trains, into an exit; any other exit would silently end the
        # whole sweep.
        from pytorch_lightning.utilities.exceptions import SIGTERMException

        if isinstance(stop, SIGTERMException) or isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        return _failed(folder, f"something in the job called exit({stop.code})", stop)
    except Exception as error:
        return _failed(folder, f"{type(error).__name__}: {error}", error)
    return "done"


def _failed(folder: Path, message: str, error: BaseException) -> str:
    details = "".join(traceback.format_exception(error))
    write_atomic(folder / FAILURE, f"{details}\n{' '.join(message.split())}\n")
    log.error("%s (%s)", message, shlex.quote(str(folder / FAILURE)))
    return "failed"
