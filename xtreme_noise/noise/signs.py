"""Punctuation marks of each language, and their typical replacements.

Sources: the languages' typography (quotation marks as in CLDR) and their keyboards.
"""

from __future__ import annotations

from functools import cache

from xtreme_noise.languages import language

# Marks that noise may act on. Not % & @ # * / _ and the like, which carry meaning.
MARKS = frozenset(
    ".,;:!?'\"-()…‘’‚“”„‹›«»–—¿¡·"
    "،؛؟۔"  # Arabic, Urdu
    "׳״־"  # Hebrew
    "।॥"  # Indic
    "։՝՞՛՜՚"  # Armenian
    "၊။"  # Burmese
    "、。，．！？：；（）「」『』《》〈〉・"  # Chinese, Japanese
)
# Those that get doubled.
DOUBLED = frozenset(".,;:!?…،؛؟۔।։၊။、。，！？：；")
_ASCII = {"‘": "'", "’": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "–": "-", "—": "-"}
_FULL_WIDTH = {"，": ",", "．": ".", "！": "!", "？": "?", "：": ":", "；": ";", "（": "(", "）": ")"}
_ARABIC = {"،": ",", "؛": ";", "؟": "?"}
# Script or language -> native mark and what is typed instead.
_NATIVE = {
    "Arab": _ARABIC,
    "ur": {**_ARABIC, "۔": "."},
    "Hebr": {"׳": "'", "״": '"', "־": "-"},
    "hi": {"।": "."},
    "ne": {"।": "."},
    "bn": {"।": "."},
    "pa": {"।": "."},
    "hy": {"։": ":", "՝": ",", "՞": "?", "՜": "!", "՚": "'"},
    "my": {"။": ".", "၊": ","},
    "zh": {**_FULL_WIDTH, "。": ".", "、": ",", "「": '"', "」": '"', "《": '"', "》": '"'},
    "ja": {**_FULL_WIDTH, "。": ".", "、": ",", "「": '"', "」": '"'},
    "ko": {"、": ",", "。": "."},
    "el": {";": "?", "·": "."},
    "es": {"¿": "?", "¡": "!"},
}
# ASCII -> the native mark, where the letter before is none of ASCII. Not from the mark that is most often another one.
_TO_NATIVE = {
    "Arab": {",": "،", ";": "؛", "?": "؟"},
    "ur": {",": "،", ";": "؛", "?": "؟", ".": "۔"},
    "Hebr": {'"': "״", "'": "׳"},
    "hi": {".": "।"},
    "ne": {".": "।"},
    "bn": {".": "।"},
    "pa": {".": "।"},
    "hy": {":": "։", ",": "՝"},
    "my": {",": "၊"},
    "zh": {",": "，", ".": "。", "!": "！", "?": "？", ":": "：", ";": "；", "(": "（", ")": "）"},
    "ja": {",": "、", ".": "。", "!": "！", "?": "？", ":": "：", "(": "（", ")": "）"},
    "el": {"?": ";"},
}
# Opening and closing quotation marks; “ ” elsewhere.
_QUOTES = {
    **dict.fromkeys(("de", "bg", "cs", "et", "ka", "lt", "sk", "sl", "is", "lb"), "„“"),
    **dict.fromkeys(("pl", "ro", "hu", "hr", "sr", "mn"), "„”"),
    **dict.fromkeys(("ru", "uk", "el", "fr", "es", "it", "nb", "kk", "hy", "fa", "ca", "pt"), "«»"),
    **dict.fromkeys(("fi", "sv"), "””"),
    "az": "“”",
}


@cache
def to_ascii(code: str) -> dict[str, str]:
    """Mark -> its ASCII replacement."""
    return _ASCII | _NATIVE.get(code, _NATIVE.get(language(code).script, {}))


@cache
def to_native(code: str) -> dict[str, str]:
    """ASCII mark -> the language's own mark, after a letter of its script. Quotation marks: see `quotes`."""
    return {"'": "’", **_TO_NATIVE.get(code, _TO_NATIVE.get(language(code).script, {}))}


def quotes(code: str) -> str:
    """The opening and the closing quotation mark."""
    return _QUOTES.get(code, "“”")
