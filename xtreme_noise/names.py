"""Names that become parts of paths: what one may be, and the file name that is made of any text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from xtreme_noise.sheets import harmless

LONGEST = 120  # bytes, so that a file name has room for more
# Windows keeps these for devices, with any ending.
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)
_FORBIDDEN = '<>:"|?*\\'  # in file names on Windows


def problem(name: str) -> str | None:
    """Why `name` cannot be the name of a task, model or intermediate task; None when it can."""
    parts = name.split("/")
    if not name.strip():
        return "empty"
    if not name.isprintable():
        return "not printable"
    if len(name.encode()) > LONGEST:
        return f"longer than {LONGEST} bytes"
    if found := [sign for sign in _FORBIDDEN if sign in name]:
        return f"not a file name on every system: it holds {found[0]}"
    if harmless(name) != name:
        return f"a formula in a spreadsheet: it begins with {name[0]}"
    if any(part != part.strip() or part.endswith(".") or not part for part in parts):
        return "not a path of names: a part of it is empty, or has a space or a dot at its edge"
    if any(map(RESERVED.fullmatch, parts)):
        return "a name that Windows keeps for a device"
    return None


def slug(*parts: str) -> str:
    """A file name of ASCII letters, digits, dots, dashes and underscores, of at most `LONGEST`.

    Two texts that differ in letters that it cannot hold, or beyond its end, differ in a digest at its end.
    """
    text = "_".join(parts)
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._]+", "-", plain).strip("-.")
    if RESERVED.fullmatch(name):
        name = f"_{name}"
    if name and len(name) <= LONGEST and text.isascii():
        return name
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{name[: LONGEST - 9]}-{digest}".strip("-.")
