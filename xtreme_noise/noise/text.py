"""Graphemes.

The unit of all noise is the extended grapheme cluster (UAX 29, `\\X` of the `regex` package). Texts are segmented
without normalisation: canonical equivalence does not move the boundaries, and unchanged text stays identical.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import regex

from xtreme_noise.errors import DataError
from xtreme_noise.noise.alignment import distance as distance

# Characters that are a cluster each, in any company of such (none extends, joins or prepends): the fast path.
_ALONE = (
    " -~\u00a0-\u02ff\u0370-\u0482\u048a-\u0556\u0561-\u0586\u05d0-\u05ea\u0620-\u064a\u0660-\u066f\u0671-\u06d3"
    "\u10a0-\u10ff\u1e00-\u1fff\u2010-\u2027\u2030-\u205e\u20a0-\u20bf\u3000-\u3029\u3030-\u3098\u309b-\u30ff"
    "\u3131-\u318e\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff9d"
)
_LONE = re.compile(f"[\n{_ALONE}]*")
# Such characters but the soft hyphen (a control), and letters of Thai and Burmese, each with the marks behind it that
# do nothing but extend it.
_BASES = f"{_ALONE}\u0e01-\u0e30\u0e32\u0e3f-\u0e46\u0e4f-\u0e5b\u1000-\u102a\u103f-\u104f"
_BASES = _BASES.replace("\u00a0-\u02ff", "\u00a0-\u00ac\u00ae-\u02ff")
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670"
    "\u0e31\u0e33-\u0e3a\u0e47-\u0e4e\u102d-\u1037\u103a-\u103e"
)
_PLAIN = re.compile(f"[{_BASES}][{_BASES}{_MARKS}]*")
_MARKED = re.compile(f".[{_MARKS}]*")
# \X counts the regional indicators before every one of them: in a row of flags that takes the square of its length.
_CLUSTER = regex.compile(r"\p{RI}{2}[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]*|\X")


def is_lone(text: str) -> bool:
    """Whether every code point of `text` is a grapheme cluster by itself."""
    return (text.isascii() and text.isprintable()) or _LONE.fullmatch(text) is not None


def graphemes(text: str) -> list[str]:
    """Extended grapheme clusters, in order; their concatenation is `text`."""
    if is_lone(text):
        return list(text)
    units: list[str] = []
    for word in text.split(" "):
        found = _seen.get(word) or _word(word)
        if not found:
            return list(_CLUSTER.findall(text))
        units += found
    units.pop()
    return units


_seen: dict[str, tuple[str, ...]] = {}  # cache of segmented words: most words repeat, and segmenting is slow
_KEPT, _LONG = 1 << 15, 40


def _word(word: str) -> tuple[str, ...]:
    """The clusters of a word and the space behind it; nothing when it would join a space."""
    if _PLAIN.fullmatch(word):
        kept = (*_MARKED.findall(word), " ")
    else:
        found = _CLUSTER.findall(f" {word} ")
        if found[0] != " " or found[-1] != " ":
            return ()
        kept = tuple(found[1:])
    if len(_seen) < _KEPT and len(word) < _LONG:
        _seen[word] = kept
    return kept


@lru_cache(maxsize=1 << 16)
def splits(left: str, right: str) -> bool:
    """Two clusters stay two when they stand side by side."""
    return len(_CLUSTER.findall(left + right)) == 2


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


class Clusters(NamedTuple):
    """The grapheme clusters of a text. written: as in the text; asked: in NFC, in which families look up letters (the
    same object if the text is NFC); spelt: NFC -> the form in the text, for letters with only one form there;
    decomposed: the text is NFD.
    """

    written: Sequence[str]
    asked: Sequence[str]
    spelt: dict[str, str]
    decomposed: bool

    @classmethod
    def of(cls, text: str, written: Sequence[str]) -> Clusters:
        """Of a text that has been cut."""
        if unicodedata.is_normalized("NFC", text):
            return cls(written, written, {}, False)
        asked = list(map(nfc, written))
        as_one = {*written}
        spelt = {a: b for a, b in zip(asked, written, strict=True) if b[0].isalpha() and a not in as_one}
        return cls(written, asked, spelt, unicodedata.is_normalized("NFD", text))

    def spell(self, letters: Sequence[str]) -> tuple[str, ...]:
        """Letters in NFC, converted to the normal form of the text."""
        return tuple(self.spelt.get(letter) or (nfd(letter) if self.decomposed else letter) for letter in letters)


def check_text(text: str) -> None:
    """Raises DataError for a lone surrogate, which cannot be encoded."""
    if not isinstance(text, str):
        raise DataError(f"noise acts on text, not on {type(text).__name__}")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(f"lone surrogate U+{ord(text[error.start]):04X} at character {error.start}") from None
