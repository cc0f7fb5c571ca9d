"""Hangul typed on Dubeolsik (two-set): syllables to jamo keystrokes and back, as in an input method."""

from __future__ import annotations

from collections.abc import Iterable

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
# Jamo that take two keystrokes.
COMPOUNDS = {
    "ㅘ": "ㅗㅏ",
    "ㅙ": "ㅗㅐ",
    "ㅚ": "ㅗㅣ",
    "ㅝ": "ㅜㅓ",
    "ㅞ": "ㅜㅔ",
    "ㅟ": "ㅜㅣ",
    "ㅢ": "ㅡㅣ",
    "ㄳ": "ㄱㅅ",
    "ㄵ": "ㄴㅈ",
    "ㄶ": "ㄴㅎ",
    "ㄺ": "ㄹㄱ",
    "ㄻ": "ㄹㅁ",
    "ㄼ": "ㄹㅂ",
    "ㄽ": "ㄹㅅ",
    "ㄾ": "ㄹㅌ",
    "ㄿ": "ㄹㅍ",
    "ㅀ": "ㄹㅎ",
    "ㅄ": "ㅂㅅ",
}
_JOINED = {two: one for one, two in COMPOUNDS.items()}
# The keyboard: rows of (plain, Shift) from the left; ㅃㅉㄸㄲㅆㅒㅖ are the only shifted jamo.
ROWS = {"AD": "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔ", "AC": "ㅁㄴㅇㄹㅎㅗㅓㅏㅣ", "AB": "ㅋㅌㅊㅍㅠㅜㅡ"}
SHIFTED = dict(zip("ㅂㅈㄷㄱㅅㅐㅔ", "ㅃㅉㄸㄲㅆㅒㅖ", strict=True))
_FIRST, _LAST = 0xAC00, 0xD7A3


def is_syllable(grapheme: str) -> bool:
    return len(grapheme) == 1 and _FIRST <= ord(grapheme) <= _LAST


def jamo(syllable: str) -> tuple[str, str, str]:
    """Initial, vowel and final ("" for none) of a syllable."""
    rest, final = divmod(ord(syllable) - _FIRST, 28)
    initial, vowel = divmod(rest, 21)
    return INITIALS[initial], VOWELS[vowel], FINALS[final]


def syllable(initial: str, vowel: str, final: str) -> str:
    """The syllable of three jamo (final may be "")."""
    return chr(_FIRST + (INITIALS.index(initial) * 21 + VOWELS.index(vowel)) * 28 + FINALS.index(final))


_ECHOES = dict(zip(VOWELS, "ㅏㅐㅏㅐㅓㅔㅓㅔㅗㅏㅐㅔㅗㅜㅓㅔㅣㅜㅡㅣㅣ", strict=True))


def echo(open_syllable: str) -> str:
    """The syllable that draws out an open one (네: 에, 요: 오); "" for one with a final."""
    _, vowel, final = jamo(open_syllable)
    return "" if final else syllable("ㅇ", _ECHOES[vowel], "")


def strokes(grapheme: str) -> list[str]:
    """Keystrokes of a syllable or of a lone compatibility jamo; empty for anything else."""
    letters: Iterable[str] = ()
    if is_syllable(grapheme):
        letters = jamo(grapheme)
    elif len(grapheme) == 1 and "ㄱ" <= grapheme <= "ㅣ":
        letters = (grapheme,)
    return [stroke for letter in letters for stroke in COMPOUNDS.get(letter, letter)]


def compose(keys: Iterable[str]) -> list[str]:
    """The graphemes that an input method shows after these keystrokes: a final consonant before a vowel moves to the
    next syllable (half of it, if it took two strokes); what cannot join stays a lone jamo.
    """
    shown: list[str] = []
    initial = vowel = final = ""

    def flush() -> None:
        nonlocal initial, vowel, final
        if initial and vowel:
            shown.append(syllable(initial, vowel, final))
        elif initial or vowel:
            shown.append(initial or vowel)
        initial = vowel = final = ""

    for key in keys:
        if key in VOWELS:
            if final:
                typed = COMPOUNDS.get(final, final)
                final, moved = typed[:-1], typed[-1]
                flush()
                initial, vowel = moved, key
            elif vowel and vowel + key in _JOINED:
                vowel = _JOINED[vowel + key]
            elif vowel:
                flush()
                vowel = key
            else:
                vowel = key
        elif initial and vowel and not final and key in FINALS:
            final = key
        elif final and final + key in _JOINED:
            final = _JOINED[final + key]
        else:
            flush()
            initial = key
    flush()
    return shown
