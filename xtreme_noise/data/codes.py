"""How data sets name a language: the codes that a path, a configuration or a split may hold."""

from __future__ import annotations

from xtreme_noise import languages
from xtreme_noise.config.splits import SplitConfig
from xtreme_noise.data.sib200 import NAMES as FLORES
from xtreme_noise.errors import ConfigError

# ISO 639-3 by the codes of the language table; of a macrolanguage, the member that Tatoeba names.
_ISO639_3 = """
af=afr ar=ara az=aze bg=bul bn=ben ca=cat cs=ces cy=cym da=dan de=deu el=ell en=eng es=spa
et=est eu=eus fa=pes fi=fin fr=fra ga=gle gl=glg gu=guj he=heb hi=hin hr=hrv ht=hat hu=hun
hy=hye id=ind is=isl it=ita ja=jpn jv=jav ka=kat kk=kaz kn=kan ko=kor kw=cor lb=ltz lt=lit
lv=lvs ml=mal mn=mon mr=mar ms=zsm my=mya nb=nob ne=npi nl=nld pa=pan pl=pol pt=por qu=que
ro=ron ru=rus sk=slk sl=slv sr=srp sv=swe sw=swh ta=tam te=tel th=tha tl=tgl tr=tur uk=ukr
ur=urd vi=vie wo=wol yo=yor zh=cmn
"""
ISO639_3 = dict(pair.split("=") for pair in _ISO639_3.split())


def fill(pattern: str, language: str) -> str:
    """`pattern` with {language}, {iso639_3}, {language_name} and {flores} (FLORES-200, as in deu_Latn) filled in.

    Of a pair of languages {language}, {first} and {second}. Raises ConfigError for another field, and for {flores} in
    a language outside XTREME-R, or {iso639_3} in one whose code is not known here."""
    row = languages.language(language)
    sides = languages.sides(language)
    fields = {"language": row.code}
    if len(sides) == 2:
        fields |= {"first": sides[0], "second": sides[1]}
    else:
        fields["language_name"] = row.name
    if row.code in ISO639_3:
        fields["iso639_3"] = ISO639_3[row.code]
    if row.code in FLORES:
        fields["flores"] = FLORES[row.code]
    if "{iso639_3}" in pattern and len(sides) == 1 and row.code not in ISO639_3:
        raise languages.lacking(row.code, "ISO 639-3 code", "data/codes.py")
    try:
        return pattern.format(**fields)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in fields)
        raise ConfigError(f"data of {row.name}: {pattern!r} has a field that is none of {known}: {error}") from error


def names_language(split: SplitConfig) -> bool:
    """Whether a language is part of where a split is; otherwise the same rows are found in whatever language."""
    return any("{" in part for part in (split.path, split.name or "", split.split or ""))
