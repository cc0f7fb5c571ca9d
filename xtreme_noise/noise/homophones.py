"""Homophones, which speech recognisers confuse: English from homophones.en.tsv (see compile_homophones.py), Chinese and
Japanese from readings.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import regex

from xtreme_noise.noise.readings import readings

_MOST = 4  # homophones per word, the most frequent ones
_LETTER = regex.compile("[a-z]", regex.IGNORECASE)


@cache
def homophones(code: str) -> dict[str, tuple[str, ...]]:
    """Word -> its homophones, most frequent first; empty for a language without a table. Chinese: words of several
    characters, by toneless pinyin.
    """
    if code == "en":
        text = files("xtreme_noise.noise").joinpath("homophones.en.tsv").read_text(encoding="utf-8")
        groups = [tuple(line.split("\t")) for line in text.splitlines()]
    elif code in {"ja", "zh"}:
        groups = [tuple(word for word in words if len(word) > 1) for words in readings(code).words.values()]
    else:
        return {}
    return {word: others for group in groups for word in group if (others := _others(word, group))}


def _others(word: str, group: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(other for other in group if other != word)[:_MOST]


def spans(units: Sequence[str], code: str) -> list[tuple[int, int]]:
    """Spans of words that may have homophones."""
    if code != "en":
        return list(readings(code).spans(units))
    runs, start = [], 0
    for at in range(len(units) + 1):
        if at < len(units) and _LETTER.fullmatch(units[at]):
            continue
        if start < at and not {units[start - 1] if start else "", *units[at : at + 1]} & {"'", "’", "-"}:
            runs.append((start, at))
        start = at + 1
    return runs
