"""The ratios of earlier runs, docs/benchmark_history.csv, and which ratios of a run are worse."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

from benchmarks.setting import Ratio

HISTORY = Path(__file__).resolve().parents[1] / "docs" / "benchmark_history.csv"
COLUMNS = ("date", "machine", "name", "ratio")
FIFTH = 0.2


def read() -> list[dict[str, str]]:
    """All lines, the oldest first."""
    with HISTORY.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def record(ratios: Mapping[str, Ratio], machine: str) -> None:
    """Append one line for each ratio."""
    with HISTORY.open("a", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n")
        for name, ratio in ratios.items():
            write.writerow([date.today().isoformat(), machine, name, f"{ratio.value:.3g}"])


def worse(ratios: Mapping[str, Ratio], machine: str, lines: Iterable[Mapping[str, str]]) -> list[str]:
    """What is worse by a fifth or more than the last line of the same name and kind of machine, in words."""
    last = {line["name"]: float(line["ratio"]) for line in lines if line["machine"] == machine}
    found = []
    for name, (value, rises) in ratios.items():
        if name in last:
            change = last[name] / value if rises else value / last[name]
            if change <= 1 - FIFTH:
                found.append(f"{name}: ratio {value:.2f}, before {last[name]:.2f}")
    return found
