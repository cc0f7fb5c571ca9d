"""Rows in the normal form of their task family (tasks/<family>.py), and what makes two data sets overlap.

A test set with attested noise has its noisy side in columns such as noisy_text, beside text.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from xtreme_noise import tasks
from xtreme_noise.data.matching import key
from xtreme_noise.data.paired_noise import noisy_side
from xtreme_noise.data.strict_json import check_text
from xtreme_noise.errors import DataError
from xtreme_noise.noise.apply import NOISY

log = logging.getLogger(__name__)
Row = dict[str, Any]
NUMBERED = re.compile(r"test-(0|[1-9][0-9]*)")  # ids that we give to test rows without one (not BUCC's de-000000057)


def normalise(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    family: str,
    labels: Sequence[str],
    columns: Mapping[str, str],
    prefix: str,
    what: str,
) -> list[Row]:
    """Rows in normal form. `rows` yields (where, raw row); `columns` maps our columns to theirs; `what` is the source.

    A row without an id gets `<prefix>-<row number>`, the same in all languages of a parallel set.
    Raises DataError, naming the place, for a missing column, a label out of range, an answer that is not in its
    context, a duplicate id, or no rows at all.
    """
    normal: list[Row] = []
    seen: dict[str, str] = {}
    # The columns of a test set with both sides in one file.
    pairs = list(columns) if any(name.startswith(NOISY) for name in columns) else []
    unpaired = 0
    for number, (where, raw) in enumerate(rows):
        row = _renamed(raw, columns, where)
        if pairs and any(row[name] is None for name in pairs):
            unpaired += 1  # one side of the pair is missing
            continue
        identifier = f"{prefix}-{number}" if row.get("id") is None else str(key(row, "id", where))
        if identifier in seen:
            raise DataError(f"{where}: id {identifier!r} was already used at {seen[identifier]}; ids must be unique")
        seen[identifier] = where
        checked = _checked(row, family, labels, columns, where)
        example = {"id": identifier, **checked, **noisy_side(checked, row, where)}
        try:
            check_text(example)  # rows of the hub have not been checked before
        except ValueError as error:
            raise DataError(f"{where}: {error}") from None
        normal.append(example)
    if unpaired:
        log.info("%s: dropped %d rows with only one side, %d pairs remain", what, unpaired, len(normal))
    if not normal:
        raise DataError(f"{what}: no examples; it is empty")
    if family == "ranking" and "query" in normal[0] and prefix == "test" and numbered([row["id"] for row in normal]):
        log.warning("%s: no column 'id', which official files refer to: mode=export will skip this test set", what)
    return normal


def _renamed(raw: Mapping[str, Any], columns: Mapping[str, str], where: str) -> Row:
    """The row with our columns beside its own. `a.b` is b in the column a, unless there is a column of that name."""
    row = dict(raw)
    for ours, theirs in columns.items():
        outer, _, inner = theirs.partition(".")
        if theirs in raw:
            row[ours] = raw[theirs]
        elif inner and isinstance(raw.get(outer), Mapping) and inner in raw[outer]:
            row[ours] = raw[outer][inner]
        else:
            raise DataError(f"{where}: no column {theirs!r} (for {ours!r}); the row has {', '.join(map(str, raw))}")
    return row


def _checked(row: Row, family: str, labels: Sequence[str], columns: Mapping[str, str], where: str) -> Row:
    """The row's content in normal form. Errors name a column as the file does, too."""
    try:
        return tasks.family(family).check(row, labels, where)
    except DataError as error:
        names = [f" ({ours!r} is {theirs!r} there)" for ours, theirs in columns.items() if repr(ours) in str(error)]
        raise DataError(f"{error}{''.join(names)}") from None


def numbered(identifiers: Sequence[str]) -> bool:
    """Whether the rows of a test set have numbers as ids, because the data had none."""
    return all(map(NUMBERED.fullmatch, identifiers))


def comparable(family: str, other: str) -> bool:
    """Whether examples of these two families can overlap."""
    return family == other or (bool(tasks.family(family).paragraphs and tasks.family(other).paragraphs))


def shared(example: Mapping[str, Any], family: str, other: str) -> list[str]:
    """The texts that an example of `family` must not share with one of `other`: its identity within one family, whole
    paragraphs between two families. Empty for an example that cannot leak."""
    if family == other:
        texts = [tasks.family(family).identify(example)]
    else:
        texts = [str(example[column]) for column in tasks.family(family).paragraphs if example.get(column) is not None]
    return [text for text in texts if text]
