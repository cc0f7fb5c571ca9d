"""One job: its plan, its stages, its cells, its folder."""

from __future__ import annotations

import io
import json
import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise import hardware, trackers
from xtreme_noise.config import grid
from xtreme_noise.config.fields import gate, gated
from xtreme_noise.config.schema import Config
from xtreme_noise.errors import JobFailed
from xtreme_noise.record import CellRecord
from xtreme_noise.results import JOB, read_record
from xtreme_noise.results.items import ItemsWriter, content_digest
from xtreme_noise.stages.divided import evaluate_ahead
from xtreme_noise.stages.evaluate import evaluate, identify
from xtreme_noise.stages.model_cache import ModelCache
from xtreme_noise.stages.plan import Plan, cells
from xtreme_noise.stages.stage import TRAINING
from xtreme_noise.store import Store, write_bytes
from xtreme_noise.writing import follow, make_folder

log = logging.getLogger(__name__)


def run_job(cfg: Config, job_dir: Path) -> None:
    """Train what is missing, evaluate every cell, record everything in `job_dir`/job.json.

    Raises JobFailed at the end when a cell failed, and any error in planning, after recording all cells as failed.
    """
    follow(make_folder(job_dir))
    store, record = Store(cfg.store), JobRecord(job_dir, cfg.tracker.kind)
    tracker = trackers.Tracker(cfg.tracker, job_dir, grid.title(cfg), asdict(cfg))
    try:
        plan = Plan(cfg)
        _ = plan.model_digest  # raises when training data are missing
    except Exception as error:
        why = str(error) or type(error).__name__
        record.cells = [replace(identify(cfg, cell), status="error", error=why) for cell in cells(cfg)]
        record.write_unplanned()
        raise
    try:
        _evaluate(plan, store, record, tracker)
    finally:
        tracker.close()
    failures = [cell for cell in record.cells if cell.status == "error"]
    if failures:
        first = failures[0]
        where = f"{first.language} {first.noise}@{first.level:g}"
        raise JobFailed(
            f"{grid.title(cfg)}: {len(failures)} of {len(record.cells)} cells failed{JobFailed.FIRST}"
            f"{where}: {first.error}"
        )


def _evaluate(plan: Plan, store: Store, record: JobRecord, tracker: trackers.Tracker) -> None:
    sweep = Path(plan.cfg.sweep) if plan.cfg.sweep else record.folder
    items = ItemsWriter(record.folder, parallel=plan.cfg.task.parallel)
    try:
        models = ModelCache(plan, store, tracker)
        evaluate_ahead(plan, store, models)
        for cell, files in evaluate(plan, store, models):
            for folder, content in files.items():
                if folder == "predictions":
                    content = _collect(cell, content, items)
                _share(content, sweep / folder / f"{cell.cell}.parquet")
            if cell.score is not None and not record.logged(cell):
                where = f"{cell.task}/{cell.language}/{cell.noise}/{cell.level:g}/{cell.noise_seed}"
                tracker.open().log_metrics({where: cell.score})
            if record.cells and cell.language != record.cells[-1].language:
                record.write_so_far(plan, store)  # so that a killed job keeps its finished languages
            record.add(cell)
    except (KeyboardInterrupt, SystemExit):  # an interrupted job keeps all finished cells
        if record.cells:
            record.write_so_far(plan, store)
        raise
    items.write(sweep / "predictions")
    record.write(plan, store)


