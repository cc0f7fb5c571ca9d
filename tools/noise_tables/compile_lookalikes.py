"""Compile Han characters that look alike into lookalikes.tsv (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_lookalikes DroidSansFallbackFull.ttf

Draws the characters of readings.zh.tsv and readings.ja.tsv in Droid Sans Fallback (Debian's fonts-droid-fallback
6.0.1r16, Apache licence 2.0) and keeps, for each, up to three others whose ink overlaps its own most (intersection /
union, best of small shifts). The table contains measured similarity only, no font data. Needs Pillow and numpy.
Each line: script, character, look-alikes.
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from tools.noise_tables import FOLDER
from xtreme_noise.noise.readings import readings

TARGET = FOLDER / "lookalikes.tsv"
SIZE = 40  # pixels
SCRIPTS = {"Hans": "zh", "Jpan": "ja"}
LEAST = 0.62  # as much as two characters that differ by a stroke or a small part
MOST = 3
COMMON = 3500  # Chinese characters, by frequency


def characters(script: str) -> list[str]:
    words = readings(SCRIPTS[script]).reading
    characters = dict.fromkeys(c for word in words for c in word if "\u4e00" <= c <= "\u9fff")
    if script == "Hans":
        counts = dict.fromkeys(characters, 0)
        for word in words:
            for c in word:
                counts[c] = counts.get(c, 0) + 1
        return sorted(characters, key=lambda c: (-counts[c], c))[:COMMON]
    return sorted(characters)


def drawn(letters: list[str], font: ImageFont.FreeTypeFont) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """One row of 0 and 1 for each letter."""
    rows = []
    for letter in letters:
        image = Image.new("L", (SIZE + 8, SIZE + 8))
        ImageDraw.Draw(image).text((4, 0), letter, fill=255, font=font)
        rows.append(np.asarray(image, dtype=np.float32) > 96)
    return np.stack(rows).astype(np.float32)


def alike(letters: list[str], font: ImageFont.FreeTypeFont) -> dict[str, list[str]]:
    ink = drawn(letters, font)
    flat = ink.reshape(len(letters), -1)
    area = flat.sum(1)
    best = np.zeros((len(letters), len(letters)), dtype=np.float32)
    for shift in ((0, 0), (1, 0), (0, 1)):
        moved = np.roll(ink, shift, axis=(1, 2)).reshape(len(letters), -1)
        common = flat @ moved.T
        overlap = common / (area[:, None] + area[None, :] - common + 1e-9)
        best = np.maximum(best, np.maximum(overlap, overlap.T))
    np.fill_diagonal(best, 0)
    similar = {}
    for row, letter in enumerate(letters):
        order = np.argsort(-best[row], kind="stable")[:MOST]
        if near := [letters[other] for other in order if best[row, other] > LEAST]:
            similar[letter] = near
    return similar


def main() -> None:
    font = ImageFont.truetype(sys.argv[1], SIZE)
    lines = [
        f"{script}\t{letter}\t{' '.join(near)}\n"
        for script in SCRIPTS
        for letter, near in alike(characters(script), font).items()
    ]
    TARGET.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
