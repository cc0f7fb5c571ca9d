"""The Brahmic scripts of India, whose Unicode blocks have the same letter at the same place."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from xtreme_noise.languages import language

BLOCKS = {
    "Deva": 0x900, "Beng": 0x980, "Guru": 0xA00, "Gujr": 0xA80, "Taml": 0xB80, "Telu": 0xC00, "Knda": 0xC80,
    "Mlym": 0xD00,
}  # fmt: skip
_CONSONANTS = dict(
    enumerate(
        "k kh g gh n ch chh j jh n t th d dh n t th d dh n n p ph b bh m y r r l l zh v sh sh s h".split(), start=0x15
    )
)
_VOWELS = dict(zip(range(0x05, 0x15), "a aa i ii u uu ri li e e e ai o o o au".split(), strict=True))
_SIGNS = dict(zip(range(0x3E, 0x4D), "aa i ii u uu ri ri e e e ai o o o au".split(), strict=True))
_VIRAMA, _NUKTA = 0x4D, 0x3C
_NUKTAS = {"k": "q", "g": "g", "j": "z", "d": "r", "dh": "rh", "ph": "f", "y": "y"}
_PRECOMPOSED = dict(zip(range(0x58, 0x60), "q kh g z r rh f y".split(), strict=True))
_CHILLUS = dict(zip(range(0x7A, 0x80), "n n r l l k".split(), strict=True))
_DRAVIDIAN = {"ta", "te", "kn", "ml"}
_LONG = {"aa": "aa", "ii": "ee", "uu": "oo"}  # as long vowels are typed in Dravidian languages; elsewhere one letter
_NASALS = {"n", "m"}


class _Syllable:
    """A consonant with its vowel: "@" the inherent one, "" none."""

    __slots__ = ("consonant", "vowel")

    def __init__(self, consonant: str, vowel: str) -> None:
        self.consonant, self.vowel = consonant, vowel


def romanizer(code: str) -> Callable[[str], str]:
    """Of a language in one of `BLOCKS`."""
    block = BLOCKS[language(code).script]

    def romanize(word: str) -> str:
        syllables = _parsed(word, block, code)
        if not syllables:
            return ""
        if code == "ta":
            _voiced(syllables)
        elif code not in _DRAVIDIAN:
            _silenced(syllables)
        inherent = "o" if code == "bn" else "a"
        return "".join(s.consonant + _written(s.vowel, inherent, code) for s in syllables)

    return romanize


def _written(vowel: str, inherent: str, code: str) -> str:
    if vowel == "@":
        return inherent
    return _LONG.get(vowel, vowel) if code in _DRAVIDIAN else {"aa": "a", "ii": "i", "uu": "u"}.get(vowel, vowel)


def _parsed(word: str, block: int, code: str) -> list[_Syllable]:
    """The syllables of a word; empty if a character is not of the script."""
    found: list[_Syllable] = []
    for character in word:
        place = ord(character) - block
        if character in "\u200c\u200d":
            continue
        if place in _CONSONANTS or place in _PRECOMPOSED:
            found.append(_Syllable(_consonant(place, code, found), "@"))
        elif place in _VOWELS:
            found.append(_Syllable("", "@" if place == 0x05 else _VOWELS[place]))
        elif place in _SIGNS and found:
            found[-1].vowel = _SIGNS[place]
        elif place == _VIRAMA and found:
            found[-1].vowel = ""
        elif place == _NUKTA and found:
            last = found[-1].consonant
            found[-1].consonant = "y" if code == "bn" and last == "j" else _NUKTAS.get(last, last)
        elif place in (0x01, 0x02, 0x70):
            final = "m" if code in _DRAVIDIAN else "" if place == 1 and code == "bn" else "n"
            found.append(_Syllable("ng" if code == "bn" and place == 2 else final, ""))
        elif place == 0x03:
            found.append(_Syllable("h", ""))
        elif place == 0x71 and block == BLOCKS["Guru"]:
            found.append(_Syllable("+", ""))  # addak: the next consonant is doubled
        elif place == 0x4E and block == BLOCKS["Beng"]:
            found.append(_Syllable("t", ""))
        elif place in _CHILLUS and block == BLOCKS["Mlym"]:
            found.append(_Syllable(_CHILLUS[place], ""))
        elif place in (0x72, 0x73) and block == BLOCKS["Guru"]:
            found.append(_Syllable("", "u" if place == 0x73 else "i"))
        elif place in (0x45, 0x49, 0x55, 0x56, 0x57) and found:
            found[-1].vowel = {0x45: "e", 0x49: "o", 0x57: "au"}.get(place, found[-1].vowel)
        elif place in (0x0D, 0x11, 0x72):
            found.append(_Syllable("", {0x0D: "e", 0x11: "o", 0x72: "e"}[place]))
        else:
            return []
    if code == "gu" and word[-1] == "\u0a82" and len(found) > 1:
        found.pop()  # છું chhu, માં ma
    _assimilate(found, code)
    return found


def _consonant(place: int, code: str, before: list[_Syllable]) -> str:
    """What a consonant letter is written as, after these syllables; it may change the last one."""
    after_consonant = bool(before) and not before[-1].vowel
    if place == 0x24 and code in {"ta", "ml"}:
        return "th"  # dental, where t is the retroflex one
    if place == 0x31 and code == "ml" and after_consonant:
        before[-1].consonant = before[-1].consonant.replace("r", "t")
        return "t"  # ന്റ nt, റ്റ tt
    if place == 0x2F and code == "bn" and not after_consonant:
        return "j"
    return _CONSONANTS.get(place) or _PRECOMPOSED[place]


def _assimilate(found: list[_Syllable], code: str) -> None:
    """Consonants that are what the next one makes of them."""
    for syllable, following in pairwise(found):
        if syllable.consonant == "+":
            syllable.consonant = following.consonant[:1]
        elif syllable.consonant == "n" and not syllable.vowel and following.consonant[:1] in {"p", "b", "m"}:
            syllable.consonant = "m"  # a nasal before lips
        elif code in _DRAVIDIAN and syllable.consonant == "m" and not syllable.vowel and following.consonant:
            syllable.consonant = "m" if following.consonant[0] in "pbm" else "n"


def _silenced(syllables: list[_Syllable]) -> None:
    """Removes the inherent vowels that are not pronounced: at the end of a word, and between two syllables with vowels
    (Ohala's rule, from the right).
    """
    last = len(syllables) - 1
    if last > 0 and syllables[last].vowel == "@" and syllables[last].consonant:
        before = syllables[last - 1]
        cluster = not before.vowel and before.consonant not in {"", "n", "m", "ng"}
        if not (cluster and syllables[last].consonant in {"y", "r", "v", "l", "n", "m"}):  # mitra keeps it
            syllables[last].vowel = ""
    for at in range(last - 1, 0, -1):
        here, before, after = syllables[at], syllables[at - 1], syllables[at + 1]
        if here.vowel == "@" and here.consonant and before.vowel and after.vowel and after.consonant:
            here.vowel = ""


def _voiced(syllables: list[_Syllable]) -> None:
    """Tamil does not distinguish voiced and voiceless stops: voices them after nasals and between vowels. Dental t is
    typed th."""
    kinds = [(s.consonant, s.vowel) for s in syllables]
    for at, (consonant, _) in enumerate(kinds):
        before, silent = kinds[at - 1] if at else ("", "")
        doubled = (before == consonant and not silent) or (
            at + 1 < len(kinds) and not kinds[at][1] and kinds[at + 1][0] == consonant
        )
        if not at and consonant == "ch":
            syllables[at].consonant = "s"
        if not at or doubled:
            continue
        after_nasal = before in _NASALS and not silent
        if consonant == "k":
            syllables[at].consonant = "g"
        elif consonant == "ch":
            syllables[at].consonant = "j" if after_nasal else "s"
        elif consonant == "t":
            syllables[at].consonant = "d"
        elif consonant == "p" and (after_nasal or silent):
            syllables[at].consonant = "b"
