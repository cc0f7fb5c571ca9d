"""Stylistic Unicode: words in the ornamental letters that people paste from font converters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import regex

from xtreme_noise.errors import ConfigError, suggest
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import segment
from xtreme_noise.noise.text import nfc
from xtreme_noise.noise.wordwise import Form, WordFamily, WordTable

_UPPER, _LOWER, _DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "0123456789"
_STROKE = "\u0336"  # combining long stroke overlay, which any letter takes
_STARTS = regex.compile(r"[\p{L}\p{Nd}]")


def _row(start: int, plain: str) -> dict[str, str]:
    return {letter: chr(start + number) for number, letter in enumerate(plain)}


# Style -> plain letter -> the ornamental one. Double-struck C H N P Q R Z are older than the row of the others.
_LETTERS = {
    "full_width": {letter: chr(ord(letter) + 0xFEE0) for letter in _UPPER + _LOWER + _DIGITS},
    "double_struck": {
        **_row(0x1D538, _UPPER),
        **dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
        **_row(0x1D552, _LOWER),
        **_row(0x1D7D8, _DIGITS),
    },
    "enclosed": {**_row(0x24B6, _UPPER), **_row(0x24D0, _LOWER), **_row(0x2460, _DIGITS[1:]), "0": "⓪"},
    "small_capitals": dict(zip("abcdefghijklmnopqrstuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ", strict=True)),
}
STYLES = (*_LETTERS, "strikethrough")


@dataclass(frozen=True)
class StyleParameters:
    """styles: those that a word may get, each as likely as the others: `full_width`, `double_struck`, `enclosed` (in
    circles), `small_capitals`, `strikethrough`.
    """

    styles: list[str] = field(default_factory=lambda: list(STYLES))


def styled(grapheme: str, style: str) -> str:
    """A letter or digit in a style, with its marks; anything else, and what the style lacks, stays."""
    if not _STARTS.match(grapheme):
        return grapheme
    if style == "strikethrough":
        return grapheme if _STROKE in grapheme else nfc(grapheme + _STROKE)
    parts = unicodedata.normalize("NFD", grapheme)
    ornamental = _LETTERS[style].get(parts[0])
    return nfc(ornamental + parts[1:]) if ornamental else grapheme


class _Words(WordTable):
    """The words of a text in every style."""

    def __init__(self, code: str, styles: Sequence[str]) -> None:
        super().__init__()
        self.code, self.styles = code, styles

    def spans(self, units: Sequence[str]) -> Iterable[tuple[int, int]]:
        return segment.grapheme_words(units, self.code)

    def noisy(self, word: Form) -> Sequence[Form]:
        forms = (tuple(styled(grapheme, style) for grapheme in word) for style in self.styles)
        return [form for form in forms if form != word]


class Family(WordFamily):
    """A word gets one of the styles. Only strikethrough has letters for every script: the others change Latin letters
    (an accented one keeps its accent) and ASCII digits, and leave the rest of a word as it is, as font converters do.
    """

    family = "style"
    version = 1
    Parameters = StyleParameters

    def __init__(self, parameters: StyleParameters) -> None:
        super().__init__(parameters)
        if not parameters.styles:
            raise ConfigError("noise.families.style.styles must name a style")
        for style in parameters.styles:
            if style not in STYLES:
                raise ConfigError(
                    f"noise.families.style.styles: unknown style {style!r}{suggest(str(style), STYLES, 'styles')}"
                )

    @property
    def signature(self) -> str:
        return f"{super().signature}+icu{segment.version()}"

    def supports(self, language: str) -> bool:
        return language in LANGUAGES

    def table(self, language: str) -> _Words:
        return _Words(language, self.parameters.styles)
