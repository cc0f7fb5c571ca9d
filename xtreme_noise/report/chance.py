"""The chance level of each task and language of a study, computed from the gold answers beside its predictions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xtreme_noise import tasks
from xtreme_noise.analysis.chance import Chance
from xtreme_noise.errors import DataError
from xtreme_noise.record import CellRecord
from xtreme_noise.report.cells import Problem, where
from xtreme_noise.report.predictions import read_columns


def read_chances(
    sweep: Path, cells: Sequence[CellRecord]
) -> tuple[dict[str, dict[str, Chance]], dict[tuple[str, str], Problem]]:
    """Task -> language -> chance level, for metrics whose chance level is not about 0; and where it is unknown.

    Reads the first usable file of a language, as all have the same gold answers.
    """
    known: dict[str, dict[str, Chance]] = defaultdict(dict)
    unknown: dict[tuple[str, str], Problem] = {}
    for cell in cells:
        if cell.status != "ok" or cell.language in known[cell.task] or cell.metric not in _guessed(cell.family):
            continue
        try:
            table = read_columns(sweep, cell, ("cluster", "gold"), optional="choices").to_pydict()
            right = _right(cell, table)
        except DataError as error:
            unknown[cell.task, cell.language] = Problem(where(cell), f"the chance level is not known: {error}")
            continue
        if right:
            known[cell.task][cell.language] = Chance(cell.metric or "", right, len(set(table["cluster"])))
    lost = {place: problem for place, problem in unknown.items() if place[1] not in known[place[0]]}
    return {task: languages for task, languages in known.items() if languages}, lost


def _guessed(family: str) -> tuple[str, ...]:
    return tasks.family(family).guessed if family in tasks.names() else ()


def over(chances: Mapping[str, Chance], languages: Iterable[str]) -> Chance | None:
    """The chance level of a mean over languages; None unless it is known in each.

    The number of items is that of one language, because translations of an item are not independent.
    """
    some = [chances.get(language) for language in languages]
    known = [one for one in some if one is not None]
    if not known or len(known) < len(some):
        return None
    right = sum(one.right for one in known) / len(known)
    return Chance(known[0].metric, right, max(one.items for one in known))


def _right(cell: CellRecord, table: Mapping[str, Sequence[Any]]) -> float | None:
    if not table["gold"] or min(table.get("choices") or [1]) < 1:
        raise DataError(f"no examples, or one without choices, in the predictions of: {where(cell)}")
    return tasks.family(cell.family).guess(cell.metric or "", table)
