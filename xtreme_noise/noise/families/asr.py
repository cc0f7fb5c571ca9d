"""Text as speech recognisers write it: lower case, no punctuation, numbers in words, homophones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import regex

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise.casing import lower, lowered
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily, Table
from xtreme_noise.noise.homophones import homophones, spans
from xtreme_noise.noise.spellout import LIMIT, has_number_words, number_words
from xtreme_noise.noise.text import graphemes
from xtreme_noise.noise.wordwise import LONGEST, run

_CAPITAL, _MARK, _NUMBER, _WORD, _OTHER_WORD = 1, 2, 4, 8, 16  # bits of kinds; words in a row take turns
_ALONE = 32  # marks with no letter beside them, and the space before them
_WORDS = _WORD | _OTHER_WORD
_PUNCTUATION = regex.compile(r"(?V1)[\p{P}--[%&#@*/\\_\-‐‑‧·・〜～]]")  # what is not said as a word
_SAID = regex.compile(r"[\p{L}\p{N}\p{M}]")
_DIGITS = regex.compile(rb"\x04+")


@dataclass(frozen=True)
class AsrParameters:
    """numbers: digits become words; homophones: words become homophones."""

    numbers: bool = True
    homophones: bool = True


class _Heard(Table):
    """The parts of a text that a speech recogniser loses or changes."""

    def __init__(self, code: str, parameters: AsrParameters) -> None:
        super().__init__()
        row = language_row(code)
        self.code, self.spaces = code, row.spaces
        self.numbers = parameters.numbers and has_number_words(code)
        self.homophones = homophones(code) if parameters.homophones else {}

    def classify(self, grapheme: str) -> int:
        if _PUNCTUATION.fullmatch(grapheme):
            return _MARK
        if self.numbers and grapheme.isdecimal():
            return _NUMBER
        return _CAPITAL if lower(grapheme, self.code) != grapheme else 0

    def number(self, units: Sequence[str]) -> tuple[str, ...]:
        value = int("".join(units))
        return tuple(graphemes(number_words(value, self.code, len(units) == 4 and 1100 <= value < 2000)))

    def kinds(self, text: str, units: Sequence[str]) -> Sequence[int]:
        kinds = bytearray(super().kinds(text, units))
        if _MARK in kinds:
            _keep_inner_marks(kinds, units)
        if _NUMBER in kinds:
            for run in _DIGITS.finditer(bytes(kinds)):
                if not _whole_number(units, *run.span()):
                    kinds[run.start() : run.end()] = bytes(run.end() - run.start())
        if self.homophones:
            kind = _WORD
            for start, end in spans(units, self.code):
                if "".join(units[start:end]).lower() in self.homophones:
                    for at in range(start, end):
                        kinds[at] |= kind
                    kind = _WORDS - kind
        return kinds


def _keep_inner_marks(kinds: bytearray, units: Sequence[str]) -> None:
    """Marks inside words and numbers (don't, 3.5, U.S) stay; a token of nothing but marks goes with its space."""
    start, heard = 0, False
    for at, unit in enumerate((*units, " ")):
        if unit.isspace():
            if not heard and start < at:
                apart = start > 0 and units[start - 1] == " " and at - start < LONGEST  # a longer row is a drawing
                gone = apart and 0 not in kinds[start:at]
                kinds[start - gone : at] = bytes((_ALONE * gone,)) * (at - start + gone)
            start, heard = at + 1, False
        elif _SAID.match(unit):
            heard = True
        elif unit in ".,:'’ʼ׳״" and _inner(at, units):
            kinds[at] = 0


def _inner(at: int, units: Sequence[str]) -> bool:
    return 0 < at < len(units) - 1 and bool(_SAID.match(units[at - 1]) and _SAID.match(units[at + 1]))


def _whole_number(units: Sequence[str], start: int, end: int) -> bool:
    """Whether it is a whole number: not part of 3.5, 1,000, 2:1, A4 or 007, and not too large."""
    before, after = "".join(units[max(0, start - 2) : start]), "".join(units[end : end + 2])
    if re.search(r"(\d\D|[A-Za-z_@#/.+-])$", before) or re.match(r"\D\d|[A-Za-z_@%/-]", after):
        return False
    if end - start == 1:
        return True
    # As text first: Python refuses to read numbers of thousands of digits.
    return end - start <= len(str(LIMIT)) and int("".join(units[start:end])) < LIMIT and int(units[start]) > 0


class Family(EngineFamily):
    """Runs of capitals become lower case, punctuation disappears, whole numbers become words (in counting form, not
    inflected), and words become homophones (en, ja, zh). Numbers in words contain spaces; so in tagging, where the
    number of tokens must not change, numbers keep their digits.
    """

    family = "asr"
    version = 2
    Parameters = AsrParameters

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Heard:
        return _Heard(language, self.parameters)

    @cached_property
    def for_tokens(self) -> EngineFamily:
        return Family(replace(self.parameters, numbers=False)) if self.parameters.numbers else self

    def propose(self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Heard) -> Change | None:
        kind = kinds[site]
        if kind & _MARK:
            return site, site + 1, (), 1
        if kind == _ALONE:
            start, end = run(site, kinds, _ALONE)
            return (start, end, (), end - start) if units[start] == " " else None  # a token of marks stays
        if kind & _NUMBER:
            start, end = run(site, kinds, _NUMBER)
            if not _whole_number(units, start, end):
                return None  # the rest is protected
            new = table.number(units[start:end])
            return start, end, new, max(end - start, len(new))
        if kind & _WORDS and not (kind & _CAPITAL and word & 1):
            start, end = run(site, kinds, kind & _WORDS)
            old = "".join(units[start:end])
            others = table.homophones.get(old.lower())
            if not others:
                return None
            new = tuple(others[(word >> 1) * len(others) >> 31])
            if old[0].isupper():
                new = (new[0].upper(), *new[1:])
            return start, end, new, max(end - start, len(new))
        if not kind & _CAPITAL:
            return None
        start, end = run(site, kinds, _CAPITAL)
        return start, end, lowered(units, start, end, table.code), end - start
