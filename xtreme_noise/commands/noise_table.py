"""mode=noise_table: for every noise family and language, whether it applies, its capacity, and what a level achieves.

Families have their default parameters unless the command sets others (noise=, noise.families.).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from xtreme_noise.commands.checks import single
from xtreme_noise.config.compose import Study
from xtreme_noise.config.schema import Config
from xtreme_noise.data import embedded, sib200
from xtreme_noise.errors import ConfigError, NotApplicable
from xtreme_noise.languages import XTREME_R, language
from xtreme_noise.noise import Perturber, families
from xtreme_noise.noise.measure import measure
from xtreme_noise.noise.registry import plain
from xtreme_noise.sheets import sheet
from xtreme_noise.writing import write_atomic

LEVEL = 0.05  # unless noise.level is given
SENTENCES = 200
FILE = "noise_table.csv"
SHORT = 0.005  # achieved levels further below the level are marked: the family has too little to act on
OK, NO, NOTHING, NO_TEXT = "ok", "not supported", "nothing to act on", "no text"
TABLE, PAIRED = "needs a table", "in a test set"  # nothing to measure
SIGNS = {NO: "–", NOTHING: "0", NO_TEXT: "?"}


@dataclass(frozen=True)
class TableRow:
    """One noise family in one language. Rates are means over `sentences` of `text`; None where nothing was measured."""

    family: str
    signature: str
    language: str
    status: str
    level: float
    capacity: float | None = None
    achieved: float | None = None
    word_change_rate: float | None = None
    changed: float | None = None
    sentences: int = 0
    text: str = ""
    note: str = ""

    @property
    def sign(self) -> str:
        """The achieved level, with * when it falls short of the level; or a sign for why there is none."""
        if self.achieved is None:
            return SIGNS.get(self.status, "")
        return f"{self.achieved:.3f}{'*' if self.achieved < self.level - SHORT else ''}"


def wanted_languages(cfg: Config) -> list[str]:
    """The languages of the command, else the 50 of XTREME-R: the table is about noise, not about a task."""
    if cfg.language is None and cfg.languages is None:
        return list(XTREME_R)
    return cfg.wanted_languages()


def texts(roots: Sequence[str], code: str) -> tuple[list[str], str]:
    """Sentences of a language and their source; none when no source has any."""
    for root in map(Path, roots):
        if sib200.path(root, "test", code).is_file():
            return sib200.sentences(root, "test", code, SENTENCES), "SIB-200 test"
    if code in embedded.LANGUAGES:
        return [row["text"] for row in embedded.rows("intents", code, "test")][:SENTENCES], "embedded intents test"
    return [], ""


def rows(cfg: Config, *, only_chosen: bool = False) -> Iterator[TableRow]:
    """The table, family by family. Raises ConfigError for wrong parameters of a family that the command names.

    only_chosen: only the families of the command (noise=), not all.
    """
    level = LEVEL if cfg.noise.level is None else cfg.noise.level
    codes = wanted_languages(cfg)
    texts_by_language = {code: texts(cfg.source.roots(), code) for code in codes}
    for family in sorted(cfg.noise.families) if only_chosen else families():
        try:
            perturber = plain(family, cfg.noise.families.get(family) or {})
        except ConfigError as error:
            if family in cfg.noise.families:
                raise
            for code in codes:
                yield TableRow(family, "", code, TABLE, level, note=str(error))
            continue
        for code in codes:
            if perturber.paired:
                yield TableRow(family, perturber.signature, code, PAIRED, level, note="its noise is in a test set")
            else:
                yield _row(perturber, code, level, *texts_by_language[code])


def _row(perturber: Perturber, code: str, level: float, sentences: Sequence[str], source: str) -> TableRow:
    family, signature = perturber.family, perturber.signature
    if not perturber.supports(code):
        return TableRow(family, signature, code, NO, level)
    if not sentences:
        return TableRow(family, signature, code, NO_TEXT, level)
    try:
        seen = measure(perturber, sentences, level, code)
    except NotApplicable as error:
        return TableRow(family, signature, code, NOTHING, level, sentences=len(sentences), text=source, note=str(error))
    return TableRow(
        family=family,
        signature=signature,
        language=code,
        status=OK,
        level=level,
        capacity=seen.capacity,
        achieved=seen.achieved,
        word_change_rate=seen.word_change_rate,
        changed=seen.changed,
        sentences=len(sentences),
        text=source,
    )


def main(study: Study) -> int:
    """Returns 0; raises ConfigError for a sweep."""
    single(study, "mode=noise_table makes one table of all families and languages", "the table")
    chosen = any(text.lstrip("+").startswith("noise=") for text in study.overrides)
    show(study.jobs[0], study.sweep, only_chosen=chosen)
    return 0


def show(cfg: Config, folder: Path, *, only_chosen: bool = False) -> None:
    """Print the table and write it to `folder`. Raises ConfigError."""
    console = Console(highlight=False)
    measured: list[TableRow] = []
    for row in rows(cfg, only_chosen=only_chosen):
        if not measured or measured[-1].family != row.family:
            print(f"{row.family} ...", file=sys.stderr, flush=True)
        measured.append(row)
    for table in (*_matrices(measured, console.width), _summary(measured)):
        console.print(table)
    sources = ", ".join(sorted({row.text for row in measured if row.text}))
    console.print(f"Measured on: {sources or 'nothing: there is no text in these languages'}.")
    console.print(
        "Table entries: achieved grapheme error rate; * short of the level; – not supported in the language; 0 nothing "
        "to act on; ? no text (source.root with SIB-200 provides some)."
    )
    path = folder / FILE
    write_atomic(path, sheet([field.name for field in fields(TableRow)], map(asdict, measured)))
    print(path)


def _matrices(measured: Sequence[TableRow], width: int) -> Iterator[Table]:
    """Tables of languages (rows) by families (columns), each as wide as the terminal allows."""
    names = list(dict.fromkeys(row.family for row in measured if row.status not in (TABLE, PAIRED)))
    codes = list(dict.fromkeys(row.language for row in measured))
    signs = {(row.family, row.language): row.sign for row in measured}
    columns: list[list[str]] = [[]]
    for name in names:
        if sum(max(6, len(other)) + 2 for other in (*columns[-1], name)) > width - 20 and columns[-1]:
            columns.append([])
        columns[-1].append(name)
    for group in columns if names else []:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("language", no_wrap=True, max_width=18)
        for name in group:
            table.add_column(name, justify="right", no_wrap=True)
        for code in codes:
            table.add_row(f"{code} {language(code).name}", *(signs[name, code] for name in group))
        yield table


def _summary(measured: Sequence[TableRow]) -> Table:
    """One row per family: languages; means and ranges over languages of capacity, achieved level and changed words."""
    level = measured[0].level
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("family", "languages", "capacity", f"achieved at {level:g}", "words changed"):
        table.add_column(name, no_wrap=True, min_width=12 if name == "family" else None)
    for family in dict.fromkeys(row.family for row in measured):
        own = [row for row in measured if row.family == family]
        if own[0].status in (TABLE, PAIRED):
            table.add_row(family, own[0].status, "", "", "")
            continue
        can = sum(row.status != NO for row in own)
        columns = [
            [value for row in own if (value := getattr(row, name)) is not None]
            for name in ("capacity", "achieved", "word_change_rate")
        ]
        table.add_row(family, f"{can} of {len(own)}", *map(_spread, columns, (2, 3, 2)))
    return table


def _spread(values: Sequence[float], places: int) -> str:
    if not values:
        return ""
    return f"{fmean(values):.{places}f} ({min(values):.{places}f}–{max(values):.{places}f})"
