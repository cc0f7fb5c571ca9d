"""Compile CLDR's rules for number words into spellout.json (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_spellout CLDR_RBNF

CLDR_RBNF: the folder rbnf/ of the package cldr-rbnf 48.2.0 (Unicode licence v3, notice in spellout.LICENSE). Needs
babel, for plural forms. Kept: the rules for whole numbers below a million, for counting and years.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from babel import Locale

from tools.noise_tables import FOLDER
from xtreme_noise.languages import LANGUAGES

TARGET = FOLDER / "spellout.json"
FILES = {"nb": "no", "tl": "fil"}
COUNTING = {"zh": "%spellout-cardinal", "ko": "%spellout-cardinal-sinokorean", "ja": "%spellout-cardinal"}
YEARS = {"ja": "%spellout-cardinal"}  # where years are read like other numbers
BELOW = 1_000_000


def rules(folder: Path, code: str) -> dict[str, Any] | None:
    path = folder / f"{FILES.get(code, code)}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))["rbnf"]["rbnf"].get("SpelloutRules")
    if found is None:
        return None
    counting = COUNTING.get(code, "%spellout-numbering")
    kept: dict[str, list[list[str]]] = {}
    year = YEARS.get(code, "%spellout-numbering-year")
    todo = [counting, year]
    while todo:
        name = todo.pop()
        if name in kept:
            continue
        kept[name] = [
            rule for rule in found[name] if re.fullmatch(r"\d+(/\d+)?", rule[0]) and int(rule[0].split("/")[0]) < BELOW
        ]
        todo += [other for _, text in kept[name] for other in re.findall(r"%{1,2}[a-z0-9-]+", text)]
    language: dict[str, Any] = {"counting": counting, "year": year, "rules": dict(sorted(kept.items()))}
    if any("$(cardinal" in text for listed in kept.values() for _, text in listed):
        plural = Locale(code).plural_form
        language["plurals"] = " ".join(plural(number) for number in range(200))
    return language


def main() -> None:
    folder = Path(sys.argv[1])
    compiled = {code: found for code in LANGUAGES if (found := rules(folder, code))}
    lines = ",\n".join(
        f"{json.dumps(code)}: {json.dumps(found, ensure_ascii=False)}" for code, found in compiled.items()
    )
    TARGET.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
