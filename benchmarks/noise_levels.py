"""Noise levels measured on real text. Writes docs/noise_levels.md and .csv and docs/figures/noise_calibration.png.

    python benchmarks/noise_levels.py [--data ../shared/data] [--sentences 400] [--workers 1] [--families char ...]

SIB-200 training sentences (FLORES-200) of all 50 languages of XTREME-R, every family that works without a user's files,
seed 0: mean grapheme error rate per level, capacity, and share of words changed at 0.1 (of graphemes in languages
without spaces). With --families only these are measured; the CSV's rows of the others are kept.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from xtreme_noise.data import sib200
from xtreme_noise.errors import ConfigError, NotApplicable
from xtreme_noise.languages import XTREME_R
from xtreme_noise.noise import Perturber
from xtreme_noise.noise.measure import measure
from xtreme_noise.noise.registry import checked_parameters, families, family_class
from xtreme_noise.report.figures import STYLE

LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3)
DOCS = Path(__file__).resolve().parents[1] / "docs"
PER_ROW = 4  # panels


@dataclass(frozen=True)
class Row:
    """One family in one language at one level: means over sentences."""

    family: str
    signature: str
    language: str
    level: float
    achieved: float
    capacity: float
    changed: float
    word_change_rate: float

    @property
    def short(self) -> bool:
        """The texts offer too few places for this level; this is not an error of calibration."""
        return self.achieved < self.level - 0.005 and self.capacity < 0.6


def perturbers() -> dict[str, Perturber]:
    """The families that work without a table or a test set from the user."""
    usable = {}
    for family in families():
        try:
            perturber = family_class(family)(checked_parameters(family, {}))
        except ConfigError:
            continue
        if not perturber.paired:
            usable[family] = perturber
    return usable


def measured(case: tuple[str, str], data: Path, sentences: int) -> list[Row]:
    """Rows of one family and language."""
    family, code = case
    noise = family_class(family)(checked_parameters(family, {}))
    texts = sib200.sentences(data, "train", code, sentences)
    rows = []
    for level in LEVELS:
        try:
            seen = measure(noise, texts, level, code)
        except NotApplicable:
            break
        figures = (seen.achieved, seen.capacity, seen.changed, seen.word_change_rate)
        rows.append(Row(family, noise.signature, code, level, *(round(figure, 5) for figure in figures)))
    return rows


def earlier_rows(path: Path, measured_now: Sequence[str]) -> list[Row]:
    """The rows of the CSV, except those of the families measured now."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        types: dict[str, Any] = {field.name: str if field.type == "str" else float for field in fields(Row)}
        rows = [Row(**{name: types[name](value) for name, value in row.items()}) for row in csv.DictReader(file)]
    return [row for row in rows if row.family not in measured_now and row.family in families()]


