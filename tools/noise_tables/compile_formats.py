"""Compile CLDR's signs of numbers and orders of dates into formats.tsv (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_formats

From the CLDR data of the installed babel (Unicode licence v3, notice in formats.LICENSE).
"""

from __future__ import annotations

import re
from importlib.metadata import version

from babel import Locale
from babel.core import UnknownLocaleError

from tools.noise_tables import FOLDER
from xtreme_noise.languages import LANGUAGES

TARGET = FOLDER / "formats.tsv"
LOCALES = {"tl": "fil", "ht": "fr"}  # ht: not in CLDR


def row(code: str) -> str:
    """code, decimal sign, order of day (d), month (m) and year (y) in short dates."""
    try:
        locale = Locale(LOCALES.get(code, code))
    except UnknownLocaleError:
        raise SystemExit(f"CLDR has no {code}: name another locale in LOCALES") from None
    decimal = locale.number_symbols["latn"]["decimal"]
    order = "".join(dict.fromkeys(re.findall("[dmy]", locale.date_formats["short"].pattern.lower())))
    return f"{code}\t{decimal}\t{order}"


def main() -> None:
    source = f"# language, decimal sign, order of dates: CLDR, from babel {version('babel')} by compile_formats.py\n"
    TARGET.write_text(source + "".join(f"{row(code)}\n" for code in LANGUAGES), encoding="utf-8")


if __name__ == "__main__":
    main()
