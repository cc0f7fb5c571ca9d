"""Styles of systems in charts: each arm has a fixed colour, and no two systems share both colour and marker."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from xtreme_noise.report.system import System

# Okabe and Ito's palette, with darker colours in place of its sky blue, orange and pink, which are too faint for thin
# lines on white (WCAG 2.2, 1.4.11). All differ for the common kinds of colour blindness, too.
COLOURS = {
    "none": "#595959", "english": "#0072B2", "multilingual": "#D55E00",
    "noise": "#009E73", "english + noise": "#332288", "multilingual + noise": "#7A2E00",
}  # fmt: skip
OTHER = "#B84A8C"  # the colour of the first other arm
LEAST_CONTRAST = 3.0  # of a colour with the white page
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
        colour = _colour(number, lightness)
        while contrast(colour) < LEAST_CONTRAST:
            lightness -= 0.02
            colour = _colour(number, lightness)
        if colour not in seen:
            seen.add(colour)
            yield colour


def _colour(number: int, lightness: float) -> str:
    red, green, blue = colorsys.hls_to_rgb(number * 0.381966 % 1, lightness, 0.6)
    return f"#{round(255 * red):02X}{round(255 * green):02X}{round(255 * blue):02X}"


def contrast(colour: str, other: str = "#FFFFFF") -> float:
    """The contrast ratio of two colours as #rrggbb, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(colour), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance, from 0 (black) to 1 (white)."""
    values = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
