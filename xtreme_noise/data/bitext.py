"""Two corpora in which some sentences are translations of each other: the rows of bitext mining.

From files: a table of each side, and one of the pairs of ids. From mteb/BUCC: one row with a list of each side and a
list of pairs of places, counted from 1.
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
    """`rows` with the ids of their translations as `relevant`: none for most. identifier: the column of their ids.

    Raises DataError for a pair that is there twice, or of a sentence that is not there.
    """
    right: dict[str, list[str]] = defaultdict(list)
    for where, pair in pairs:
        for column in (gold.query, gold.candidate):
            if not isinstance(pair.get(column), str):
                raise DataError(f"{where}: column {column!r} is {pair.get(column)!r}, wanted the id of a sentence")
        if pair[gold.candidate] in right[pair[gold.query]]:
            raise DataError(f"{where}: the pair of {pair[gold.query]!r} and {pair[gold.candidate]!r} is there twice")
        right[pair[gold.query]].append(pair[gold.candidate])
    for where, raw in rows:
        yield where, {**raw, "relevant": right.pop(str(raw.get(identifier)), [])}
    if right:
        raise DataError(f"{gold.path} pairs {next(iter(right))!r}, an id that no sentence has ({len(right)} such)")


def bitext_queries(rows: Rows, language: str) -> Made:
    """The sentences of the first side, with the ids of their translations."""
    ours = theirs = 0
    for where, raw in rows:
        sentences, others = _side(raw, "sentence1", where), _side(raw, "sentence2", where)
        right: dict[int, list[str]] = defaultdict(list)
        for query, candidate in _pairs(raw.get("gold") or [], where):
            if not (1 <= query <= len(sentences) and 1 <= candidate <= len(others)):
                raise DataError(f"{where}: gold pair {query}, {candidate} is out of range: places count from 1")
            right[query].append(_name(ENGLISH, theirs + candidate))
        for place, sentence in enumerate(sentences, 1):
            yield where, {"id": _name(language, ours + place), "query": sentence, "relevant": right[place]}
        ours, theirs = ours + len(sentences), theirs + len(others)


def bitext_candidates(rows: Rows, language: str) -> Made:
    """The sentences of the second side."""
    del language
    before = 0
    for where, raw in rows:
        sentences = _side(raw, "sentence2", where)
        for place, sentence in enumerate(sentences, 1):
            yield where, {"id": _name(ENGLISH, before + place), "text": sentence}
        before += len(sentences)


def _pairs(gold: Any, where: str) -> list[tuple[int, int]]:
    if not isinstance(gold, list) or not all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(type(place) is int for place in pair) for pair in gold
    ):
        raise DataError(f"{where}: column 'gold' is {gold!r:.80}, wanted a list of pairs of places")
    return [(query, candidate) for query, candidate in gold]


def _side(raw: Mapping[str, Any], column: str, where: str) -> list[str]:
    found = raw.get(column)
    if not isinstance(found, list):
        raise DataError(f"{where}: column {column!r} is no list of sentences; it has {', '.join(map(str, raw))}")
    return found


def _name(language: str, place: int) -> str:
    """As BUCC names its sentences: by language and line."""
    return f"{language}-{place:09d}"
