"""The few-shot training of a result, from its record."""

from __future__ import annotations

from dataclasses import dataclass

from xtreme_noise.record import CellRecord


@dataclass(frozen=True)
class Shots:
    """task: the zero-shot one. k: examples of each language, 0 without few-shot training; sampling: how they were
    chosen, empty without.
    """

    task: str
    k: int = 0
    sampling: str = ""

    @classmethod
    def of(cls, cell: CellRecord) -> Shots:
        return cls(cell.zero_shot_task or cell.task, cell.shots or 0, cell.sampling or "")
