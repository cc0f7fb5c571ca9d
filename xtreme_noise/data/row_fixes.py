"""What is put right in the rows of a source before they are checked: known defects, stated in a task's YAML."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from xtreme_noise import tasks
from xtreme_noise.config.splits import JoinConfig, RepairConfig, SplitConfig
from xtreme_noise.data.matching import by_key, key
from xtreme_noise.errors import DataError

log = logging.getLogger(__name__)
Rows = Iterable[tuple[str, Mapping[str, Any]]]


def corrected(rows: Rows, split: SplitConfig, prefix: str, what: str) -> Rows:
    """`rows` with the split's `values` put in and without those of its `drop`, counted in the log.

    Raises DataError for a value that `values` does not name."""
    if split.values:
        rows = _named(rows, split)
    if split.drop:
        rows = _kept(rows, split, prefix, what)
    return rows


def repaired(rows: Rows, right: Rows, repair: RepairConfig, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """`rows` with the columns of `repair` as they are in the row of `right` with the same value of `repair.by`.

    How many rows that changed is in the log. Raises DataError for a row without its like in `right`."""
    known = by_key(right, repair.by, repair.columns)
    total = changed = 0
    for where, raw in rows:
        found = _like(known, raw, repair, where)
        total += 1
        changed += any(raw.get(column) != value for column, value in found.items())
        yield where, {**raw, **found}
    log.warning("%s: %d of %d rows repaired by %s", what, changed, total, repair.path)


def joined(rows: Rows, other: Rows, join: JoinConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """`rows` with the columns of `join`, from the row of `other` with the same value of `join.by`.

    Raises DataError for a row without its like in `other`, or when a column is not there."""
    known = by_key(other, join.by, join.columns)
    for where, raw in rows:
        yield where, {**raw, **_like(known, raw, join, where)}


def _like(
    known: Mapping[Any, dict[str, Any]], raw: Mapping[str, Any], other: RepairConfig | JoinConfig, where: str
) -> dict[str, Any]:
    name = key(raw, other.by, where)
    if name not in known:
        raise DataError(f"{where}: no row of {other.path} has {other.by} {name!r:.80}")
    return known[name]


def _named(rows: Rows, split: SplitConfig) -> Iterator[tuple[str, Mapping[str, Any]]]:
    meanings = {split.columns.get(ours, ours): names for ours, names in split.values.items()}
    for where, raw in rows:
        row = dict(raw)
        for column, names in meanings.items():
            if isinstance(found := row.get(column), list):  # of tags: those that are not named stay
                row[column] = [names.get(str(tag), tag) for tag in found]
                continue
            value = str(found).strip()
            if value not in names:
                raise DataError(f"{where}: column {column!r} is {value!r}, wanted one of {', '.join(names)}")
            row[column] = names[value]
        yield where, row


def _kept(rows: Rows, split: SplitConfig, prefix: str, what: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows without a text that stands for a missing one. Rows without an id are numbered before any is dropped: the
    same number stays the same item in every language."""
    gone = kept = 0
    for number, (where, raw) in enumerate(rows):
        row = dict(raw)
        if any(isinstance(value, str | int) and str(value).strip() in split.drop for value in row.values()):
            gone += 1
            continue
        if row.get("id") is None:
            row["id"] = f"{prefix}-{number}"
        kept += 1
        yield where, row
    if gone:
        log.warning("%s: %d rows whose text is %s are dropped, %d stay", what, gone, " or ".join(split.drop), kept)


def cut(rows: list[dict[str, Any]], bounds: Sequence[float], family: str, what: str) -> list[dict[str, Any]]:
    """The examples whose hash, a number from 0 to below 1, is within `bounds`: low, and high which is not in it.

    Examples that count as the same (QA: questions of one context) are on the same side, so that two cuts of one file
    share nothing. Raises DataError when no example is left.
    """
    low, high = bounds
    found = [row for row in rows if low <= _place(tasks.family(family).identify(row)) < high]
    if not found:
        raise DataError(f"{what}: none of {len(rows)} examples is in the cut from {low:g} to {high:g}")
    return found


def _place(text: str) -> float:
    return int.from_bytes(hashlib.blake2b(f"cut|{text}".encode(), digest_size=8).digest(), "little") / 2**64
