"""An archive of a study: one zip file with the records of its jobs and the score of every example, and no text of any.

It is small and has no path of the machine, so it can be kept in a repository; with it anyone computes every table and
interval again. Where a guess has a score, it has the right labels as well. Equal studies give equal bytes. Predictions
cannot be exported from it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from xtreme_noise import tasks
from xtreme_noise.config import paths, planned
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.results import JOB, job_record
from xtreme_noise.results.items import DAMAGE, ITEMS, SCHEMA, ItemsWriter, JobItems, Scores, content_digest, stored
from xtreme_noise.writing import file_lock, make_folder, replacing, write_atomic, write_bytes

MARK = "archive.json"  # in the archive: the version of its layout; in its folder: the archive that it is from
LAYOUT = 1
MOST = 4 << 30  # bytes of an archive's files: more is no archive of a study
_NAME = re.compile(rf"jobs/[A-Za-z0-9_-]+/({re.escape(JOB)}|{re.escape(ITEMS)}|{re.escape(planned.CONFIG)})")
_CELL = re.compile(r"[0-9a-f]+")
_GOLD = {"gold": pa.string(), "choices": pa.int64()}  # of predictions; what the chance level is computed from
_SCHEMA = pa.schema([*SCHEMA, *((name, pa.list_(kind)) for name, kind in _GOLD.items())])
NOT_ARCHIVED = "the reason is in the study, not in its archive"


def write(sweep: Path, target: Path) -> int:
    """Write the archive of a study atomically; returns the number of its finished cells.

    Raises DataError when the scores of a finished cell are not those of its predictions any more, or cannot be read.
    """
    scores = JobItems(sweep)
    cells = 0
    with replacing(target) as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        _add(file, MARK, json.dumps({"layout": LAYOUT}).encode())
        for folder in sorted(path.parent for path in (sweep / "jobs").glob(f"*/{JOB}")):
            record = job_record(folder)
            assert record is not None
            finished = {cell.cell: cell for cell in record["cells"] if cell.status == "ok"}
            found = scores.of(finished)
            if lacking := [cell for cell in finished if cell not in found]:
                raise DataError(
                    f"{folder}: {len(lacking)} finished cells, among them {lacking[0]}, have no scores that fit their "
                    "predictions: run the study's command again, which repairs them"
                )
            own = f"jobs/{folder.name}"
            _add(file, f"{own}/{JOB}", json.dumps(_without_texts(folder), ensure_ascii=False).encode())
            if (config := _configuration(folder)) is not None:
                _add(file, f"{own}/{planned.CONFIG}", config)
            rows = _rows(found, finished, sweep / "predictions")
            _add(file, f"{own}/{ITEMS}", _scores(rows, parallel=_parallel(folder)))
            cells += len(finished)
    return cells


def _add(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Without the time, so that equal studies give equal bytes."""
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    file.writestr(entry, content)


def _without_texts(folder: Path) -> dict[str, Any]:
    """The job's record without the samples of its cells, and without the times at which it ran."""
    record: dict[str, Any] = json.loads((folder / JOB).read_text(encoding="utf-8"))
    for cell in record["cells"]:
        cell.pop("samples", None)
        if cell.get("error"):  # it may quote an example, or name a folder
            cell["error"] = NOT_ARCHIVED
    return {name: value for name, value in record.items() if name not in ("finished", "seconds")}


def _configuration(folder: Path) -> bytes | None:
    """The job's configuration without folders of the machine; None if it has none."""
    path = folder / planned.CONFIG
    if not path.is_file():
        return None
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = _without_places(config)
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True).encode()


def _without_places(value: Any) -> Any:
    """A configuration with null in place of every absolute path."""
    if isinstance(value, dict):
        return {name: _without_places(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_places(item) for item in value]
    return (
        None
        if isinstance(value, str) and (PurePosixPath(value).is_absolute() or PureWindowsPath(value).drive)
        else value
    )


def _parallel(folder: Path) -> bool:
    with pq.ParquetFile(folder / ITEMS) as file:
        return bool((file.schema_arrow.metadata or {}).get(b"parallel") == b"True")


def _scores(rows: Iterator[pa.Table], *, parallel: bool) -> bytes:
    """items.parquet without digests of predictions, but with right labels."""
    stream = io.BytesIO()
    schema = _SCHEMA.with_metadata({"parallel": str(parallel)})
    with pq.ParquetWriter(stream, schema, compression="none", write_page_checksum=True) as file:
        for row in rows:
            file.write_table(row.cast(schema))
    return stream.getvalue()


def _rows(found: Mapping[str, Scores], cells: Mapping[str, CellRecord], predictions: Path) -> Iterator[pa.Table]:
    """A row for the cells of one language, which have the same examples."""
    same: list[str] = []
    for cell in cells:
        if same and not _alike(found[cell], found[same[0]]):
            yield _row(same, found, _gold(cells[same[0]], predictions))
            same = []
        same.append(cell)
    if same:
        yield _row(same, found, _gold(cells[same[0]], predictions))


def _gold(cell: CellRecord, predictions: Path) -> dict[str, list[Any]]:
    """The right labels of a cell, and the number of labels to choose from, where a guess has a score."""
    if cell.family not in tasks.names() or cell.metric not in tasks.family(cell.family).guessed:
        return {}
    with pq.ParquetFile(predictions / f"{cell.cell}.parquet") as file:
        names = [name for name in _GOLD if name in file.schema_arrow.names]
        return dict(file.read(columns=names).to_pydict())


def _alike(one: Scores, other: Scores) -> bool:
    known = (one.correct is None) == (other.correct is None)
    return known and one.id.equals(other.id) and one.cluster.equals(other.cluster)


def _row(cells: list[str], found: Mapping[str, Scores], gold: Mapping[str, list[Any]]) -> pa.Table:
    first = found[cells[0]]
    columns: dict[str, Any] = {
        "id": first.id.to_pylist(),
        "cluster": first.cluster.to_pylist(),
        "num": [value for cell in cells for value in found[cell].num.tolist()],
        "den": [value for cell in cells for value in found[cell].den.tolist()],
        "correct": [value for cell in cells for value in _list(found[cell].correct)],
        "cell": cells,
        "content": [""] * len(cells),
        **{name: gold.get(name, []) for name in _GOLD},
    }
    return pa.Table.from_arrays([pa.array([columns[field.name]], field.type) for field in _SCHEMA], schema=_SCHEMA)


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values.tolist())


