"""Noisy samples with marked edits. Texts are foreign data: escaped, never trusted as HTML."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from xtreme_noise.record import CLEAN, CellRecord
from xtreme_noise.report.by_language import language_order
from xtreme_noise.report.cells import Problem, where

LIMIT = 240  # code points of the clean text that are shown


@dataclass(frozen=True)
class Sample:
    """One sample of one language. `plain`: the edits do not rebuild the noisy text, so none are marked."""

    language: str
    language_name: str
    level: float
    identifier: str
    html: Markup
    plain: bool
    achieved: float | None


@dataclass(frozen=True)
class SampleGroup:
    """The samples of one task and noise family, one per language and level."""

    task: str
    noise: str
    levels: dict[float, list[Sample]]


def sample_groups(cells: Sequence[CellRecord]) -> tuple[list[SampleGroup], list[Problem]]:
    """One sample per task, noise family, level and language (noise is the same for all arms); invalid samples are
    problems.
    """
    groups: dict[tuple[str, str], dict[float, list[Sample]]] = {}
    problems: list[Problem] = []
    seen: set[tuple[str, str, float, str]] = set()
    for cell in sorted(cells, key=lambda c: (c.task, c.noise, c.level, language_order(c))):
        key = (cell.task, cell.noise, cell.level, cell.language)
        if cell.status != "ok" or cell.noise == CLEAN or not cell.samples or key in seen:
            continue
        try:
            sample = _first(cell)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            problems.append(Problem(where(cell), f"its samples cannot be read: {error!r}"))
            continue
        if sample is not None:
            seen.add(key)
            groups.setdefault((cell.task, cell.noise), {}).setdefault(cell.level, []).append(sample)
    return [SampleGroup(task, noise, levels) for (task, noise), levels in groups.items()], problems


def _first(cell: CellRecord) -> Sample | None:
    """The first sample that noise changed, else the first."""
    if not cell.samples:
        return None
    chosen = next((s for s in cell.samples if s["clean"] != s["noisy"]), cell.samples[0])
    clean, noisy = _text(chosen["clean"]), _text(chosen["noisy"])
    html = marked(clean, noisy, chosen["edits"])
    return Sample(
        language=cell.language,
        language_name=cell.language_name,
        level=cell.level,
        identifier=str(chosen["id"]),
        html=_unmarked(clean, noisy) if html is None else html,
        plain=html is None,
        achieved=cell.achieved,
    )


def _text(value: Any) -> str:
    """A text, or tokens joined with spaces."""
    return value if isinstance(value, str) else " ".join(map(str, value))


def marked(clean: str, noisy: str, edits: Iterable[Sequence[Any]], limit: int = LIMIT) -> Markup | None:
    """The text with <del>deletions</del> and <ins>insertions</ins>, up to `limit` code points; None if the edits do not
    turn `clean` into exactly `noisy`.

    edits: (start, end, noisy_start, noisy_end, clean, noisy) with code point offsets.
    """
    out, rebuilt, position, shown_to = Markup(), "", 0, None
    for start, end, _, _, old, new in sorted(edits, key=lambda edit: (edit[0], edit[2])):
        if not position <= start <= end <= len(clean) or clean[start:end] != old:
            return None
        rebuilt += clean[position:start] + new
        if shown_to is None and start <= limit:
            out += escape(clean[position:start])
            out += Markup("<del>{}</del>").format(visible(old)) if old else ""
            out += Markup("<ins>{}</ins>").format(visible(new)) if new else ""
            position = end
        else:
            if shown_to is None:
                shown_to = position
            position = end
    if rebuilt + clean[position:] != noisy:
        return None
    start = position if shown_to is None else shown_to
    rest = clean[start : max(start, limit)]
    cut = shown_to is not None or start + len(rest) < len(clean)
    return out + escape(rest) + ("…" if cut else "")


def _unmarked(clean: str, noisy: str) -> Markup:
    return Markup("{}<br>{}").format(_cut(clean), _cut(noisy))


def _cut(text: str) -> str:
    return text if len(text) <= LIMIT else text[:LIMIT] + "…"


def visible(text: str) -> str:
    """Text in which invisible characters (spaces, joiners, control characters) are written out."""

    def shown(character: str) -> str:
        if character == " ":
            return "␣"
        if unicodedata.category(character) in ("Cc", "Cf", "Zs", "Zl", "Zp"):
            return f"[U+{ord(character):04X}]"
        return character

    return "".join(map(shown, text))
