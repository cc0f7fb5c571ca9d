"""Compile pairs of simplified and traditional characters into han.json (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_han STCharacters.txt TSCharacters.txt

Both are dictionaries of OpenCC (Apache licence 2.0); the Python package `opencc-python-reimplemented` 0.1.7 contains
them. Of several counterparts only the first is kept, which is the most common and the one that a converter without
context writes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tools.noise_tables import FOLDER
from xtreme_noise.noise.text import nfc

TARGET = FOLDER / "han.json"


def pairs(path: str) -> tuple[str, str]:
    """Characters and, in the same order, their counterparts: only the basic plane, without compatibility forms."""
    kept = []
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        old, _, new = line.partition("\t")
        new = new.split(" ")[0]
        plain = len(old + new) == 2 and max(old, new) < "\U00010000" and nfc(old + new) == old + new
        if plain and old != new:
            kept.append((old, new))
    return "".join(old for old, _ in kept), "".join(new for _, new in kept)


def main() -> None:
    source = "OpenCC STCharacters, TSCharacters; compiled by compile_han.py"
    data = {"source": source, "traditional": pairs(sys.argv[1]), "simplified": pairs(sys.argv[2])}
    TARGET.write_text(json.dumps(data, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