def opened(archive: Path) -> Path:
    """The folder multirun_outputs/<name of the archive> with its study, which every mode reads like any study.

    Unpacked once, and again when the archive has changed. Raises ConfigError for a file that is no archive of a
    study or is damaged, and when the folder contains something else.
    """
    try:
        content = archive.read_bytes()
    except OSError as error:
        raise ConfigError(f"{archive} cannot be read: {error.strerror}") from error
    folder = paths.RESULTS.absolute() / archive.stem
    others = folder.iterdir() if folder.is_dir() and not (folder / MARK).is_file() else ()
    if any(path.name != ".lock" for path in others):  # that of a process that unpacks it now
        raise ConfigError(f"{folder} is for the study in {archive}, and contains another one: rename or move it")
    make_folder(folder)
    with file_lock(folder / ".lock"):
        state = json.dumps({"archive": hashlib.sha256(content).hexdigest()})
        if (folder / MARK).is_file() and (folder / MARK).read_text(encoding="utf-8") == state:
            return folder
        write_atomic(folder / MARK, "{}")  # not unpacked until the end
        for part in ("jobs", "predictions"):
            shutil.rmtree(folder / part, ignore_errors=True)
        try:
            _unpack(io.BytesIO(content), folder)
        except (
            *DAMAGE,
            zipfile.BadZipFile,
            NotImplementedError,
            EOFError,
            RuntimeError,
        ) as error:  # encrypted, too deep
            raise ConfigError(f"{archive} is not an archive of a study, or is damaged: {error}") from error
        write_atomic(folder / MARK, state)
    return folder


def _unpack(content: BinaryIO, folder: Path) -> None:
    with zipfile.ZipFile(content) as file:
        entries = file.infolist()
        if sum(entry.file_size for entry in entries) > MOST:
            raise ValueError(f"its files have more than {MOST >> 30} GB")
        if json.loads(file.read(MARK)) != {"layout": LAYOUT}:
            raise ValueError(f"{MARK} does not say layout {LAYOUT}")
        for entry in entries:
            if entry.filename == MARK:
                continue
            if not _NAME.fullmatch(entry.filename):
                raise ValueError(f"it has a file {entry.filename!r:.80}")
            write_bytes(folder / entry.filename, file.read(entry))
    for path in sorted((folder / "jobs").glob(f"*/{ITEMS}")):
        _predictions(path, folder / "predictions")


def _predictions(items: Path, folder: Path) -> None:
    """Write the scores of a job as files of predictions, and the digests of these into items.parquet."""
    parallel = _parallel(items.parent)
    digests = dict(_files(items, folder))
    items.unlink()
    writer = ItemsWriter(items.parent, parallel=parallel)
    for cell, content in digests.items():
        writer.add(cell, content)
    writer.write(folder)


def _files(items: Path, folder: Path) -> Iterator[tuple[str, str]]:
    gold = _golds(items)
    for cell, _, scores in stored(items):
        if not _CELL.fullmatch(cell):
            raise ValueError(f"{cell!r:.80} is not the digest of a cell")
        columns = {"id": scores.id, "cluster": scores.cluster, "num": scores.num, "den": scores.den}
        if scores.correct is not None:
            columns["correct"] = scores.correct
        stream = io.BytesIO()
        pq.write_table(pa.table(columns | gold[cell]), stream)
        write_bytes(folder / f"{cell}.parquet", stream.getvalue())
        yield cell, content_digest(stream.getvalue())


def _golds(items: Path) -> dict[str, dict[str, Any]]:
    """Cell -> its columns of _GOLD, as far as it has them."""
    with pq.ParquetFile(items) as file:
        rows = file.read(columns=["cell", *_GOLD]).to_pylist()
    return {
        cell: {name: pa.array(row[name], kind) for name, kind in _GOLD.items() if row[name]}
        for row in rows
        for cell in row["cell"]
    }
