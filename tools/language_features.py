"""Write the distances of XTREME-R's languages to English and the sizes of their pretraining texts into a table.

    python -m tools.language_features DISTANCES

DISTANCES: a CSV file with the columns code, syn, pho, inv, fam and geo: distances to English in URIEL (Littell et al.
2017, CC BY-SA 4.0), made with lang2vec 1.1.2 (cosine distance of syntax_knn, phonology_knn and inventory_knn; fam and
geo as they are). An empty fam, of an isolate, becomes 1. The sizes are those below. The output, features.csv in
xtreme_noise/languages, is checked in; attribution and licence are in features.LICENSE.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from xtreme_noise.languages import XTREME_R
from xtreme_noise.languages.features import DISTANCES, TABLE

# CC-100 in GiB (Conneau et al. 2020, 1911.02116, appendix A, "Languages and statistics of the CC-100 corpus"), of the
# script that the language has here: zh simplified, my in Unicode. ht, qu, wo and yo are not in CC-100.
GIB = """
af=1.3 ar=28.0 az=6.5 bg=57.5 bn=8.4 de=66.6 el=46.9 en=300.8 es=53.3 et=6.1 eu=2.0 fa=111.6 fi=54.3 fr=56.8 gu=1.9
he=31.6 hi=20.2 hu=58.4 id=148.3 it=30.2 ja=69.3 jv=0.2 ka=9.1 kk=6.4 ko=54.2 lt=13.7 ml=7.6 mr=2.8 ms=8.5 my=1.6
nl=29.3 pa=0.8 pl=44.6 pt=49.1 ro=61.4 ru=278.0 sw=1.6 ta=12.2 te=4.7 th=71.7 tl=3.1 tr=20.9 uk=84.6 ur=5.7 vi=137.3
zh=46.9
"""

ISOLATE = {"fam": 1.0}  # shares no ancestor with English: the other distances are never empty


def main(distances: str) -> None:
    """Replace the table. Raises ValueError unless the file has exactly XTREME-R's languages."""
    sizes = dict(entry.split("=") for entry in GIB.split())
    with Path(distances).open(encoding="utf-8", newline="") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    if set(rows) != set(XTREME_R):
        raise ValueError(f"{distances} differs from XTREME-R in: {', '.join(sorted(set(rows) ^ set(XTREME_R)))}")
    lines = [",".join(("code", *DISTANCES, "gib"))]
    for code in XTREME_R:
        own = [f"{abs(float(rows[code][name] or ISOLATE[name])):.4f}" for name in DISTANCES]  # abs: no -0
        lines.append(",".join((code, *own, sizes.get(code, ""))))
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
