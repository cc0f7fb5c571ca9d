"""Input method errors: a homophone chosen (Chinese, Japanese), kana not converted, jamo in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from xtreme_noise.noise import hangul
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import Table
from xtreme_noise.noise.readings import Readings, readings
from xtreme_noise.noise.text import distance
from xtreme_noise.noise.wordwise import Form, WordFamily, WordTable

_CANDIDATES = 8  # of the same sound that are offered: what the first page of an input method shows
_LARGE = dict(zip("ぁぃぅぇぉっゃゅょァィゥェォッャュョ", "あいうえおつやゆよアイウエオツヤユヨ", strict=True))
_VOWEL_OF_N = dict(zip("なにぬねの", "あいうえお", strict=True))


@dataclass(frozen=True)
class ImeParameters:
    """No parameters."""


class _Words(WordTable):
    """Words of one sound, and how characters of one sound stand in for each other in words without such a word."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.readings: Readings = readings(code)

    def spans(self, units: Sequence[str]) -> Iterator[tuple[int, int]]:
        return self.readings.spans(units)

    def noisy(self, word: Form) -> Sequence[Form]:
        text = "".join(word)
        sound = self.readings.reading.get(text)
        if sound is None:
            return ()
        same = [tuple(other) for other in self.readings.words[sound] if other != text][:_CANDIDATES]
        if same or len(word) == 1:
            return same
        syllables = sound.split(" ")
        return [
            (*word[:at], other, *word[at + 1 :])
            for rank in (0, 1)
            for at, syllable in enumerate(syllables)
            if rank < len(others := [c for c in self.readings.words.get(syllable, ()) if c != word[at] and len(c) == 1])
            for other in others[rank : rank + 1]
        ]


class _Japanese(_Words):
    """Beside words: katakana words, small kana, and ん before な to の (konna typed as kon'a)."""

    def spans(self, units: Sequence[str]) -> Iterator[tuple[int, int]]:
        done = 0
        for start, end in (*super().spans(units), (len(units), len(units))):
            yield from self._kana(units, done, start)
            if start < end:
                yield start, end
            done = end

    def _kana(self, units: Sequence[str], at: int, stop: int) -> Iterator[tuple[int, int]]:
        while at < stop:
            end = at + 1
            if "ァ" <= units[at] <= "ー":
                while end < stop and "ァ" <= units[end] <= "ー":
                    end += 1
                yield at, end
            elif units[at] == "ん" and end < stop and units[end] in _VOWEL_OF_N:
                end += 1
                yield at, end
            elif units[at] in _LARGE:
                yield at, end
            at = end

    def noisy(self, word: Form) -> Sequence[Form]:
        if word[0] == "ん":
            return [("ん", _VOWEL_OF_N[word[1]])] if len(word) > 1 else ()
        if "ァ" <= word[0] <= "ー":
            sizes = [(*word[:i], _LARGE[kana], *word[i + 1 :]) for i, kana in enumerate(word) if kana in _LARGE]
            return [*sizes, tuple(map(_hiragana, word))] if len(word) > 1 else sizes
        if word[0] in _LARGE:
            return [(_LARGE[word[0]],)]
        sound = self.readings.reading.get("".join(word))
        if sound is None:
            return ()
        same = [tuple(other) for other in self.readings.words[sound] if other != "".join(word)][:_CANDIDATES]
        return [*same[:2], tuple(sound), *same[2:]]


def _hiragana(kana: str) -> str:
    return chr(ord(kana) - 0x60) if "ァ" <= kana <= "ヴ" else kana


class _Syllables(Table):
    def classify(self, grapheme: str) -> int:
        return int(hangul.is_syllable(grapheme))


class Family(WordFamily):
    """zh: a word of the same toneless pinyin, else one character of it by another; ja: a word of the same reading, the
    reading itself (not converted), a katakana word in hiragana, a small kana large, んな as んあ; ko: two keystrokes
    in the wrong order, or the ㅇ between a final and its vowel not typed, so that the final moves (먹어 -> 머거).
    """

    family = "ime"
    version = 2
    Parameters = ImeParameters

    def supports(self, language: str) -> bool:
        return language in {"ja", "ko", "zh"}

    def table(self, language: str) -> Table:
        return {"ja": _Japanese, "zh": _Words}[language](language) if language != "ko" else _Syllables()

    def propose(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: Any) -> Change | None:
        if isinstance(table, _Syllables):
            return _jamo(word, site, units, kinds)
        return super().propose(word, site, units, kinds, table)

    def choose(self, word: int, forms: Sequence[Form]) -> int:
        """Candidate r with weight 1 / r: words follow Zipf's law."""
        place = word * _TOTALS[min(len(forms), len(_TOTALS) - 1)] >> 24
        return next(rank for rank, total in enumerate(_TOTALS[1:]) if place < total)


_TOTALS = (0, *accumulate(5040 // rank for rank in range(1, 16)))


def _jamo(word: int, site: int, units: Sequence[str], kinds: Sequence[int]) -> Change | None:
    end = site + 1
    keys = hangul.strokes(units[site])
    if end < len(units) and kinds[end]:
        following = hangul.strokes(units[end])
        if following[0] == "ㅇ" and len(keys) > 2 and keys[-1] != "ㅇ" and keys[-1] not in hangul.VOWELS and word & 1:
            following = following[1:]  # the final consonant becomes the initial of the next syllable
            return _typed(keys + following, site, end + 1, units)
        keys = keys + following
        end += 1
    at = (word >> 1) % (len(keys) - 1)
    keys[at], keys[at + 1] = keys[at + 1], keys[at]
    return _typed(keys, site, end, units)


def _typed(keys: list[str], start: int, end: int, units: Sequence[str]) -> Change | None:
    new = tuple(hangul.compose(keys))
    old = tuple(units[start:end])
    return (start, end, new, distance(old, new)) if new != old else None
