"""Compile keyboard layouts from Debian's xkb-data into layouts.json (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_layouts

Needs the Debian packages xkb-data (layouts; MIT/X11 licence, notices in its copyright file) and x11proto-
dev (keysymdef.h, the code points of keysym names). Only letters and marks are kept: levels 1 (plain), 2
(Shift), 3 (AltGr), 4 (both). A dead key is kept as its mark on a dotted circle ("◌́"), a key that types a
combining mark as that mark.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from tools.noise_tables import FOLDER

SYMBOLS = Path("/usr/share/X11/xkb/symbols")
KEYSYMS = Path("/usr/include/X11/keysymdef.h")
TARGET = FOLDER / "layouts.json"

# The most common layout of each language. Languages written with English letters use the US layout, those with a few
# more accents its international variant. Vietnamese uses Telex on the US layout (telex.py); Yoruba the Nigerian layout,
# which has its tone marks; Wolof the French layout, which has all its letters except the rare ŋ (xkb-data's layout for
# Wolof lacks ë, its most frequent accented letter).
LAYOUTS = {
    "af": "us(intl)",
    "ar": "ara(basic)",
    "az": "az(latin)",
    "bg": "bg(bds)",
    "bn": "in(ben_inscript)",
    "ca": "es(cat)",
    "cs": "cz(basic)",
    "cy": "gb(basic)",
    "da": "dk(basic)",
    "de": "de(basic)",
    "el": "gr(basic)",
    "en": "us(basic)",
    "es": "es(basic)",
    "et": "ee(basic)",
    "eu": "es(basic)",
    "fa": "ir(pes)",
    "fi": "fi(kotoistus)",
    "fr": "fr(oss)",
    "ga": "ie(basic)",
    "gl": "es(basic)",
    "gu": "in(guj)",
    "he": "il(basic)",
    "hi": "in(deva)",
    "hr": "hr(basic)",
    "ht": "fr(oss)",
    "hu": "hu(basic)",
    "hy": "am(eastern)",
    "id": "us(basic)",
    "is": "is(basic)",
    "it": "it(basic)",
    "jv": "us(basic)",
    "ka": "ge(basic)",
    "kk": "kz(basic)",
    "kn": "in(kan)",
    "kw": "gb(basic)",
    "lb": "ch(fr)",
    "lt": "lt(basic)",
    "lv": "lv(basic)",
    "ml": "in(mal_enhanced)",
    "mn": "mn(basic)",
    "mr": "in(marathi)",
    "ms": "us(basic)",
    "my": "mm(basic)",
    "nb": "no(basic)",
    "ne": "np(basic)",
    "nl": "us(intl)",
    "pa": "in(guru)",
    "pl": "pl(basic)",
    "pt": "pt(basic)",
    "qu": "latam(basic)",
    "ro": "ro(std)",
    "ru": "ru(winkeys)",
    "sk": "sk(basic)",
    "sl": "si(basic)",
    "sr": "rs(basic)",
    "sv": "se(basic)",
    "sw": "us(basic)",
    "ta": "in(tam)",
    "te": "in(tel)",
    "th": "th(basic)",
    "tl": "us(basic)",
    "tr": "tr(basic)",
    "uk": "ua(unicode)",
    "ur": "pk(urd-phonetic)",
    "vi": "us(basic)",
    "wo": "fr(oss)",
    "yo": "ng(olpc)",
}

KEYS = re.compile(r"(TLDE|BKSL|LSGT|A[BCDE]\d\d)")
SKIPPED = ("level3", "level5", "nbsp", "kpdl", "eurosign", "rupeesign", "group")
# The names LatA... of keys by what they type on a US keyboard (keycodes/aliases, qwerty).
ROWS = {"AD": "QWERTYUIOP", "AC": "ASDFGHJKL", "AB": "ZXCVBNM"}
ALIASES = {f"Lat{letter}": f"{row}{i:02d}" for row, letters in ROWS.items() for i, letter in enumerate(letters, 1)}
MARKS = {
    "dead_grave": "\u0300",
    "dead_acute": "\u0301",
    "dead_circumflex": "\u0302",
    "dead_tilde": "\u0303",
    "dead_macron": "\u0304",
    "dead_breve": "\u0306",
    "dead_abovedot": "\u0307",
    "dead_diaeresis": "\u0308",
    "dead_hook": "\u0309",
    "dead_abovering": "\u030a",
    "dead_doubleacute": "\u030b",
    "dead_caron": "\u030c",
    "dead_horn": "\u031b",
    "dead_belowdot": "\u0323",
    "dead_belowcomma": "\u0326",
    "dead_cedilla": "\u0327",
    "dead_ogonek": "\u0328",
}


def keysyms() -> dict[str, str]:
    """Characters by keysym name, from keysymdef.h's comments. A deprecated name has the number of the current one."""
    pattern = re.compile(r"#define XK_(\w+)\s+(0x[0-9a-f]+)(?:\s*/\*[ (]*U\+([0-9A-F]{4,6}))?")
    entries = pattern.findall(KEYSYMS.read_text())
    characters = {number: chr(int(code, 16)) for _, number, code in entries if code}
    return {name: characters[number] for name, number, _ in entries if number in characters}


