"""Homoglyphs: letters that look like other letters (UTS 39). Adversarial: nobody types them by mistake."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.alphabets import alphabet
from xtreme_noise.noise.choices import ChoiceFamily, ChoiceTable
from xtreme_noise.noise.text import graphemes, nfc


@dataclass(frozen=True)
class HomoglyphParameters:
    """No parameters."""


@cache
def _alike() -> dict[str, str]:
    """Letter -> the others of its class."""
    text = files("xtreme_noise.noise").joinpath("confusables.json").read_text(encoding="utf-8")
    others: dict[str, str] = {}
    for group in json.loads(text)["classes"]:
        for letter in group:
            others[letter] = others.get(letter, "") + group.replace(letter, "")
    return others


def lookalikes(grapheme: str) -> tuple[str, ...]:
    """Graphemes that look the same: the letter (or, of an accented one, its base) becomes one of its class."""
    whole = nfc(grapheme)
    base, marks = whole[0], whole[1:]
    if base not in _alike():
        base, marks = (parts := unicodedata.normalize("NFD", whole))[0], parts[1:]
    new = (nfc(other + marks) for other in _alike().get(base, ""))
    return tuple(other for other in new if len(graphemes(other)) == 1)


class _Lookalikes(ChoiceTable):
    def find(self, grapheme: str) -> tuple[str, ...]:
        return lookalikes(grapheme)


class Family(ChoiceFamily):
    """Letters become letters, mostly of other scripts, that look the same or nearly so. Only scripts that fonts draw
    alike meet: Latin, Cyrillic, Greek, Armenian and Georgian; Han and kana; the Indic ones of the north, of the south.
    """

    family = "homoglyph"
    version = 2
    Parameters = HomoglyphParameters
    keeps_script = False

    def supports(self, language: str) -> bool:
        return language in LANGUAGES and any(map(lookalikes, alphabet(language)))

    def table(self, language: str) -> _Lookalikes:  # noqa: ARG002
        return _Lookalikes()
