"""Rows of bitext mining: two corpora, in which some sentences are translations of each other.

From files: one table for each side, and one of the gold pairs of ids. From mteb/BUCC: one row with a list of sentences
for each side, and the gold pairs as positions, counted from 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xtreme_noise.config.splits import GoldConfig
from xtreme_noise.errors import DataError

Rows = Iterable[tuple[str, Mapping[str, Any]]]
Made = Iterator[tuple[str, dict[str, Any]]]
ENGLISH = "en"  # the other side of every pair of mteb/BUCC


def with_gold(rows: Rows, pairs: Rows, gold: GoldConfig, identifier: str) -> Made:
    """Adds the ids of a row's translations as `relevant`; most rows have none. identifier: the column with row ids.

    Raises DataError for a pair that occurs twice, or whose sentence does not exist.
    """
    right: dict[str, list[str]] = defaultdict(list)
    for where, pair in pairs:
        for column in (gold.query, gold.candidate):
            if not isinstance(pair.get(column), str):
                raise DataError(f"{where}: column {column!r} is {pair.get(column)!r}, expected the id of a sentence")
        if pair[gold.candidate] in right[pair[gold.query]]:
            raise DataError(f"{where}: the pair of {pair[gold.query]!r} and {pair[gold.candidate]!r} occurs twice")
        right[pair[gold.query]].append(pair[gold.candidate])
    for where, raw in rows:
        yield where, {**raw, "relevant": right.pop(str(raw.get(identifier)), [])}
    if right:
        raise DataError(f"{gold.path}: no sentence has the id {next(iter(right))!r} ({len(right)} unknown ids)")


def bitext_queries(rows: Rows, language: str) -> Made:
    """The sentences of the first side, with the ids of their translations."""
    ours = theirs = 0
    for where, raw in rows:
        sentences, others = _side(raw, "sentence1", where), _side(raw, "sentence2", where)
        right: dict[int, list[str]] = defaultdict(list)
        for query, candidate in _pairs(raw.get("gold") or [], where):
            if not (1 <= query <= len(sentences) and 1 <= candidate <= len(others)):
                raise DataError(f"{where}: gold pair {query}, {candidate} is out of range: positions count from 1")
            right[query].append(_name(ENGLISH, theirs + candidate))
        for position, sentence in enumerate(sentences, 1):
            yield where, {"id": _name(language, ours + position), "query": sentence, "relevant": right[position]}
        ours, theirs = ours + len(sentences), theirs + len(others)


def bitext_candidates(rows: Rows, language: str) -> Made:
    """The sentences of the second side."""
    del language
    before = 0
    for where, raw in rows:
        sentences = _side(raw, "sentence2", where)
        for position, sentence in enumerate(sentences, 1):
            yield where, {"id": _name(ENGLISH, before + position), "text": sentence}
        before += len(sentences)


def _pairs(gold: Any, where: str) -> list[tuple[int, int]]:
    if not isinstance(gold, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(type(number) is int for number in pair)
        for pair in gold
    ):
        raise DataError(f"{where}: column 'gold' is {gold!r:.80}, expected a list of pairs of positions")
    return [(query, candidate) for query, candidate in gold]


def _side(raw: Mapping[str, Any], column: str, where: str) -> list[str]:
    sentences = raw.get(column)
    if not isinstance(sentences, list):
        raise DataError(
            f"{where}: column {column!r} is not a list of sentences; the row has {', '.join(map(str, raw))}"
        )
    return sentences


def _name(language: str, position: int) -> str:
    """The id of a sentence as in BUCC: language and line number."""
    return f"{language}-{position:09d}"
