"""Names that become parts of paths: which are valid, and file names made from any text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from xtreme_noise.sheets import harmless

LONGEST = 120  # bytes, so that a file name can have more parts
# Windows reserves these for devices, with any extension.
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE | re.DOTALL)
_FORBIDDEN = '<>:"|?*\\'  # in file names on Windows


def problem(name: str) -> str | None:
    """Why `name` cannot be the name of a task, model or intermediate task; None when it is valid."""
    parts = name.split("/")
    if not name.strip():
        return "empty"
    if not name.isprintable():
        return "not printable"
    if len(name.encode()) > LONGEST:
        return f"longer than {LONGEST} bytes"
    if forbidden := [sign for sign in _FORBIDDEN if sign in name]:
        return f"not a file name on every system: it contains {forbidden[0]}"
    if harmless(name) != name:
        return f"a formula in a spreadsheet: it starts with {name[0]}"
    if any(part != part.strip() or part.endswith(".") or not part for part in parts):
        return "not a path of names: a part is empty, or starts or ends with a space or a dot"
    if any(map(RESERVED.fullmatch, parts)):
        return "a name that Windows reserves for a device"
    return None


def slug(*parts: str) -> str:
    """A file name of ASCII letters, digits, dots, dashes and underscores, of at most `LONGEST` bytes.

    A digest at its end distinguishes texts that differ only in other letters, or beyond the maximum length.
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
