"""Styles of systems in charts: each arm has a fixed colour, and no two systems share both colour and marker."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from xtreme_noise.report.system import System

# Okabe and Ito's palette, safe for the common kinds of colour blindness.
COLOURS = {
    "none": "#595959", "english": "#0072B2", "multilingual": "#D55E00",
    "noise": "#009E73", "english + noise": "#56B4E9", "multilingual + noise": "#E69F00",
}  # fmt: skip
OTHER = "#CC79A7"  # the colour of the first other arm
# Vega's name of a marker -> Matplotlib's, and its outline in the page's legend (a box of 32 x 18).
MARKERS = {"circle": "o", "square": "s", "triangle-up": "^", "diamond": "D", "triangle-down": "v", "cross": "P",
           "triangle-left": "<", "triangle-right": ">"}  # fmt: skip
OUTLINES = {
    "circle": "M16 2.5 a6.5 6.5 0 1 0 .01 0 Z",
    "square": "M10 3 H22 V15 H10 Z",
    "triangle-up": "M16 1 L24 16 H8 Z",
    "diamond": "M16 1 L24 9 L16 17 L8 9 Z",
    "triangle-down": "M16 17 L24 2 H8 Z",
    "cross": "M13 2 H19 V6 H23 V12 H19 V16 H13 V12 H9 V6 H13 Z",
    "triangle-left": "M8 9 L23 1 V17 Z",
    "triangle-right": "M24 9 L9 1 V17 Z",
}
FIRST = dict(zip(COLOURS, MARKERS, strict=False))  # the marker of an arm's first system


@dataclass(frozen=True)
class Style:
    """colour: as #rrggbb; marker: Vega's name."""

    colour: str
    marker: str


def styles(systems: Iterable[System]) -> dict[System, Style]:
    """A style for each of the systems of a whole study, in their order."""
    fresh = _colours()
    of_arm = dict(COLOURS)
    taken: set[Style] = set()
    by_system = {}
    for system in systems:
        colour = of_arm.get(system.side) or of_arm.setdefault(system.side, next(fresh))
        first = FIRST.get(system.side, "circle")
        wanted = (Style(colour, marker) for marker in dict.fromkeys((first, *MARKERS)))
        style = next((one for one in wanted if one not in taken), None) or Style(next(fresh), first)
        taken.add(style)
        by_system[system] = style
    return by_system


def _colours() -> Iterator[str]:
    """Endless colours that are not in COLOURS: after OTHER, hues a golden angle apart."""
    yield OTHER
    seen = {*COLOURS.values(), OTHER}
    for number in count(1):
        lightness = 0.35 + 0.1 * (number % 3)
        red, green, blue = colorsys.hls_to_rgb(number * 0.381966 % 1, lightness, 0.6)
        colour = f"#{round(255 * red):02X}{round(255 * green):02X}{round(255 * blue):02X}"
        if colour not in seen:
            seen.add(colour)
            yield colour
