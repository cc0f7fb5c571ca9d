"""Orthographic variants of each language, as rewriting rules.

Sources: the languages' orthographies and their reforms; Chinese characters from OpenCC (han.json, see compile_han.py).
"""

from __future__ import annotations

import json
import unicodedata
from importlib.resources import files

from xtreme_noise.languages import language
from xtreme_noise.noise.rewriting import Letters, LostJoiners, Nasals, Rule, Runs, Swaps

# Rules `old>new`: graphemes for graphemes, capitals like small letters, marks on a letter stay. ^ at the start: only
# at the start of a word; - at the start: not there; $ at the end: only at the end of a word; [abc] before or after
# `old`: only after or before one of these letters, [!abc] not so.
_RULES = {
    # hamza on its seat, ta marbuta and ha, ya and alef maqsura
    "ar": "أ>ا إ>ا آ>ا ٱ>ا ؤ>و ئ>ي ^ا[!ل]>أ ^ا[!ل]>إ -ة>ه$ -ه>ة$ ي>ى$ ى>ي$",
    # Arabic letters for Persian ones and back, hamza and madda left out
    "fa": "ی>ي ک>ك ي>ی ك>ک ى>ی ۀ>ه ة>ه أ>ا إ>ا ^آ>ا ؤ>و ئ>ی",
    "ur": "ی>ي ک>ك ہ>ه ي>ی ك>ک ه>ہ ھ>ہ ۂ>ہ ^آ>ا أ>ا ؤ>و ئ>ی ۓ>ے",
    # ordinary letters for final ones
    "he": "ך>כ ם>מ ן>נ ף>פ ץ>צ",
    "el": "ς>σ",
    # umlauts and ß in two letters; the spelling before 1996
    "de": "ä>ae ö>oe ü>ue ß>ss ss[bdfghklmnrtwz]>ß ss>ß$",
    "da": "æ>ae ø>oe å>aa",
    "nb": "æ>ae ø>oe å>aa",
    "sv": "ä>ae ö>oe å>aa",
    "is": "þ>th æ>ae",
    "fr": "œ>oe æ>ae",
    # an apostrophe for the accent
    "it": "à>a'$ è>e'$ é>e'$ ì>i'$ ò>o'$ ù>u'$",
    "ca": "l·l>l.l l·l>l-l l·l>ll",
    # cedilla for comma; the spelling before 1993
    "ro": "ș>ş ț>ţ ş>ș ţ>ț -â>î",
    "hr": "đ>dj",
    "uk": "-’>' -ʼ>' -'>’",
    # three or five vowels
    "qu": "[q]i>e [q]u>o [q]e>i [q]o>u i[q]>e u[q]>o e[q]>i o[q]>u",
    "hy": "և>եւ և>եվ -եւ>և -եվ>և",
    # y and ī after a vowel
    "hi": "-ई>यी$ -ए>ये$ -यी>ई$ -ये>ए$",
    "bn": "ৎ>ত্",
    # letters of their own, or with a joiner
    "ml": "ൻ>ന്\u200d ൺ>ണ്\u200d ർ>ര്\u200d ൽ>ല്\u200d ൾ>ള്\u200d ന്\u200d>ൻ ണ്\u200d>ൺ ര്\u200d>ർ ല്\u200d>ൽ ള്\u200d>ൾ",
    "th": "แ>เเ เเ>แ",
    # the digit zero for the letter, and two letters much alike
    "my": "ဝ>၀ ဉ>ဥ ဥ>ဉ",
}
_OLD, _NEW = "òa óa ỏa õa ọa òe óe ỏe õe ọe", "oà oá oả oã oạ oè oé oẻ oẽ oẹ"
_OLD_Y, _NEW_Y, _Y, _I = "ùy úy ủy ũy ụy", "uỳ uý uỷ uỹ uỵ", "ỳ ý ỷ ỹ ỵ y", "ì í ỉ ĩ ị i"


def _both_ways(ones: str, others: str, after: str = "") -> str:
    """Rules for each of `ones` and its counterpart, at the end of a word."""
    pairs = zip(ones.split(), others.split(), strict=True)
    return " ".join(f"{after}{one}>{other}$ {after}{other}>{one}$" for one, other in pairs)


# Where the tone mark stands in oa, oe, uy; y or i at the end.
_RULES["vi"] = " ".join((_both_ways(_OLD, _NEW), _both_ways(_OLD_Y, _NEW_Y, "[!q]"), _both_ways(_Y, _I, "[hklmst]")))
# Zero of the digits that are in everyday use beside ASCII ones.
_ZEROS = {
    "ar": "٠",
    **dict.fromkeys(("fa", "ur"), "۰"),
    **dict.fromkeys(("hi", "mr", "ne"), "०"),
    "bn": "০",
    "gu": "૦",
    "pa": "੦",
    "kn": "೦",
    "my": "၀",
    "th": "๐",
}
# Languages where an anusvara may stand for the nasal consonant before a stop, and which nasal for which stops.
_NASALS = {"hi": "नतथदध मपफबभ णटठडढ ञचछजझ", "ne": "नतथदध मपफबभ णटठडढ ञचछजझ"}
_FULL = {chr(code): chr(code + 0xFEE0) for code in range(ord("!"), ord("~") + 1) if chr(code).isalnum()}
# Katakana -> hiragana; characters without a hiragana counterpart map to themselves.
_HIRAGANA = {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F5)} | {"ー": "ー"}


def letters(code: str) -> list[Rule]:
    """Spelling variants of letters."""
    rules: list[Rule] = [Letters(_RULES[code].split())] if code in _RULES else []
    if code in _NASALS:
        rules.append(Nasals(_NASALS[code].split()))
    if code == "fa":
        rules.append(LostJoiners())
    return rules


def digits(code: str) -> list[Rule]:
    """Numbers in the language's own digits or in ASCII."""
    if code not in _ZEROS:
        return []
    native = {chr(ord(_ZEROS[code]) + number): str(number) for number in range(10)}
    return [Runs(native), Runs(dict(zip(native.values(), native, strict=True)), alone=True)]


def width(code: str) -> list[Rule]:
    """Latin words and numbers in full width and back (zh, ja), katakana in half width (ja)."""
    if language(code).script not in {"Hans", "Jpan"}:
        return []
    rules: list[Rule] = [Runs(_FULL), Runs({wide: narrow for narrow, wide in _FULL.items()})]
    return [*rules, Runs(_half_width(), shortest=2)] if code == "ja" else rules


def kana(code: str) -> list[Rule]:
    """Words in katakana as hiragana (ja)."""
    return [Runs(_HIRAGANA, shortest=2)] if code == "ja" else []


def han(code: str) -> list[Rule]:
    """Simplified characters for traditional ones and back (zh); one that is both becomes the traditional one."""
    if language(code).script != "Hans":
        return []
    data = json.loads(files("xtreme_noise.noise").joinpath("han.json").read_text(encoding="utf-8"))
    return [Swaps(dict(zip(*data["simplified"], strict=True)) | dict(zip(*data["traditional"], strict=True)))]


def _half_width() -> dict[str, str]:
    """Katakana -> its half-width form; a voiced one takes two characters, which are one grapheme."""
    single = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}
    marks = {"": "", "\u3099": "ﾞ", "\u309a": "ﾟ"}
    found = {}
    for letter in map(chr, range(0x30A1, 0x30FD)):
        parts = unicodedata.normalize("NFD", letter)
        if parts[0] in single:
            found[letter] = single[parts[0]] + marks[parts[1:]]
    return found
