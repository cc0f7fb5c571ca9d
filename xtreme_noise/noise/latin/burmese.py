"""Burmese after BGN/PCGN (1970) without tones, as on maps and in names: Mingalaba, Myanma."""

from __future__ import annotations

import regex

_INITIALS = dict(
    zip(
        "ကခဂဃငစဆဇဈဉညဋဌဍဎဏတထဒဓနပဖဗဘမယရလဝသဿဟဠအ",
        "k kh g g ng s s z z ny ny t t d d n t t d d n p p b b m y y l w th th h l -".split(),
        strict=True,
    )
)
_VOWELS = {
    "": "a", "ာ": "a", "ါ": "a", "ိ": "i", "ီ": "i", "ု": "u", "ူ": "u", "ေ": "e", "ဲ": "e", "ော": "aw", "ေါ": "aw",
    "ို": "o", "ံ": "an", "ုံ": "on", "ိံ": "ein",
}  # fmt: skip
_RHYMES = {
    "": {"က": "et", "င": "in", "စ": "it", "ည": "i", "ဉ": "in", "ယ": "e"}
    | dict.fromkeys("တပဒဗဓဋ", "at")
    | dict.fromkeys("နမဏလ", "an"),
    "ိ": dict.fromkeys("တပဒဗဋ", "eik") | dict.fromkeys("နမဏ", "ein"),
    "ု": dict.fromkeys("တပဒဗဂ", "ok") | dict.fromkeys("နမဏ", "on"),
    "ော": {"က": "auk", "င": "aung"},
    "ေါ": {"က": "auk", "င": "aung"},
    "ို": {"က": "aik", "င": "aing", "ယ": "o"},
    "ွ": dict.fromkeys("တပ", "ut") | dict.fromkeys("နမ", "un"),
}
_INDEPENDENT = {
    "ဣ": "i",
    "ဤ": "i",
    "ဥ": "u",
    "ဦ": "u",
    "ဧ": "e",
    "ဩ": "aw",
    "ဪ": "aw",
    "၏": "i",
    "၍": "ywe",
    "၌": "hnaik",
}
_SYLLABLE = regex.compile(
    "(?P<on>[က-ဠအဿ])(?P<medial>[ျြွှ]*)(?P<vowel>[ေ]?[ါ-ဲ]*ံ?)(?P<tone>[့း]*)(?:(?P<end>[က-အ])(?:့?့်?|္))?[့း်]*"
)
_TONES = regex.compile("[့း]")


def romanize(word: str) -> str:
    """A run of Burmese letters; "" where no syllable can be found."""
    text = word.replace("င်္", "င်")  # kinzi
    parts, at = [], 0
    while at < len(text):
        if text[at] in _INDEPENDENT:
            parts.append(_INDEPENDENT[text[at]])
            at += 1
            while at < len(text) and _TONES.match(text[at]):
                at += 1
            continue
        match = _SYLLABLE.match(text, at)
        if not match:
            return ""
        onset = _onset(match["on"], match["medial"])
        parts.append(onset + _rhyme(match["medial"], match["vowel"], match["end"] or "", bool(onset)))
        at = match.end()
    return "".join(parts)


def _onset(letter: str, medials: str) -> str:
    onset = _INITIALS[letter].strip("-")
    if "ျ" in medials or "ြ" in medials:
        onset = {"kh": "ch", "g": "gy", "th": "th"}.get(onset, onset + "y" if onset != "y" else "y")
    if "ွ" in medials:
        onset += "w"
    if "ှ" in medials:
        onset = "sh" if onset[:1] == "y" or (letter == "ရ") else "h" + onset
    return onset


def _rhyme(medials: str, vowel: str, end: str, begun: bool) -> str:
    if not end:
        return _VOWELS.get(vowel, "a")
    if "ွ" in medials and not vowel and end in _RHYMES["ွ"] and begun:
        return _RHYMES["ွ"][end][1:]  # the w is the u
    return _RHYMES.get(vowel, {}).get(end) or _VOWELS.get(vowel, "a")
