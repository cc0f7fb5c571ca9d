"""Names of few-shot results: `udpos, 100 random shots` is task udpos after 100 examples (config/schema.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NAME = re.compile(r"(.+), (\d+) (\w+) shots")


@dataclass(frozen=True)
class Shots:
    """task: the zero-shot one. k: examples of each language, 0 without few-shot training; sampling: how they were
    chosen, empty without.
    """

    task: str
    k: int = 0
    sampling: str = ""

    @classmethod
    def of(cls, task: str) -> Shots:
        """Of the name of a task in results."""
        found = _NAME.fullmatch(task)
        return cls(found[1], int(found[2]), found[3]) if found else cls(task)