class JobRecord:
    """job.json: the job's stages and the records of its cells.

    Until this run has finished, entries of an earlier run are kept, so that killing a resumed job loses nothing.
    """

    def __init__(self, folder: Path, tracker: str = "") -> None:
        self.folder = folder
        self.tracker = tracker
        self.cells: list[CellRecord] = []
        self.begin = time.perf_counter()
        try:
            before = read_record(folder / JOB)
        except (OSError, ValueError, RecursionError):
            before = {"cells": []}
        self._before: dict[tuple[Any, ...], CellRecord] = {cell.place: cell for cell in before["cells"]}
        self._new = False
        same = before["cells"] if before.get("tracker") == tracker else []
        self._logged = {cell.cell for cell in same if cell.status == "ok"}

    def add(self, cell: CellRecord) -> None:
        """Add the record of the next cell of this run."""
        self.cells.append(cell)
        self._new = self._new or self._before.get(cell.place) != cell

    def logged(self, cell: CellRecord) -> bool:
        """Whether an earlier run of the job has logged this cell to its tracker."""
        return cell.cell in self._logged

    def write(self, plan: Plan, store: Store) -> None:
        """Write job.json atomically, with the cells of this run."""
        self._write(self.cells, plan, store)

    def write_so_far(self, plan: Plan, store: Store) -> None:
        """Write it, with earlier entries for the cells that this run has not reached, unless it has all of this."""
        if self._new:
            reached = {cell.place for cell in self.cells}
            self._write(self.cells + [c for c in self._before.values() if c.place not in reached], plan, store)

    def write_unplanned(self) -> None:
        """Write it for a job that could not be planned; cells finished earlier stay finished."""
        finished = {place: cell for place, cell in self._before.items() if cell.status == "ok"}
        self._write([finished.get(cell.place, cell) for cell in self.cells])

    def _write(self, cells: list[CellRecord], plan: Plan | None = None, store: Store | None = None) -> None:
        job = {
            "format": 1,
            "finished": time.time(),
            "seconds": round(time.perf_counter() - self.begin, 2),
            "hardware": hardware.machine(),
            "software": plan.software | plan.noise_software if plan else {},
            "tracker": self.tracker,
            "stages": _trained(plan, store) if plan and store else [],
            "cells": [cell.values() for cell in cells],
        }
        text = json.dumps(job, ensure_ascii=False)
        write_bytes(self.folder / JOB, text.encode(errors="replace"))  # a path of other bytes may be in an error


def _trained(plan: Plan, store: Store) -> list[dict[str, Any]]:
    """The facts of the plan's finished stages."""
    trained = []
    for stage in [*plan.stages, *plan.shots()]:
        if (path := store.peek("stages", stage.key(), TRAINING)) is not None:
            facts = json.loads(path.read_text(encoding="utf-8"))
            # Another study may have trained an English arm under another `match`: report this study's.
            parent = stage.parent.name if stage.parent else "pretrained"
            known = {"role": stage.role, "model": plan.cfg.model.name, "seed": plan.cfg.seed, "parent": parent}
            known |= {"digest": path.parent.name, "folder": f"stages/{path.parent.name}"}  # in the store
            if stage.parent and (before := store.peek("stages", stage.parent.key(), TRAINING)) is not None:
                known["parent_digest"] = before.parent.name
            if stage.role == "intermediate":
                trained_on = {task.title: task for task in plan.cfg.intermediate.in_order()}
                if stage.name in trained_on:
                    task = trained_on[stage.name]
                    known |= {"kind": task.kind, "arm": task.arm, "gate": gate(task).at_least, "gated": gated(task)}
            trained.append(known | facts | {"matched_by": stage.match})
    return trained


def _share(content: bytes, target: Path) -> None:
    """Copy a finished file into the study's folder unless it is there. No link: changes must not reach the store."""
    if not (target.is_file() and target.read_bytes() == content):
        write_bytes(target, content)


def _collect(cell: CellRecord, content: bytes, items: ItemsWriter) -> bytes:
    """The cell's predictions with this task's clusters. A file that an earlier run of the job has copied had them."""
    digest = content_digest(content)
    if not items.has(cell.cell, digest):
        content = _clustered(content, cell.language, items.parallel)
        digest = content_digest(content)
    items.add(cell.cell, digest)
    return content


def _clustered(content: bytes, language: str, parallel: bool) -> bytes:
    """The scores with this task's clusters; the stored ones have the clusters of the task that was evaluated first.

    A cluster is resampled together: an item in all languages of a parallel task, otherwise in this language only.
    """
    table = pq.ParquetFile(io.BytesIO(content)).read()  # read_table would import pandas first
    clusters: list[str] = table["cluster"].to_pylist()
    own = f"{language}|"
    apart = all(map(str.startswith, clusters, [own] * len(clusters))) and clusters != table["id"].to_pylist()
    if apart != parallel:
        return content
    wanted = [name.removeprefix(own) if parallel else own + name for name in clusters]
    column = table.column_names.index("cluster")
    table = table.set_column(column, "cluster", pa.array(wanted, pa.string()))
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
