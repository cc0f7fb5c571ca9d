"""A job is one process, with rank 0: what Lightning would read in the environment of a cluster's job is kept from it.

Only stages/distributed.py starts ranks, on the devices of this machine, and tells each which one it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OF_RANKS = ("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_OF_LIGHTNING = "PL_"  # PL_TRAINER_LIMIT_TRAIN_BATCHES=1 and its like would change the weights, but not their key


@contextmanager
def alone() -> Iterator[None]:
    """In this context, the environment has no ranks and no settings of Lightning's; it is restored at the end.

    The variables of Slurm stay, because submitit reads them when it requeues a job.
    """
    rank_zero()
    before = {name: os.environ.pop(name) for name in _read()}
    try:
        yield
    finally:
        for name in _read():
            del os.environ[name]
        os.environ.update(before)


def rank_zero() -> None:
    """Make this process rank 0 for Lightning, whose loggers are silent in others."""
    from lightning_utilities.core.rank_zero import rank_zero_only

    # Otherwise it is read from RANK, SLURM_PROCID, ... when Lightning is imported.
    rank_zero_only.rank = 0  # type: ignore[attr-defined]


def _read() -> list[str]:
    return [name for name in os.environ if name in _OF_RANKS or name.startswith(_OF_LIGHTNING)]
