"""Marks on letters, by language: which get lost, and which are confused.

Sources: the languages' orthographies. A mark is listed if people omit or confuse it: not the breve of й, which makes
another letter, and not the hamza on an Arabic letter, which belongs to the family `orthographic`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, cached_property

import regex

from xtreme_noise.languages import language
from xtreme_noise.noise.alphabets import alphabet
from xtreme_noise.noise.text import graphemes, nfc

# Script -> marks that get lost, in decomposed text (a regular expression). Indic: nukta, candrabindu, anusvara (in
# Gurmukhi bindi, tippi, addak), visarga; not the nukta of য়, which makes another sound that no one leaves out. Burmese
# visarga is a cluster of its own, so no mark here.
_LOST = {
    "Latn": r"[\u0300-\u036f]",
    "Grek": r"[\u0300-\u036f]",
    "Cyrl": r"[\u0300\u0301\u0308]",
    "Arab": r"[\u064b-\u0652\u0656-\u065f\u0670]",
    "Hebr": r"[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]",
    "Deva": r"[\u0901-\u0903\u093c]",
    "Beng": r"[\u0981\u0983]|(?<!য)\u09bc",
    "Gujr": r"[\u0a81-\u0a83\u0abc]",
    "Guru": r"[\u0a01\u0a02\u0a3c\u0a70\u0a71]",
    "Thai": r"[\u0e47-\u0e4c]",
    "Mymr": r"\u1037",
    "Jpan": r"[\u3099\u309a]",
}
_UNMARKED = {"sr"}  # languages of these scripts that write no such mark
# Script or language -> letters that hold their mark, each with what is left without it.
_ATTACHED = {
    "Latn": "đd łl øo ŋn ħh ðd əe",
    "tr": "ıi",
    "az": "ıi",
    "kk": "әа ғг қк ңн өо ұу үу һх",
    "mn": "өо үу",
    "uk": "ґг",
    "hi": "ऑआ ॉा",
    "mr": "ऑआ ॉा ॲअ",
    "Gujr": "ઑઆ ૉા",
}
_TONES, _QUALITIES = "\u0300\u0301\u0303\u0309\u0323", "\u0302\u0306\u031b"
# Script or language -> marks that are mistaken for one another. Latin languages without an entry: all marks of theirs.
_CONFUSED = {
    "vi": (_TONES, _QUALITIES),
    "yo": ("\u0300\u0301",),
    "Grek": ("\u0301\u0308",),
    "Arab": ("\u064e\u064f\u0650\u0652", "\u064b\u064c\u064d"),
    "Hebr": ("\u05b7\u05b8", "\u05b5\u05b6", "\u05c1\u05c2"),
    "Deva": ("\u0901\u0902",),
    "Gujr": ("\u0a81\u0a82",),
    "Guru": ("\u0a02\u0a70",),
    "Thai": ("\u0e48\u0e49", "\u0e4a\u0e4b"),
    "Jpan": ("\u3099\u309a",),
}
# Marked letters that the alphabets (which noise draws from) do not list.
_FURTHER = {
    "vi": [base + tone for base in "aăâeêioôơuưy" for tone in _TONES],
    "yo": [base + tone for base in ("e", "ẹ", "o", "ọ", "a", "i", "u", "n", "m") for tone in "\u0300\u0301"],
}


class Marks:
    """The marks of one language. `lost` and `mistaken` give the other forms of a grapheme, in NFC."""

    def __init__(self, code: str) -> None:
        script = language(code).script
        self.latin = script == "Latn"
        self._lost = regex.compile(_LOST[script]) if script in _LOST and code not in _UNMARKED else None
        pairs = f"{_ATTACHED.get(script, '')} {_ATTACHED.get(code, '')}".split()
        pairs += [pair.upper() for pair in pairs if len(set(pair.upper())) == 2]
        self._attached = {ord(pair[0]): pair[1] for pair in pairs}
        self._letters = [*alphabet(code), *map(nfc, _FURTHER.get(code, ()))]
        self._confused = _CONFUSED.get(code, _CONFUSED.get(script))

    @cached_property
    def any(self) -> bool:
        """Whether the language uses such marks."""
        return self._lost is not None and (not self.latin or any(map(self.lost, self._letters)))

    @cached_property
    def _inventory(self) -> frozenset[str]:
        return frozenset(self._letters)

    @cached_property
    def _groups(self) -> tuple[str, ...]:
        if self._confused is not None or not self.latin:
            return self._confused or ()
        marks = {mark for letter in self._letters for mark in unicodedata.normalize("NFD", letter)[1:]}
        return ("".join(sorted(marks)),)

    def lost(self, grapheme: str) -> tuple[str, ...]:
        """Without all its marks; without one of several."""
        whole = nfc(grapheme)
        if self._lost is None or not whole[0].isalpha():
            return ()
        parts = unicodedata.normalize("NFD", whole)
        found = [self._lost.sub("", parts), whole.translate(self._attached)]
        found += [parts[: match.start()] + parts[match.end() :] for match in self._lost.finditer(parts)]
        return _others(whole, found)

    def mistaken(self, grapheme: str) -> tuple[str, ...]:
        """Forms with another mark in place of one of its marks; in Latin script, only letters of the language."""
        whole = nfc(grapheme)
        if self._lost is None or not whole[0].isalpha():
            return ()
        found = _others(whole, self._exchanged(unicodedata.normalize("NFD", whole)))
        return tuple(new for new in found if len(new) <= len(whole) and (not self.latin or self._is_own(new)))

    def _is_own(self, grapheme: str) -> bool:
        return nfc(grapheme.lower()) in self._inventory

    def _exchanged(self, parts: str) -> Iterator[str]:
        for at, old in enumerate(parts):
            for group in self._groups:
                if old in group:
                    yield from (parts[:at] + new + parts[at + 1 :] for new in group if new not in parts)


def _others(whole: str, found: Iterable[str]) -> tuple[str, ...]:
    new = dict.fromkeys(map(nfc, found))
    return tuple(text for text in new if text != whole and len(graphemes(text)) == 1)


@cache
def marks(code: str) -> Marks:
    return Marks(code)
