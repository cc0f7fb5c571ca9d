"""Confusions of optical character recognition, from ocr.txt (by hand) and lookalikes.tsv (compile_lookalikes.py)."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files

from xtreme_noise.languages import language
from xtreme_noise.noise.alphabets import ASCII, alphabet

_ALL_WRITTEN = {"Jpan", "Kore"}  # their sets name nothing that is not written


@cache
def _sets() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for line in files("xtreme_noise.noise").joinpath("ocr.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = current = []
        elif line and not line.startswith("#"):
            current.append(line.split())
    return found


@cache
def _shapes() -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for line in files("xtreme_noise.noise").joinpath("lookalikes.tsv").read_text(encoding="utf-8").splitlines():
        script, letter, near = line.split("\t")
        found.setdefault(script, {})[letter] = tuple(near.split())
    return found


def scripts() -> set[str]:
    """Scripts with a table."""
    return {*_sets(), *_shapes()}


@cache
def confusions(code: str) -> dict[str, tuple[str, ...]]:
    """Glyph or touching glyphs -> possible readings; never one digit for another, and only letters that the language
    uses (in Latin script, also ASCII letters).
    """
    script = language(code).script
    letters = {*ASCII, *ASCII.upper(), *(case for letter in alphabet(code) for case in (letter, letter.upper()))}
    readings: dict[str, list[str]] = {}
    for forms in [*_sets().get(script, []), *(_sets()["Latn"] if script != "Latn" else [])]:
        own = [form for form in forms if script in _ALL_WRITTEN or all(c in letters or not c.isalpha() for c in form)]
        for form in own:
            others = [other for other in own if other != form and not (form.isdigit() and other.isdigit())]
            readings.setdefault(form, []).extend(others)
    if script == "Latn":
        for letter in letters:
            if bare := _bare(letter):
                readings.setdefault(letter, []).extend(bare)
    for letter, near in _shapes().get(script, {}).items():
        readings.setdefault(letter, []).extend(near)
    return {form: tuple(dict.fromkeys(others)) for form, others in sorted(readings.items()) if others}


def _bare(letter: str) -> list[str]:
    """A letter without its last mark, and without any."""
    parts = unicodedata.normalize("NFD", letter)
    shorter = [unicodedata.normalize("NFC", parts[:end]) for end in range(len(parts) - 1, 0, -1)]
    return [form for form in shorter if len(form) == 1]
