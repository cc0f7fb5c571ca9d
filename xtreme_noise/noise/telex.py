"""Vietnamese typed in Telex: a hat, horn or tone is a letter key after the vowel.

aa ee oo dd give â ê ô đ, w gives ă ơ ư, s f r x j are the tones, z removes a tone; a key that would repeat a mark
removes it and is typed as itself (ass: as).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_TONES = {"s": "\u0301", "f": "\u0300", "r": "\u0309", "x": "\u0303", "j": "\u0323"}
_HAT, _BREVE, _HORN = "\u0302", "\u0306", "\u031b"
_SHAPES = {"a": _HAT, "e": _HAT, "o": _HAT}  # letter -> what the same letter behind it makes
_HOOKS = {"a": _BREVE, "o": _HORN, "u": _HORN}  # letter -> what w behind it makes
_KEYS = {mark: key for key, mark in _TONES.items()} | {_BREVE: "w", _HORN: "w"}
_VOWELS = "aeiouy"
_BARRED = {"đ": "d", "Đ": "D"}


@lru_cache(maxsize=1 << 12)
def is_open(grapheme: str) -> bool:
    """A key typed behind it may change this letter."""
    return unicodedata.normalize("NFD", grapheme)[:1].lower() in {*_VOWELS, "d", "đ"}


def strokes(grapheme: str) -> list[str]:
    """Keystrokes of a letter of Vietnamese: letter, hat or horn, tone; empty for anything else."""
    if grapheme in _BARRED:
        return [_BARRED[grapheme], "d"]
    letter, *marks = list(unicodedata.normalize("NFD", grapheme))
    if not (letter.isascii() and letter.isalpha()) or (marks and letter.lower() not in _VOWELS):
        return []
    marks.sort(key=lambda mark: mark in _TONES.values())
    keys = [letter, *(letter.lower() if mark == _HAT else _KEYS.get(mark, "") for mark in marks)]
    return keys if all(keys) and compose(keys) == [unicodedata.normalize("NFC", grapheme)] else []


def compose(keys: Iterable[str]) -> list[str]:
    """Letters that the input method shows after these keystrokes."""
    shown: list[str] = []
    for key in keys:
        shown[-1:] = _typed(shown[-1], key) if shown else [key]
    return shown


def _typed(before: str, key: str) -> list[str]:
    """What a letter becomes when `key` is typed behind it."""
    letter, *marks = list(unicodedata.normalize("NFD", before))
    low, small = letter.lower(), key.lower()
    if low in {"d", "đ"} and small == "d":
        return [{"d": "đ", "D": "Đ"}[letter]] if low == "d" else [_BARRED[letter], key]
    tones = [mark for mark in marks if mark in _TONES.values()]
    shapes = [mark for mark in marks if mark not in tones]
    if low not in _VOWELS:
        return [before, key]
    if small == "z" and tones:
        return [_letter(letter, shapes, [])]
    if small in _TONES:
        tone = [_TONES[small]]
        return [_letter(letter, shapes, []), key] if tone == tones else [_letter(letter, shapes, tone)]
    shape = _SHAPES.get(low) if small == low else _HOOKS.get(low) if small == "w" else None
    if shape is None:
        return [before, key]
    return [_letter(letter, [], tones), key] if shapes == [shape] else [_letter(letter, [shape], tones)]


def _letter(letter: str, shapes: list[str], tones: list[str]) -> str:
    return unicodedata.normalize("NFC", letter + "".join(shapes) + "".join(tones))
