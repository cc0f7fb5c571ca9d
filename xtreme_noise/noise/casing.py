"""Lower case, upper case and title case of languages that differ from Unicode's defaults.

Sources: Unicode's SpecialCasing.txt (dotted and dotless i of Turkish and Azerbaijani, the dot that Lithuanian keeps
under accents, the Greek final sigma) and CLDR's transforms (Dutch ij, Armenian և).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import regex

from xtreme_noise.noise.text import graphemes, nfc, nfd

_TURKIC = {"tr", "az"}
# All but Georgian, whose capitals (Mtavruli) are not used, and the micro sign, whose capital is Greek.
_HAVE_CAPITALS = re.compile("[^\u10d0-\u10ff\u00b5]+")
# Lithuanian i and j with an accent: the dot is written in small letters only.
_TO_DOT = regex.compile(r"([IJ])([^\P{M}\u0300\u0301\u0303]*)(?=[\u0300\u0301\u0303])")
_DOTTED = regex.compile(r"([ij][^\P{M}\u0307]*)\u0307")
_IJ = {"ij", "íj́"}  # one letter of Dutch
_AROUND = 8  # graphemes on either side that decide whether a sigma ends a word


def lower(text: str, language: str) -> str:
    """`text` in lower case."""
    if language in _TURKIC:
        text = nfc(text).replace("I", "ı")
    elif language == "lt":
        text = nfc(_TO_DOT.sub(lambda found: f"{found[1].lower()}{found[2]}\u0307", nfd(text)))
    return text.replace("İ", "i").lower()


def upper(text: str, language: str) -> str:
    """`text` in upper case; some letters become two (ß, SS)."""
    return _HAVE_CAPITALS.sub(lambda found: found[0].upper(), _before_capitals(text, language))


def title(text: str, language: str) -> str:
    """`text` with a capital at its start (two for Dutch ij); the rest stays."""
    letters = graphemes(text)
    if language == "nl" and "".join(letters[:2]) in _IJ:
        return upper("".join(letters[:2]), language) + "".join(letters[2:])
    first = _HAVE_CAPITALS.sub(lambda found: found[0].title(), _before_capitals("".join(letters[:1]), language))
    return first + "".join(letters[1:])


def _before_capitals(text: str, language: str) -> str:
    """`text` rewritten so that Unicode's default capitals are right."""
    if language in _TURKIC:
        return nfc(text).replace("i", "İ")
    if language == "lt":
        return nfc(_DOTTED.sub(r"\1", nfd(text)))
    return text.replace("և", "եվ") if language == "hy" else text


def lowered(units: Sequence[str], start: int, end: int, language: str) -> tuple[str, ...]:
    """The graphemes units[start:end] in lower case. A capital sigma becomes ς where it ends a word of the text."""
    text = "".join(units[start:end])
    if "Σ" not in text:
        return tuple(graphemes(lower(text, language)))
    before, after = units[max(0, start - _AROUND) : start], units[end : end + _AROUND]
    small = graphemes(lower("".join((*before, text, *after)), language))
    return tuple(small[len(before) : len(before) + end - start])


def like(model: str, text: str, language: str) -> str:
    """`text` with the case of `model`: upper, title or lower case; unchanged if `model` is none of these."""
    small, large = lower(model, language), upper(model, language)
    if small == large:
        return text
    if model == small:
        return lower(text, language)
    if model == large and len(model) > 1:
        return upper(text, language)
    return title(text, language) if model == title(small, language) else text
