"""Leaderboards: rows of their CSV table, and the tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtreme_noise.analysis.rank_intervals import Rank
from xtreme_noise.report.formatting import CONDITIONAL, NONE, bounds, extent, number, plural
from xtreme_noise.report.leaderboard import QUANTITIES, Leaderboard, Place, Standing
from xtreme_noise.report.runs import PRIMARY
from xtreme_noise.report.views import TableCell, TableView, unbroken

COLUMNS = (
    "task", "metric", "model", "intermediate", "arm", "what", "value", "value_low", "value_high", "interval", "rank",
    "rank_low", "rank_high", "systems", "seeds", "languages", "languages_in_mean", "noises", "levels", "hardware",
)  # fmt: skip
HEADS = {"clean": "clean", "noisy": "under noise", PRIMARY: "log-odds lost"}


def rows(boards: Iterable[Leaderboard]) -> Iterable[Mapping[str, Any]]:
    """tables/leaderboard.csv: one row for each system and quantity."""
    for board in boards:
        about = {
            "task": board.task,
            "metric": board.metric,
            "systems": len(board.standings),
            "languages": len(board.languages),
            "languages_in_mean": " ".join(board.languages),
            "noises": " ".join(board.noises),
            "levels": " ".join(dict.fromkeys(f"{level:g}" for levels in board.noises.values() for level in levels)),
        }
        for standing in board.standings:
            for what, place in standing.places.items():
                estimate, rank = place.estimate, place.rank
                yield about | {
                    "model": standing.model,
                    "intermediate": standing.system.intermediate,
                    "arm": standing.system.shown_arm,
                    "what": what,
                    "value": estimate.value,
                    "value_low": estimate.low,
                    "value_high": estimate.high,
                    "interval": extent(estimate.low is not None, estimate.conditional),
                    "rank": rank and rank.rank,
                    "rank_low": rank and rank.low,
                    "rank_high": rank and rank.high,
                    "seeds": len(standing.seeds),
                    "hardware": "; ".join(standing.hardware),
                }


def tables(boards: Iterable[Leaderboard]) -> list[TableView]:
    """One table for each task."""
    return [_table(board) for board in boards]


def _table(board: Leaderboard) -> TableView:
    shown = [what for what in QUANTITIES if any(what in standing.places for standing in board.standings)]
    heads = [("system", 1)]
    for what in shown:
        heads += [(HEADS[what], 1), ("rank", 1)]
    body = [_row(standing, shown) for standing in board.standings]
    return TableView(_caption(board), [[*heads, ("seeds", 1), ("computed on", 1)]], body)


def _row(standing: Standing, shown: Sequence[str]) -> list[TableCell]:
    row = [TableCell(standing.name)]
    for what in shown:
        row += _items(standing.places.get(what), what)
    return [*row, TableCell(f"{len(standing.seeds)}", "num"), TableCell(", ".join(standing.hardware) or NONE, "words")]


def _items(place: Place | None, what: str) -> list[TableCell]:
    if place is None:
        return [TableCell(NONE, "num gap"), TableCell(NONE, "num gap")]
    measure = PRIMARY if what == PRIMARY else "score"
    value = TableCell(number(place.estimate.value, measure), "num", unbroken(bounds(place.estimate, measure)))
    return [value, TableCell(NONE if place.rank is None else _rank(place.rank), "num strong")]


def _rank(rank: Rank) -> str:
    """'2 [1–4]'"""
    return unbroken(f"{rank.rank} [{rank.low}–{rank.high}]")


def _caption(board: Leaderboard) -> str:
    parts = [f"{board.task}, {board.metric} × 100: {plural(len(board.languages), 'language')}"]
    if board.noises:
        levels = (f"{noise} at {', '.join(f'{level:g}' for level in own)}" for noise, own in board.noises.items())
        parts.append("; ".join(levels))
    if any(place.estimate.conditional for standing in board.standings for place in standing.places.values()):
        parts.append(f"intervals and ranks are {CONDITIONAL}")
    if board.left_out:
        parts.append(f"without {', '.join(board.left_out)}, which lack most of these cells")
    return "; ".join(parts)
