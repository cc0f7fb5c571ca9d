"""Keyboards: neighbouring keys and what they type, from layouts.json (see compile_layouts.py)."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import regex

from xtreme_noise.languages import language
from xtreme_noise.noise import hangul
from xtreme_noise.noise.alphabets import ASCII, groups

# Left edge of each row in key widths, and its height; a key's neighbours are those within 1.3 widths of its
# centre.
_ROWS = {"AE": (0.0, 0.0), "AD": (0.5, 1.0), "AC": (0.75, 2.0), "AB": (1.25, 3.0)}
_SINGLE = {"TLDE": (0.0, 0.0), "LSGT": (1.25, 3.0), "BKSL": (13.5, 1.0)}
_ISO_BKSL = (12.75, 2.0)  # left of Enter, on the boards of all Latin layouts that type a letter there
_REACH = 1.3
_DEAD = "◌"  # before a mark in layouts.json: a dead key
_PRESENTATION = regex.compile(r"[\ufb1d-\ufdff\ufe70-\ufeff]")  # shapes of Hebrew and Arabic letters, no letters


@dataclass(frozen=True)
class Keyboard:
    """neighbours: what the keys around a character's key type (letters and marks of the language's script only), at
    the same level where they type any there; unshifted: what its key types when Shift or AltGr is missed; dead: marks
    that are typed before their letter.
    """

    name: str
    neighbours: dict[str, tuple[str, ...]]
    unshifted: dict[str, str]
    dead: frozenset[str]


@cache
def _data() -> dict[str, Any]:
    text = files("xtreme_noise.noise").joinpath("layouts.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    data["layouts"]["kr(dubeolsik)"] = {
        f"{row}{number:02d}": [jamo, hangul.SHIFTED.get(jamo, jamo)]
        for row, letters in hangul.ROWS.items()
        for number, jamo in enumerate(letters, 1)
    }
    data["languages"]["ko"] = "kr(dubeolsik)"
    data["dead"] = {}
    for name, layout in data["layouts"].items():
        data["dead"][name] = {typed[1] for levels in layout.values() for typed in levels if typed[:1] == _DEAD}
        for key, levels in layout.items():
            layout[key] = [typed.removeprefix(_DEAD) for typed in levels]
    return data


def has_keyboard(code: str) -> bool:
    return code in _data()["languages"]


def keys(code: str) -> dict[str, list[str]]:
    """What the keys of a language type, by place (names of XKB): plain, Shift, AltGr, both; "" for no letter or
    mark.
    """
    found: dict[str, list[str]] = _data()["layouts"][_data()["languages"][code]]
    return found


class _Place(NamedTuple):
    """Where a character is typed: level (0 plain, 1 Shift, 2 AltGr, 3 both) and the centre of its key."""

    level: int
    x: float
    y: float

    def squared(self, other: _Place) -> float:
        return (self.x - other.x) ** 2 + (self.y - other.y) ** 2


def _place(level: int, key: str, latin: bool) -> _Place:
    if key in _SINGLE:
        return _Place(level, *(_ISO_BKSL if latin and key == "BKSL" else _SINGLE[key]))
    left, height = _ROWS[key[:2]]
    return _Place(level, left + int(key[2:]), height)


def _around(typed: str, places: dict[str, _Place], dead: frozenset[str]) -> tuple[str, ...]:
    """The characters on the keys around `typed`: at its own level, else without AltGr, else without Shift too; if no
    key within reach types a letter, the nearest ones that do.
    """
    here = places[typed]
    others = {other: place for other, place in places.items() if place[1:] != here[1:] and other not in dead}
    levels = list(dict.fromkeys((here.level, here.level % 2, 0)))
    for level in levels:
        if near := tuple(o for o, p in others.items() if p.level == level and here.squared(p) <= _REACH**2):
            return near
    for level in levels[-2:]:
        distances = {o: here.squared(p) for o, p in others.items() if p.level == level}
        if distances:
            return tuple(other for other, distance in distances.items() if distance == min(distances.values()))
    return ()


def _parts(text: str) -> str:
    """Letters and marks by themselves."""
    return unicodedata.normalize("NFD", text)


def _keyboard(name: str, wanted: regex.Pattern[str], letters: str, latin: bool) -> Keyboard:
    """The part of a layout that types `wanted` characters. Levels 3 and 4 only where they type one of `letters` or
    a mark of theirs that no easier keys type.
    """
    parts = set(letters) | set(_parts(letters))
    dead = frozenset(_data()["dead"].get(name, ()))
    places: dict[str, _Place] = {}
    unshifted: dict[str, str] = {}
    layout = {
        key: [typed if typed and wanted.fullmatch(typed) and not _PRESENTATION.match(typed) else "" for typed in levels]
        for key, levels in _data()["layouts"][name].items()
    }
    for level in range(4):
        easy = {typed for typed, place in places.items() if place.level < 2}
        for key, kept in layout.items():
            typed = kept[level] if level < len(kept) else ""
            if not typed or typed in places:
                continue
            if level > 1 and (typed.lower() not in parts or all(part in easy for part in _parts(typed))):
                continue
            places[typed] = _place(level, key, latin)
            plain = kept[level - 1] if level % 2 else kept[0] if level == 2 else ""
            if plain and plain != typed:
                unshifted[typed] = plain
    neighbours = {typed: _around(typed, places, dead) for typed in places}
    return Keyboard(name, {typed: others for typed, others in neighbours.items() if others}, unshifted, dead)


@cache
def keyboards(code: str) -> tuple[Keyboard, ...]:
    """The keyboard of a language and, where its letters are not Latin, the US one for Latin letters in its
    text.
    """
    script = language(code).script
    own = groups(code)[0]
    letters = "".join(own.lower + own.upper).lower()
    marks = r"\p{M}" if script == "Latn" else rf"[\p{{M}}&&[{own.member}\p{{Script=Inherited}}]]"
    wanted = regex.compile(rf"(?V1)[\p{{L}}&&{own.member}]|{marks}")
    first = _keyboard(_data()["languages"][code], wanted, letters, script == "Latn")
    if script == "Latn":
        return (first,)
    return first, _keyboard("us(basic)", regex.compile("[a-zA-Z]"), ASCII, True)
