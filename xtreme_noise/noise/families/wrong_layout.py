"""Words typed with the wrong keyboard layout: the right keys, but the wrong letters."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, starmap

import regex

from xtreme_noise.languages import language as language_row
from xtreme_noise.noise import hangul
from xtreme_noise.noise.layouts import has_keyboard, keys
from xtreme_noise.noise.text import graphemes, nfc, splits
from xtreme_noise.noise.wordwise import Form, WordFamily, WordTable

# What the keys of the US layout type, plain and with Shift, by their place (names of XKB).
_US = {
    "TLDE": "`~", "BKSL": "\\|", "LSGT": "<>",
    **{f"AE{i:02d}": pair for i, pair in enumerate("1! 2@ 3# 4$ 5% 6^ 7& 8* 9( 0) -_ =+".split(), 1)},
    **{f"AD{i:02d}": pair for i, pair in enumerate("qQ wW eE rR tT yY uU iI oO pP [{ ]}".split(), 1)},
    **{f"AC{i:02d}": pair for i, pair in enumerate("aA sS dD fF gG hH jJ kK lL ;: '\"".split(), 1)},
    **{f"AB{i:02d}": pair for i, pair in enumerate("zZ xX cC vV bB nN mM ,< .> /?".split(), 1)},
}  # fmt: skip
_STARTS = regex.compile(r"\p{L}")
_LATIN = regex.compile("[a-zA-Z]")
_JOINERS = "\u200c\u200d"  # no key of their own: typed with a chord, or not at all
# Letters typed as others: Malayalam chillus as letter, virama and joiner.
_SPELT = {"ൺ": "ണ്", "ൻ": "ന്", "ർ": "ര്", "ൽ": "ല്", "ൾ": "ള്", "ൿ": "ക്"}


@dataclass(frozen=True)
class WrongLayoutParameters:
    """No parameters."""


class _Layouts(WordTable):
    """Class 1: letters that the language's keyboard types; 2: Latin letters, typed on that keyboard."""

    def __init__(self, code: str) -> None:
        row = language_row(code)
        super().__init__(longest=0 if row.spaces else 6)
        self.korean, self.greek = row.script == "Kore", row.script == "Grek"
        self.there: dict[str, str] = {}  # what a keystroke types on the US layout ...
        self.here: dict[str, str] = {}  # ... and what one of the US layout types on the language's
        for key, levels in keys(code).items():
            for level, typed in enumerate(levels):
                if typed:
                    self.there.setdefault(typed, _US[key][level % 2])
                    if level < 2:
                        self.here[_US[key][level]] = typed
        if code == "fa":  # xkb-data names this key by an alias that keysymdef.h does not have
            self.there.setdefault("ه", "i")
            self.here.setdefault("i", "ه")

    def classify(self, grapheme: str) -> int:
        if _LATIN.fullmatch(grapheme):
            return 2
        return 1 if _STARTS.match(grapheme) else 0

    def strokes(self, grapheme: str) -> str:
        """What the keys of a cluster type on the US layout; "" if a part has no key."""
        parts = hangul.strokes(grapheme) if self.korean else list(grapheme)
        typed = []
        for part in parts:
            if part in self.there:
                typed.append(self.there[part])
            elif part not in _JOINERS:
                pieces = _SPELT.get(part) or unicodedata.normalize("NFD", part)
                decomposed = [self.there.get(piece, "") for piece in pieces]
                if not all(decomposed) or len(decomposed) == 1:
                    return ""
                typed += reversed(decomposed) if self.greek else decomposed  # a dead key comes before its letter
        return "".join(typed)

    def noisy(self, word: Form) -> Sequence[Form]:
        if not _LATIN.match(word[0]):
            strokes = [self.strokes(grapheme) for grapheme in word]
            return (tuple("".join(strokes)),) if all(strokes) else ()
        typed = [self.here.get(letter, "") for letter in word]
        if not all(typed):
            return ()
        new = tuple(hangul.compose(typed) if self.korean else graphemes(nfc("".join(typed))))
        whole = all(map(_STARTS.match, new)) and all(starmap(splits, pairwise(new)))
        return (new,) if whole else ()


class Family(WordFamily):
    """A word in the language's own script becomes what its keystrokes type on the US layout (привет -> ghbdtn);
    a Latin word in its text becomes what they type on the language's layout (hello -> руддщ). Thai and Burmese,
    which do not put spaces between words, change in pieces of up to six clusters.
    """

    family = "wrong_layout"
    version = 2
    keeps_script = False
    joins = True  # a Latin word may begin with the key of a vowel sign (Thai sara am)
    Parameters = WrongLayoutParameters

    def supports(self, language: str) -> bool:
        return has_keyboard(language) and language_row(language).script != "Latn"

    def table(self, language: str) -> _Layouts:
        return _Layouts(language)
