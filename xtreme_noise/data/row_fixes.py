"""Fixes of known defects in a source's rows, as stated in a task's YAML, applied before the rows are checked."""

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
    """`rows` with the split's `values` replaced and its `drop` rows removed, with the number in the log.

    Raises DataError for a value that `values` does not list."""
    if split.values:
        rows = _named(rows, split)
    if split.drop:
        rows = _kept(rows, split, prefix, what)
    return rows


def repaired(rows: Rows, right: Rows, repair: RepairConfig, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """`rows` with the columns of `repair` taken from the row of `right` that has the same value of `repair.by`.

    Logs how many rows changed. Raises DataError for a row without a match in `right`."""
    known = by_key(right, repair.by, repair.columns)
    total = changed = 0
    for where, raw in rows:
        repaired_columns = _match(known, raw, repair, where)
        total += 1
        changed += any(raw.get(column) != value for column, value in repaired_columns.items())
        yield where, {**raw, **repaired_columns}
    log.warning("%s: %d of %d rows repaired from %s", what, changed, total, repair.path)


def joined(rows: Rows, other: Rows, join: JoinConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """`rows` with the columns of `join` added from the row of `other` that has the same value of `join.by`.

    Raises DataError for a row without a match in `other`, or when a column is missing."""
    known = by_key(other, join.by, join.columns)
    for where, raw in rows:
        yield where, {**raw, **_match(known, raw, join, where)}


def _match(
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
            if isinstance(content := row.get(column), list):  # tags: those that are not listed stay
                row[column] = [names.get(str(tag), tag) for tag in content]
                continue
            value = str(content).strip()
            if value not in names:
                raise DataError(f"{where}: column {column!r} is {value!r}, expected one of {', '.join(names)}")
            row[column] = names[value]
        yield where, row


def _kept(rows: Rows, split: SplitConfig, prefix: str, what: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Drops rows with a text that stands for a missing one. Rows without an id get their number first, so that a number
    is the same item in every language."""
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
        log.warning("%s: dropped %d rows whose text is %s, %d remain", what, gone, " or ".join(split.drop), kept)


def cut(rows: list[dict[str, Any]], bounds: Sequence[float], family: str, what: str) -> list[dict[str, Any]]:
    """The examples whose hash, in [0, 1), is in the half-open interval `bounds`.

    Examples with the same identity (QA: questions of one context) stay together, so that two cuts of one file are
    disjoint. Raises DataError when no example is left.
    """
    low, high = bounds
    kept = [row for row in rows if low <= _fraction(tasks.family(family).identify(row)) < high]
    if not kept:
        raise DataError(f"{what}: none of {len(rows)} examples is in the cut from {low:g} to {high:g}")
    return kept


def _fraction(text: str) -> float:
    """A hash of `text` as a number in [0, 1)."""
    return int.from_bytes(hashlib.blake2b(f"cut|{text}".encode(), digest_size=8).digest(), "little") / 2**64
