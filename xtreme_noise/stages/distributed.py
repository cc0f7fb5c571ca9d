"""Training on several devices: one process for each, for the time of a fit; all else runs in the main process."""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from typing import Any

from xtreme_noise import interrupt
from xtreme_noise.errors import UserError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ranks:
    """What every rank is told: how many there are, where they meet, and where its log and its errors go."""

    count: int
    port: int
    level: int
    records: Any
    errors: Any


def run(count: int, work: Callable[..., None], arguments: Mapping[str, Any]) -> None:
    """Run `work(**arguments)` in `count` processes, with the environment that Lightning's strategies expect.

    `work` is a module-level function, and its arguments can be pickled. Log records of rank 0 arrive in this process.
    Raises the UserError of a rank unchanged, and torch's ProcessRaisedException, with the traceback, for any other
    error of the rank that failed first; the other ranks are killed.
    """
    from torch.multiprocessing.spawn import ProcessRaisedException, start_processes

    queue, errors = get_context("spawn").Queue(), get_context("spawn").SimpleQueue()
    listener = logging.handlers.QueueListener(queue, *logging.getLogger().handlers, respect_handler_level=True)
    listener.start()
    ranks = _Ranks(
        count=count,
        port=_free_port(),
        level=logging.getLogger().level,
        records=queue,
        errors=errors,
    )
    try:
        context = start_processes(  # type: ignore[no-untyped-call]
            _rank,
            (ranks, work, arguments),
            nprocs=count,
            start_method="spawn",
            join=False,
        )
        try:
            while not context.join(grace_period=0):  # ranks ignore SIGTERM: kill the others of one that failed at once
                pass
        except BaseException:  # such as a signal: otherwise Python would wait for the ranks before it exits
            for process in context.processes:
                process.kill()
            raise
    except ProcessRaisedException as error:
        if errors.empty():
            raise
        raise errors.get() from error
    finally:
        listener.stop()


def _rank(rank: int, ranks: _Ranks, work: Callable[..., None], arguments: Mapping[str, Any]) -> None:
    import torch

    threading.Thread(target=_end_with_parent, daemon=True).start()
    for number in (signal.SIGTERM, *interrupt.WARNINGS):  # a cluster sends them to all; the parent acts
        signal.signal(number, signal.SIG_IGN)
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(ranks.port),
        NODE_RANK="0",
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(ranks.count),
    )
    handler = logging.handlers.QueueHandler(ranks.records) if rank == 0 else logging.NullHandler()
    logging.getLogger().handlers = [handler]
    logging.getLogger().setLevel(ranks.level)
    torch.set_num_threads(max(1, torch.get_num_threads() // ranks.count))
    try:
        work(**arguments)
    except UserError as error:
        ranks.errors.put(error)
        raise


def _end_with_parent() -> None:
    """End this rank with its parent: otherwise it would keep training beside the next run of the same fit."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
