"""Names of languages in data sets: the codes that a path, a configuration or a split may contain."""

from __future__ import annotations

from xtreme_noise import languages
from xtreme_noise.errors import ConfigError

# Our code -> the name in FLORES-200.
FLORES = {
    "af": "afr_Latn", "ar": "arb_Arab", "az": "azj_Latn", "bg": "bul_Cyrl", "bn": "ben_Beng", "de": "deu_Latn",
    "el": "ell_Grek", "en": "eng_Latn", "es": "spa_Latn", "et": "est_Latn", "eu": "eus_Latn", "fa": "pes_Arab",
    "fi": "fin_Latn", "fr": "fra_Latn", "gu": "guj_Gujr", "he": "heb_Hebr", "hi": "hin_Deva", "ht": "hat_Latn",
    "hu": "hun_Latn", "id": "ind_Latn", "it": "ita_Latn", "ja": "jpn_Jpan", "jv": "jav_Latn", "ka": "kat_Geor",
    "kk": "kaz_Cyrl", "ko": "kor_Hang", "lt": "lit_Latn", "ml": "mal_Mlym", "mr": "mar_Deva", "ms": "zsm_Latn",
    "my": "mya_Mymr", "nl": "nld_Latn", "pa": "pan_Guru", "pl": "pol_Latn", "pt": "por_Latn", "qu": "quy_Latn",
    "ro": "ron_Latn", "ru": "rus_Cyrl", "sw": "swh_Latn", "ta": "tam_Taml", "te": "tel_Telu", "th": "tha_Thai",
    "tl": "tgl_Latn", "tr": "tur_Latn", "uk": "ukr_Cyrl", "ur": "urd_Arab", "vi": "vie_Latn", "wo": "wol_Latn",
    "yo": "yor_Latn", "zh": "zho_Hans",
}  # fmt: skip

# Our code -> ISO 639-3; for a macrolanguage, the member that Tatoeba uses.
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
    """`pattern` with {language}, {iso639_3}, {language_name} and {flores} (FLORES-200, such as deu_Latn) filled in.

    For a pair of languages: {language}, {first} and {second}. Raises ConfigError for any other field, and for a
    language without a FLORES or ISO 639-3 code here."""
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
        raise languages.lacking(row.code, "ISO 639-3 code", "languages/codes.py")
    try:
        return pattern.format(**fields)
    except (KeyError, IndexError, ValueError) as error:
        known = ", ".join(f"{{{name}}}" for name in fields)
        raise ConfigError(f"data of {row.name}: {pattern!r} has the field {error}, which is none of {known}") from error
