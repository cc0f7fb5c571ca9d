"""Scores by layer and pooling, from task.layer_sweep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from xtreme_noise.config.sense import POOLINGS
from xtreme_noise.record import CLEAN, CellRecord, layer_name
from xtreme_noise.report.formatting import NONE, percent
from xtreme_noise.report.names import Names
from xtreme_noise.report.views import TableCell, TableView

COLUMNS = (
    "task", "model", "intermediate", "language", "noise", "level", "noise_seed", "seed", "pooling", "layer", "score",
)  # fmt: skip


@dataclass(frozen=True)
class LayerScore:
    """The score of one cell at one layer with one pooling. layer: hidden state, 0 for the embeddings."""

    cell: CellRecord
    pooling: str
    layer: int
    score: float


def layer_scores(cells: Iterable[CellRecord]) -> list[LayerScore]:
    """The layer scores of all finished cells, in order; by pooling, then from the embeddings to the last layer."""
    found = []
    for cell in cells:
        if cell.status != "ok" or not cell.extra:
            continue
        for pooling in POOLINGS:
            for layer in count():
                if (value := cell.extra.get(layer_name(layer, pooling))) is None:
                    break
                found.append(LayerScore(cell, pooling, layer, value))
    return found


def rows(cells: Iterable[CellRecord]) -> list[dict[str, object]]:
    """tables/layers.csv: one row per cell, pooling and layer."""
    return [
        {name: getattr(entry.cell, name) for name in COLUMNS[:8]}
        | {"pooling": entry.pooling, "layer": entry.layer, "score": entry.score}
        for entry in layer_scores(cells)
    ]


def tables(cells: Iterable[CellRecord], names: Names) -> list[TableView]:
    """Clean scores: one table per task, model, intermediate task and pooling, layers by languages.

    Means over seeds; the mean over languages includes those with all layers; the best layer of a column is bold.
    """
    groups: dict[tuple[str, str, str, str], list[LayerScore]] = defaultdict(list)
    for entry in layer_scores(cell for cell in cells if cell.noise == CLEAN):
        groups[entry.cell.task, entry.cell.model, entry.cell.intermediate, entry.pooling].append(entry)
    return [_table(place, entries, names) for place, entries in groups.items()]


def _table(place: tuple[str, str, str, str], scores: list[LayerScore], names: Names) -> TableView:
    task, model, intermediate, pooling = place
    languages = list(dict.fromkeys(entry.cell.language for entry in scores))
    layers = sorted({entry.layer for entry in scores})
    values: dict[tuple[int, str], list[float]] = defaultdict(list)
    for entry in scores:
        values[entry.layer, entry.cell.language].append(entry.score)
    means = {at: sum(some) / len(some) for at, some in values.items()}
    whole = [code for code in languages if all((layer, code) in means for layer in layers)]
    for layer in layers:
        if whole:
            means[layer, ""] = sum(means[layer, code] for code in whole) / len(whole)
    columns = ["", *languages]
    best = {code: max((means[at] for at in means if at[1] == code), default=0.0) for code in columns}
    body = [
        [TableCell(str(layer)), *(_item(means.get((layer, code)), best[code]) for code in columns)] for layer in layers
    ]
    before = "" if intermediate == "none" else f" after {intermediate}"
    caption = f"{names.task(task, model)}{before}, {pooling} pooling, clean: score × 100 by layer (0: embeddings)"
    return TableView(caption, [[("layer", 1), ("mean", 1), *((code, 1) for code in languages)]], body)


def _item(value: float | None, best: float) -> TableCell:
    if value is None:
        return TableCell(NONE, "num gap")
    return TableCell(percent(value), "num strong" if value == best else "num")
