"""Compile the readings of Han characters and words into readings.zh.tsv and readings.ja.tsv (run by hand; the
output is checked in).

    python -m tools.noise_tables.compile_readings DICT_TXT PYPINYIN IPADIC UNIHAN

DICT_TXT: dict.txt of jieba 0.42.1 (words and their frequencies, MIT licence). PYPINYIN: the folder that contains
the package pypinyin 0.55.0 (readings of words in context, MIT licence). IPADIC: the folder of Debian's mecab-ipadic
2.7.0-20070801 (NAIST's licence). UNIHAN: the folder of Unihan_*.txt.bz2 in Debian's unicode-data 15.0.0
(Unicode licence). Notices in readings.LICENSE.

Each line: a reading (pinyin without tones, or hiragana), a tab, and the words with that reading, most frequent first.
"""

from __future__ import annotations

import bz2
import csv
import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tools.noise_tables import FOLDER

TARGET = FOLDER
HAN = re.compile("[\u4e00-\u9fff]+")
JAPANESE = re.compile("[\u4e00-\u9fff々][\u4e00-\u9fff々ぁ-ん]*")
WORDS = 24_000  # Chinese words of several characters
NAMES = {"nr", "nrt", "nrfg", "nz", "nt"}  # of people and products: frequent in jieba's corpus only
# IPADIC: by class of word, the highest cost of a word that occurred in its corpus (others are only listed), and the
# conjugated forms kept.
COSTS = {
    "名詞,一般": 5600,
    "名詞,サ変接続": 4460,
    "名詞,形容動詞語幹": 4842,
    "名詞,副詞可能": 6000,
    "名詞,固有名詞": 7000,
    "副詞,一般": 5200,
    "副詞,助詞類接続": 3300,
    "動詞,自立": 8000,
    "形容詞,自立": 4681,
}
ALONE, NEVER = 14_000, -(1 << 20)  # single kanji have high costs because they also occur in compounds
FORMS = {"*", "基本形", "連用形", "連用タ接続", "未然形"}


def chinese(words: Path, pypinyin: Path) -> dict[str, list[str]]:
    """Common simplified words and all simplified characters that have a frequency, by toneless pinyin."""
    sys.path.insert(0, str(pypinyin))
    lazy_pinyin = importlib.import_module("pypinyin").lazy_pinyin
    counted = []
    for line in words.read_text(encoding="utf-8").splitlines():
        word, frequency, kind = line.split()
        if HAN.fullmatch(word) and len(word) <= 4 and _simplified(word) and (len(word) == 1 or kind not in NAMES):
            counted.append((-int(frequency), word))
    counted.sort()
    several = [word for _, word in counted if len(word) > 1][:WORDS]
    single = [word for _, word in counted if len(word) == 1]
    return _by_reading((word, " ".join(lazy_pinyin(word))) for word in [*single, *several])


def _simplified(word: str) -> bool:
    try:
        word.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def japanese(ipadic: Path, unihan: Path) -> dict[str, list[str]]:
    """Common words written with kanji of general use, by their reading in hiragana."""
    common = _kanji(unihan / "Unihan_OtherMappings.txt.bz2", "kJoyoKanji")
    taught = _kanji(unihan / "Unihan_DictionaryLikeData.txt.bz2", "kGradeLevel") & common
    best: dict[str, tuple[int, int, str]] = {}
    for path in sorted(ipadic.glob("*.csv")):
        with path.open(encoding="euc-jp", newline="") as file:
            for row in csv.reader(file):
                surface, cost, kind, reading = row[0], int(row[3]), f"{row[4]},{row[5]}", _hiragana(row[11])
                limit = ALONE if len(surface) == 1 and row[4] == "名詞" else COSTS.get(kind, NEVER)
                if cost > limit or row[9] not in FORMS:
                    continue
                if (
                    (kind == "名詞,固有名詞" and row[6] != "地域")
                    or not JAPANESE.fullmatch(surface)
                    or len(surface) > 4
                ):
                    continue
                kanji = set("".join(HAN.findall(surface)))
                allowed = common if kind[:2] != "動詞" else taught if len(kanji) == 1 else set()
                if kanji <= allowed:
                    # Of readings of similar frequency, the shorter one (行っ: いっ, not おこなっ).
                    best[surface] = min((cost // 100, len(reading), reading), best.get(surface, (1 << 30, 0, "")))
    ranked = sorted((cost, surface, reading) for surface, (cost, _, reading) in best.items())
    return _by_reading((surface, reading) for _, surface, reading in ranked)


def _kanji(path: Path, field: str) -> set[str]:
    """The kanji that have this field of Unihan."""
    with bz2.open(path, "rt", encoding="utf-8") as file:
        return {chr(int(line.split("\t")[0][2:], 16)) for line in file if f"\t{field}\t" in line}


def _hiragana(katakana: str) -> str:
    return "".join(chr(ord(kana) - 0x60) if "ァ" <= kana <= "ヶ" else kana for kana in katakana)


def _by_reading(words: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    by_reading: dict[str, list[str]] = defaultdict(list)
    for word, reading in words:
        by_reading[reading].append(word)
    return dict(sorted(by_reading.items()))


def write(name: str, readings: dict[str, list[str]]) -> None:
    text = "".join(f"{reading}\t{' '.join(words)}\n" for reading, words in readings.items())
    (TARGET / name).write_text(text, encoding="utf-8")


def main() -> None:
    words, pypinyin, ipadic, unihan = map(Path, sys.argv[1:5])
    write("readings.zh.tsv", chinese(words, pypinyin))
    write("readings.ja.tsv", japanese(ipadic, unihan))


if __name__ == "__main__":
    main()
