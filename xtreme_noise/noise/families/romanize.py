"""Romanization: words, or whole texts, typed in Latin letters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise import segment
from xtreme_noise.noise.changes import Change, applied
from xtreme_noise.noise.latin import romanizer
from xtreme_noise.noise.readings import readings
from xtreme_noise.noise.stream import block, unit
from xtreme_noise.noise.text import Clusters
from xtreme_noise.noise.wordwise import Form, WordFamily, WordTable

_STARTS = regex.compile(r"(?V1)[\p{L}\p{M}--\p{Script=Latin}]")
_KANA = dict.fromkeys(map(chr, range(ord("ぁ"), ord("ゖ") + 1)), 1)
_KANA |= dict.fromkeys([*map(chr, range(ord("ァ"), ord("ヴ") + 1)), "ー"], 2)
_RUN = re.compile(b"\1+|\2+")


@dataclass(frozen=True)
class RomanizeParameters:
    """unit: "word": single words; "text": a text is romanized completely or not at all, so that at level .1 about one
    text in ten is romanized.
    """

    unit: str = "word"


class _Words(WordTable):
    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
        self.script = language_row(code).script
        self.spaces = language_row(code).spaces
        self.romanize = romanizer(code)

    def classify(self, grapheme: str) -> int:
        return 1 if _STARTS.match(grapheme) else 0

    def spans(self, units: Sequence[str]) -> Iterable[tuple[int, int]]:
        if self.script in {"Hans", "Jpan"}:
            words = list(readings(self.code).spans(units))
            return sorted([*words, *_kana(units, words)]) if self.script == "Jpan" else words
        return super().spans(units) if self.spaces else segment.grapheme_words(units, self.code)

    def noisy(self, word: Form) -> Sequence[Form]:
        latin = self.romanize("".join(word))
        return (tuple(latin),) if latin else ()


def _kana(units: Sequence[str], words: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Runs of hiragana, or of katakana, between the words that have kanji."""
    kinds = bytes([_KANA.get(unit, 0) for unit in units])
    borders = [0, *(border for word in words for border in word), len(units)]
    return [
        run.span()
        for start, end in zip(borders[::2], borders[1::2], strict=True)
        for run in _RUN.finditer(kinds, start, end)
    ]


class Family(WordFamily):
    """A word becomes what people type for it without their script (привет -> privet); Latin text stays."""

    family = "romanize"
    version = 2
    keeps_script = False
    Parameters = RomanizeParameters

    def __init__(self, parameters: RomanizeParameters) -> None:
        super().__init__(parameters)
        if parameters.unit not in {"word", "text"}:
            raise ConfigError(f"noise.families.romanize.unit must be word or text, not {parameters.unit!r}")
        self.keeps_tokens = parameters.unit == "word"

    @property
    def signature(self) -> str:
        return f"{super().signature}+icu{segment.version()}"

    def supports(self, language: str) -> bool:
        return language_row(language).script != "Latn"

    def table(self, language: str) -> _Words:
        return _Words(language)

    def _noise(
        self, clusters: Clusters, kinds: Sequence[int], size: int, level: float, key: bytes, table: Any, lone: bool
    ) -> tuple[list[Change], str, int]:
        if self.parameters.unit == "word":
            return super()._noise(
                clusters=clusters, kinds=kinds, size=size, level=level, key=key, table=table, lone=lone
            )
        changes = _everything(clusters.asked, kinds, table)
        noisy, cost = applied(clusters.written, changes, size)
        if unit(block(key, 0)[0]) * cost < level * size:  # with a probability that makes the mean equal to the level
            return changes, noisy, cost
        return [], "", 0


def _everything(units: Sequence[str], kinds: Sequence[int], table: _Words) -> list[Change]:
    """Every word romanized, with spaces between words where the script has none."""
    changes: list[Change] = []
    start = 0
    for end in range(1, len(kinds) + 1):
        if end < len(kinds) and kinds[end] == kinds[start]:
            continue
        if kinds[start]:
            (new,) = table.forms(tuple(units[start:end])) or ((),)
            beside = not table.spaces and changes and changes[-1][1] == start
            if new:
                changes.append((start, end, (" ", *new) if beside else new, end - start + len(new)))
        start = end
    return changes
