"""How far each language of XTREME-R is from English, and how much text of it XLM-R was pretrained on.

features.csv has the numbers; tools/language_features.py writes it, and features.LICENSE names the sources.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from xtreme_noise.languages import LANGUAGES

TABLE = Path(__file__).parent / "features.csv"
DISTANCES = ("syn", "pho", "inv", "fam", "geo")


@dataclass(frozen=True)
class Features:
    """Distances to English in URIEL, from 0 (the same) to 1: of syntax (syn), phonology (pho), phoneme inventory (inv),
    genealogy (fam) and geography (geo). gib: size of its part of CC-100 in GiB; None: it is not in CC-100.
    """

    code: str
    syn: float
    pho: float
    inv: float
    fam: float
    geo: float
    gib: float | None


@cache
def features() -> dict[str, Features]:
    """The features of every language of XTREME-R, by code."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["code"]: _of(row) for row in csv.DictReader(file)}


def _of(row: dict[str, str]) -> Features:
    syn, pho, inv, fam, geo = (float(row[name]) for name in DISTANCES)
    return Features(row["code"], syn, pho, inv, fam, geo, float(row["gib"]) if row["gib"] else None)


def top_family(code: str) -> str:
    """The top-level genealogical family of a language: IE for every branch of Indo-European."""
    return LANGUAGES[code].family.split(":")[0]
