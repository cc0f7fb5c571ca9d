"""Readings of Chinese and Japanese words: readings.zh.tsv and readings.ja.tsv (see compile_readings.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Readings:
    """words: reading -> its words, most frequent first; reading: word -> its reading (toneless pinyin with spaces
    between syllables; hiragana); lengths: first character -> lengths of its words, longest first.
    """

    words: dict[str, tuple[str, ...]]
    reading: dict[str, str]
    lengths: dict[str, tuple[int, ...]]

    def spans(self, units: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Known words from left to right, the longest match at every position."""
        text = units if isinstance(units, str) else None
        at, size = 0, len(units)
        lengths, known = self.lengths, self.reading
        while at < size:
            for length in lengths.get(units[at], ()):
                word = text[at : at + length] if text else "".join(units[at : at + length])
                if word in known and at + length <= size:
                    yield at, at + length
                    at += length
                    break
            else:
                at += 1


@cache
def readings(code: str) -> Readings:
    """The readings of "zh" or "ja"."""
    text = files("xtreme_noise.noise").joinpath(f"readings.{code}.tsv").read_text(encoding="utf-8")
    words, reading = {}, {}
    for line in text.splitlines():
        sound, _, written = line.partition("\t")
        words[sound] = tuple(written.split())
        reading.update(dict.fromkeys(words[sound], sound))
    lengths: dict[str, set[int]] = defaultdict(set)
    for word in reading:
        lengths[word[0]].add(len(word))
    return Readings(words, reading, {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()})