def write(rows: Sequence[Row], sentences: int) -> None:
    """The CSV, the page and the figure."""
    with (DOCS / "noise_levels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
    (DOCS / "noise_levels.md").write_text("\n".join(page(rows, sentences)) + "\n", encoding="utf-8")
    figure(rows, DOCS / "figures" / "noise_calibration.png")


def page(rows: Sequence[Row], sentences: int) -> Iterator[str]:
    yield f"""# Noise levels as measured

![Measured rate by level, one line per language](figures/noise_calibration.png)

Written by `python benchmarks/noise_levels.py`: mean grapheme error rate per level over {sentences} SIB-200 training
sentences (FLORES-200) per language, seed 0, regex {version("regex")}. Each family has its default parameters.
[noise_levels.csv](noise_levels.csv) has a row for each family, language and level: `achieved`, the measured rate;
`capacity`, the share of graphemes that the family can act on; `word_change_rate`, the share of words changed (of
graphemes in zh, ja, th and my); `signature`, which identifies the version of the family. A language that a family does
not support has no row.

The table has the largest absolute difference between measured rate and level over the languages that reach the level;
`short` counts those that do not at 0.1, because their texts offer too few places.

| family | languages | short at .1 | .01 | .05 | .1 | .2 | .3 |
|---|---|---|---|---|---|---|---|"""
    names = list(dict.fromkeys(row.family for row in rows))
    for family in names:
        own = [row for row in rows if row.family == family]
        cells = []
        for level in LEVELS:
            apart = [abs(row.achieved - level) for row in own if row.level == level and not row.short]
            cells.append(f"{max(apart):.4f}" if apart else "–")
        short = sum(row.short for row in own if row.level == 0.1)
        yield f"| {family} | {len({row.language for row in own})} | {short} | {' | '.join(cells)} |"


def figure(rows: Sequence[Row], path: Path) -> None:
    """Measured rate by level: one panel per family, one line per language."""
    names = list(dict.fromkeys(row.family for row in rows))
    height = -(-len(names) // PER_ROW)
    with mpl.rc_context(STYLE):
        drawn = Figure(figsize=(2.3 * PER_ROW, 2.25 * height + 0.6), layout="constrained", dpi=150)
        axes = drawn.subplots(height, PER_ROW, sharex=True, sharey=True, squeeze=False)
        for ax, family in zip(axes.flat, names, strict=False):
            own = [row for row in rows if row.family == family]
            ax.plot([0, 0.3], [0, 0.3], color="0.75", linewidth=3, zorder=1, solid_capstyle="round")
            codes = list(dict.fromkeys(row.language for row in own))
            for code in codes:
                line = [row for row in own if row.language == code]
                short = any(row.short for row in line)
                ax.plot(
                    [0.0] + [row.level for row in line],
                    [0.0] + [row.achieved for row in line],
                    color="#d95f02" if short else "#1b6ca8",
                    linewidth=0.7,
                    alpha=0.6,
                    zorder=2,
                )
            limited = sum(any(row.short for row in own if row.language == code) for code in codes)
            ax.set_title(f"{family}: {len(codes)} languages" + (f", {limited} limited" if limited else ""), fontsize=7)
            ax.set_xticks([0, 0.1, 0.2, 0.3])
            ax.set_yticks([0, 0.1, 0.2, 0.3])
        for ax in axes.flat[len(names) :]:
            ax.set_visible(False)
        drawn.supxlabel("level asked for")
        drawn.supylabel("grapheme error rate achieved")
        drawn.suptitle(
            "Grey: achieved = asked. Blue: one language. Orange: a language in which the family runs out of places.",
            fontsize=9,
        )
        path.parent.mkdir(exist_ok=True)
        canvas: Any = FigureCanvasAgg(drawn)
        canvas.print_png(path, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="Measured noise levels on real text")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--sentences", type=int, default=400)
    parser.add_argument("--workers", type=int, default=1, help=f"processes (this machine has {os.cpu_count()} cores)")
    parser.add_argument("--families", nargs="*", help="only these families")
    options = parser.parse_args()
    every = perturbers()
    chosen = [family for family in every if options.families is None or family in options.families]
    order = {code: number for number, code in enumerate(XTREME_R)}
    work = partial(measured, data=options.data, sentences=options.sentences)
    with ProcessPoolExecutor(options.workers) as pool:
        for family in chosen:  # written after each: continue an interrupted run with --families
            rows = earlier_rows(DOCS / "noise_levels.csv", [family])
            cases = [(family, code) for code in XTREME_R if every[family].supports(code)]
            for (_, code), new_rows in zip(cases, pool.map(work, cases), strict=True):
                reached = " ".join(f"{row.achieved:.4f}" for row in new_rows)
                print(f"{family:14} {code}  {reached or 'nothing to act on'}", flush=True)
                rows += new_rows
            write(sorted(rows, key=lambda row: (row.family, order[row.language], row.level)), options.sentences)


if __name__ == "__main__":
    main()
