"""The main tables of the page as Markdown and LaTeX, to be pasted into a paper: tables/<name>.md and .tex.

A second line of a table cell follows in the same cell. LaTeX needs the package booktabs, and UTF-8 where a language's
name does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from xtreme_noise.report import gains_views, leaderboard_views, views
from xtreme_noise.report.effects import FAMILY
from xtreme_noise.report.names import Names
from xtreme_noise.report.study import StudyResults
from xtreme_noise.report.views import TableCell, TableView

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": "$-$", "×": r"$\times$", "·": r"$\cdot$", "†": r"\dag{}", "‡": r"\ddag{}", "–": "--", "→": r"$\to$",
    "²": "$^2$", "\u00a0": "~",
}  # fmt: skip


def papers(study: StudyResults) -> dict[str, str]:
    """File name -> text."""
    names = Names.of(study.cells)
    primary = views.family_table(study, names, FAMILY)
    found: Mapping[str, Sequence[TableView]] = {
        "curves": [views.curve_table(panel, study.points, names) for panel in study.panels if panel.languages],
        "effects": [primary] if primary else [],
        "gains": gains_views.tables(study.gains, names),
        "leaderboard": leaderboard_views.tables(study.leaderboards),
    }
    written = {"md": markdown, "tex": latex}
    return {
        f"{name}.{ending}": "\n".join(map(write, own))
        for name, own in found.items()
        if own
        for ending, write in written.items()
    }


def markdown(view: TableView) -> str:
    """A pipe table below its caption. Text that Markdown or HTML would read as markup is escaped."""
    heads = [text for text, _ in view.heads[-1]]
    columns = _columns(view)
    aligned = ["---:" if number else "---" for number in columns]
    rows = [heads, aligned, *([_joined(cell) for cell in row] for row in (*view.rows, *view.foot))]
    lines = ["| " + " | ".join(cells if cells is aligned else map(_escaped, cells)) + " |" for cells in rows]
    return "\n".join((f"**{_escaped(view.caption)}**", "", *lines, ""))


def latex(view: TableView) -> str:
    """A table environment with booktabs rules. Headings over several columns are spanned."""
    spec = "".join("r" if number else "l" for number in _columns(view))
    heads = [" & ".join(_head(text, span) for text, span in head) + r" \\" for head in view.heads]
    rows = [" & ".join(_tex(_joined(cell)) for cell in row) + r" \\" for row in (*view.rows, *view.foot)]
    return "\n".join(
        (
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{_tex(view.caption)}}}",
            rf"\begin{{tabular}}{{{spec}}}",
            r"\toprule",
            *heads,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        )
    )


def _columns(view: TableView) -> list[bool]:
    """Whether each column has numbers."""
    return [cell.kind.startswith("num") for cell in view.rows[0]]


def _joined(cell: TableCell) -> str:
    """The text and its note: an interval as it is, words in brackets."""
    note = f"({cell.note})" if cell.note and cell.text and cell.note[0] != "[" else cell.note
    return " ".join(filter(None, (cell.text, note)))


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_|<>&]|\](?=\())", r"\\\1", text.replace("\n", " "))


def _head(text: str, span: int) -> str:
    return _tex(text) if span == 1 else rf"\multicolumn{{{span}}}{{c}}{{{_tex(text)}}}"


def _tex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