def character(keysym: str, names: dict[str, str]) -> str:
    """The letter or mark that a keysym types, or ''."""
    if keysym in MARKS:
        return f"◌{MARKS[keysym]}"
    if match := re.fullmatch(r"(?:U|0x0?1(?=0))([0-9A-Fa-f]{4,6})", keysym):
        typed = chr(int(match[1], 16))
    else:
        typed = names.get(keysym, "")
    return typed if typed and unicodedata.category(typed)[0] in "LM" else ""


def layout(name: str) -> dict[str, list[str]]:
    """Keysym names by key and level of one `file(variant)`, its includes merged in order, level by level."""
    file, _, variant = name.rstrip(")").partition("(")
    source = re.sub(r"//.*", "", (SYMBOLS / file).read_text())
    blocks = re.findall(r'((?:\w+\s+)*)xkb_symbols\s+"([\w-]+)"\s*\{(.*?)\n\s*\};', source, flags=re.DOTALL)
    chosen = [body for flags, title, body in blocks if title == variant or (not variant and "default" in flags)]
    if not chosen:
        raise SystemExit(f"xkb-data has no layout {name}")
    keys: dict[str, list[str]] = {}
    statement = r'(?:include|augment|override)\s+"([^"]+)"|key\s*<(\w+)>\s*\{(.*?)\}\s*;'
    for include, key, definition in re.findall(statement, chosen[0], flags=re.DOTALL):
        if include:
            for part in re.split(r"[+|]", include):
                if (SYMBOLS / part.split("(")[0]).exists() and not part.startswith(SKIPPED):
                    for other, levels in layout(part.split(":")[0]).items():
                        merge(keys, other, levels)
            continue
        symbols = re.search(r"\[([^\]]*)\]", re.sub(r"\w+\[[Gg]roup1\]", "", definition))
        if symbols and KEYS.fullmatch(ALIASES.get(key, key)):
            merge(keys, ALIASES.get(key, key), [part.strip() for part in symbols[1].split(",")][:4])
    return keys


def merge(keys: dict[str, list[str]], key: str, levels: list[str]) -> None:
    """Override the levels of `key` with `levels`; `any` and `NoSymbol` keep the existing symbol."""
    old = keys.get(key, [])
    keys[key] = [
        old[i] if i < len(old) and (i >= len(levels) or levels[i] in {"any", "NoSymbol"}) else levels[i]
        for i in range(max(len(old), len(levels)))
    ]


def main() -> None:
    names = keysyms()
    compiled = {}
    for name in sorted(set(LAYOUTS.values())):
        typed = {key: [character(level, names) for level in levels] for key, levels in sorted(layout(name).items())}
        keys = {key: levels for key, levels in typed.items() if any(levels)}
        if len(keys) < 20:
            raise SystemExit(f"{name}: only {len(keys)} keys with letters")
        compiled[name] = keys
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(keys, ensure_ascii=False)}" for name, keys in compiled.items())
    languages = json.dumps(dict(sorted(LAYOUTS.items())))
    source = json.dumps("xkb-data 2.35.1 (Debian), MIT/X11 licence; compiled by compile_layouts.py")
    TARGET.write_text(
        f'{{"source": {source},\n"languages": {languages},\n"layouts": {{\n{lines}\n}}}}\n', encoding="utf-8"
    )


if __name__ == "__main__":
    main()
