"""Romanization as people type it on a keyboard without their script: no diacritics, no tones.

`romanizer(code)` gives a function from a word, or a part of it, to ASCII letters and digits; "" if a part is unknown.
Sources: national systems without diacritics (Russian, Ukrainian, Bulgarian, Georgian: passport and UN tables; Korean:
Revised Romanization; Thai: RTGS; Burmese: BGN/PCGN) and, where common usage differs, that usage: Greeklish, Serbian
without haceks, Arabic chat digits, Finglish, Roman Urdu, Hindi as on the web.
"""

from __future__ import annotations

from collections.abc import Callable

from xtreme_noise.languages import language
from xtreme_noise.noise.latin import burmese, indic, japanese, korean, letters, thai
from xtreme_noise.noise.readings import readings


def romanizer(code: str) -> Callable[[str], str]:
    """The romanizer of a language that is not written in Latin letters."""
    script = language(code).script
    if code == "ko":
        return korean.romanize
    if code == "zh":
        reading = readings("zh").reading
        return lambda word: reading.get(word, "").replace(" ", "")
    if code == "ja":
        return japanese.romanize
    if script in indic.BLOCKS:
        return indic.romanizer(code)
    return {"Thai": thai.romanize, "Mymr": burmese.romanize}.get(script) or letters.romanizer(code)
