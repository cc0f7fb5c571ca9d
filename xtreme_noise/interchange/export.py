"""mode=export: the predictions of a finished study, one official prediction folder for each system, noise and level.

<study>/export/<model>_<intermediate>_s<seed>/<noise>_n<noise seed>/<level>/<task>/test-<language>.tsv
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xtreme_noise.analysis.xtreme_r import TASKS
from xtreme_noise.data.examples import numbered
from xtreme_noise.errors import ConfigError, DataError
from xtreme_noise.interchange.layout import Format, file_name, format_of
from xtreme_noise.metrics import unique
from xtreme_noise.names import slug
from xtreme_noise.record import CLEAN, CellRecord
from xtreme_noise.report.cells import read_cells, where
from xtreme_noise.sheets import sheet
from xtreme_noise.store import write_atomic

FOLDER = "export"
OFFICIAL = {*TASKS, "bucc"}  # tasks with published labels
NAMELESS = (
    "its test set has no column 'id' (Mewsli-X: example_id), which the official labels refer to: add it and evaluate "
    "again"
)
INDEX = "index.csv"
COLUMNS = (
    "file", "task", "language", "model", "intermediate", "noise", "level", "noise_seed", "seed", "n", "metric", "score",
    "signature",
)  # fmt: skip
IDS = pa.schema([("id", pa.string()), ("prediction", pa.string())])
_DIGEST = re.compile(r"[0-9a-f]{8,64}")


def show(sweep: Path) -> None:
    """Export, and print what was written and what was not. Raises ConfigError or DataError."""
    root, count, left_out = export(sweep)
    for line in left_out:
        print(line)
    print(f"{count} prediction files, listed with our scores in {root / INDEX}")
    print("official scores: python evaluate.py --prediction_folder <system>/<noise>/<level> --label_folder <labels>")
    print(root)


def export(sweep: Path) -> tuple[Path, int, list[str]]:
    """Write the export folder; returns it, the number of files, and one line for every cell without a file.

    Names consist of letters, digits, dots, dashes and underscores, so that no file is written outside the folder,
    whatever a foreign study contains. Raises ConfigError when nothing can be exported.
    """
    cells, problems = read_cells(sweep)
    files: dict[str, CellRecord] = {}
    left_out = Counter(
        f"{cell.task}: {cell.language} has no predictions ({cell.status})" for cell in cells if not _ok(cell)
    )
    for cell in filter(_ok, cells):
        name = _name(cell)
        if name in files:
            raise DataError(f"two cells have the same file {name}: {where(files[name])}; {where(cell)}")
        files[name] = cell
    nameless = [name for name, cell in files.items() if _nameless(sweep, cell)]
    for name in nameless:
        left_out[f"{name}: {NAMELESS}"] += 1
        del files[name]
    if not files:
        why = f"{nameless[0]}: {NAMELESS}" if nameless else "it has no finished cell"
        raise ConfigError(f"{sweep}: there is nothing to export ({why})")
    root = sweep / FOLDER
    before = _listed(root)
    for name, cell in files.items():
        write_atomic(root / name, _text(sweep, cell))
    for name in before - set(files):
        (root / name).unlink(missing_ok=True)  # of an earlier export, now out of date
    write_atomic(root / INDEX, _index(files))
    lines = [f"{line}, {count} times" if count > 1 else line for line, count in sorted(left_out.items())]
    return root, len(files), [*(f"{problem.where}: {problem.what}" for problem in problems), *lines]


def _nameless(sweep: Path, cell: CellRecord) -> bool:
    """Whether the official labels refer to ids, but the test set had none, so that no answer would match."""
    return _format(cell).by_id and cell.task in OFFICIAL and numbered(list(_predictions(sweep, cell)))


def _ok(cell: CellRecord) -> bool:
    return cell.status == "ok"


def _format(cell: CellRecord) -> Format:
    return format_of(cell.family, cell.metric or "")


def _name(cell: CellRecord) -> str:
    """The path of a cell's file below the export folder."""
    system = slug(cell.model, cell.intermediate, f"s{cell.seed}")
    noise = CLEAN if cell.noise == CLEAN else slug(cell.noise, f"n{cell.noise_seed}")
    return f"{system}/{noise}/{cell.level:g}/{file_name(cell.task, cell.language, _format(cell))}"


def _text(sweep: Path, cell: CellRecord) -> str:
    table = _predictions(sweep, cell)
    try:
        return _format(cell).write(list(table), list(table.values()))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(
            f"the predictions of {cell.cell} are not those of a {cell.family} task ({error!r}): {where(cell)}"
        ) from error


def _predictions(sweep: Path, cell: CellRecord) -> dict[str, str]:
    """id -> prediction, in the order of the test set."""
    if not _DIGEST.fullmatch(cell.cell):
        raise DataError(f"{cell.cell!r} is not the digest of a cell: {where(cell)}")
    path = sweep / "predictions" / f"{cell.cell}.parquet"
    try:
        table: dict[str, list[Any]] = pq.read_table(path, columns=["id", "prediction"], schema=IDS).to_pydict()
        if None in (*table["id"], *table["prediction"]):
            raise DataError("a row has no id, or no prediction")
        return unique(table["id"], table["prediction"])
    except (OSError, ValueError, LookupError, pa.ArrowException, DataError) as error:
        raise DataError(f"{path} cannot be read ({error}): {where(cell)}") from error


def _index(files: dict[str, CellRecord]) -> str:
    columns = COLUMNS[1:]
    return sheet(
        COLUMNS,
        ({"file": name} | {column: getattr(cell, column) for column in columns} for name, cell in files.items()),
    )


def _listed(root: Path) -> set[str]:
    """The files of an earlier export. Only names of our own pattern, because these files may be deleted."""
    if not (root / INDEX).is_file():
        return set()
    with (root / INDEX).open(encoding="utf-8", newline="") as file:
        names = {row.get("file") or "" for row in csv.DictReader(file)}
    return {name for name in names if re.fullmatch(r"(\w[\w.-]*/){4}test-[\w-]+\.(tsv|jsonl?)", name, re.ASCII)}
