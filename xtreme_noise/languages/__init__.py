"""The language table: the 50 languages of XTREME-R, and those that home-assistant-intents adds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xtreme_noise.errors import ConfigError, suggest


@dataclass(frozen=True)
class Language:
    """One language as its users write it.

    code: ISO 639-1; name: English name; script: ISO 15924 (Hans: simplified Han, Jpan: kanji and kana,
    Kore: Hangul and Han); family: genealogical, top level, with the branch for Indo-European; spaces:
    spaces separate words (in Vietnamese they separate syllables, which counts as yes); rtl: written from
    right to left; xtreme_r: one of the 50 languages of XTREME-R.
    """

    code: str
    name: str
    script: str
    family: str
    spaces: bool
    rtl: bool
    xtreme_r: bool


# code | name | script | family
_XTREME_R = """
af | Afrikaans | Latn | IE: Germanic
ar | Arabic | Arab | Afro-Asiatic
az | Azerbaijani | Latn | Turkic
bg | Bulgarian | Cyrl | IE: Slavic
bn | Bengali | Beng | IE: Indo-Aryan
de | German | Latn | IE: Germanic
el | Greek | Grek | IE: Greek
en | English | Latn | IE: Germanic
es | Spanish | Latn | IE: Romance
et | Estonian | Latn | Uralic
eu | Basque | Latn | Basque
fa | Persian | Arab | IE: Iranian
fi | Finnish | Latn | Uralic
fr | French | Latn | IE: Romance
gu | Gujarati | Gujr | IE: Indo-Aryan
he | Hebrew | Hebr | Afro-Asiatic
hi | Hindi | Deva | IE: Indo-Aryan
ht | Haitian Creole | Latn | Creole
hu | Hungarian | Latn | Uralic
id | Indonesian | Latn | Austronesian
it | Italian | Latn | IE: Romance
ja | Japanese | Jpan | Japonic
jv | Javanese | Latn | Austronesian
ka | Georgian | Geor | Kartvelian
kk | Kazakh | Cyrl | Turkic
ko | Korean | Kore | Koreanic
lt | Lithuanian | Latn | IE: Baltic
ml | Malayalam | Mlym | Dravidian
mr | Marathi | Deva | IE: Indo-Aryan
ms | Malay | Latn | Austronesian
my | Burmese | Mymr | Sino-Tibetan
nl | Dutch | Latn | IE: Germanic
pa | Punjabi | Guru | IE: Indo-Aryan
pl | Polish | Latn | IE: Slavic
pt | Portuguese | Latn | IE: Romance
qu | Quechua | Latn | Quechuan
ro | Romanian | Latn | IE: Romance
ru | Russian | Cyrl | IE: Slavic
sw | Swahili | Latn | Niger-Congo
ta | Tamil | Taml | Dravidian
te | Telugu | Telu | Dravidian
th | Thai | Thai | Kra-Dai
tl | Tagalog | Latn | Austronesian
tr | Turkish | Latn | Turkic
uk | Ukrainian | Cyrl | IE: Slavic
ur | Urdu | Arab | IE: Indo-Aryan
vi | Vietnamese | Latn | Austro-Asiatic
wo | Wolof | Latn | Niger-Congo
yo | Yoruba | Latn | Niger-Congo
zh | Chinese | Hans | Sino-Tibetan
"""

_FURTHER = """
ca | Catalan | Latn | IE: Romance
cs | Czech | Latn | IE: Slavic
cy | Welsh | Latn | IE: Celtic
da | Danish | Latn | IE: Germanic
ga | Irish | Latn | IE: Celtic
gl | Galician | Latn | IE: Romance
hr | Croatian | Latn | IE: Slavic
hy | Armenian | Armn | IE: Armenian
is | Icelandic | Latn | IE: Germanic
kn | Kannada | Knda | Dravidian
kw | Cornish | Latn | IE: Celtic
lb | Luxembourgish | Latn | IE: Germanic
lv | Latvian | Latn | IE: Baltic
mn | Mongolian | Cyrl | Mongolic
nb | Norwegian Bokmål | Latn | IE: Germanic
ne | Nepali | Deva | IE: Indo-Aryan
sk | Slovak | Latn | IE: Slavic
sl | Slovenian | Latn | IE: Slavic
sr | Serbian | Cyrl | IE: Slavic
sv | Swedish | Latn | IE: Germanic
"""

_WITHOUT_SPACES = {"Hans", "Jpan", "Mymr", "Thai"}
_RIGHT_TO_LEFT = {"Arab", "Hebr"}


def _rows(table: str, xtreme_r: bool) -> dict[str, Language]:
    rows = {}
    for line in table.strip().splitlines():
        code, name, script, family = (part.strip() for part in line.split("|"))
        rows[code] = Language(
            code=code,
            name=name,
            script=script,
            family=family,
            spaces=script not in _WITHOUT_SPACES,
            rtl=script in _RIGHT_TO_LEFT,
            xtreme_r=xtreme_r,
        )
    return rows


LANGUAGES: dict[str, Language] = dict(sorted((_rows(_XTREME_R, True) | _rows(_FURTHER, False)).items()))
XTREME_R: tuple[str, ...] = tuple(code for code, row in LANGUAGES.items() if row.xtreme_r)


def sides(code: str) -> tuple[str, ...]:
    """The languages of a code: one, or the two of a pair such as ar-de, of a task with texts in two languages."""
    return tuple(str(code).split("-", 1))


def main(code: str) -> str:
    """The language that determines metric, script and report: of a pair, the first."""
    return sides(code)[0]


def language(code: str) -> Language:
    """The row of `code`; of a pair, that of its first language, with both names. Raises ConfigError, with the nearest
    code, for an unknown one."""
    parts = sides(code)
    if len(parts) == 2:
        first, second = (_row(part) for part in parts)
        name, both = f"{first.name}-{second.name}", first.xtreme_r and second.xtreme_r
        return replace(first, code=code, name=name, xtreme_r=both)
    return _row(code)


def lacking(code: str, what: str, file: str) -> ConfigError:
    """The error for a language that is in this table, but not in another one that a job needs."""
    return ConfigError(f"{language(code).name} ({code!r}) has no {what}: add it to xtreme_noise/{file}")


def _row(code: str) -> Language:
    try:
        return LANGUAGES[code]
    except (KeyError, TypeError):
        hint = ""
        if str(code).lower() == "false":
            hint = " (YAML reads a bare `no` as False; Norwegian Bokmål is `nb` here)"
        elif str(code).lower() in {"true", "none"}:
            hint = " (YAML reads bare words such as `yes`, `on` and `null` as values; put codes in quotes)"
        elif str(code).lower() in LANGUAGES:
            hint = f" (codes are in lower case: {str(code).lower()!r})"
        elif str(code) != "no" and str(code).lower() == "no":
            hint = " (Norwegian Bokmål is 'nb' here)"
        by_name = {row.name.lower(): row.code for row in LANGUAGES.values()}
        if not hint and str(code).lower() in by_name:
            raise ConfigError(f"unknown language {code!r}: write its code, {by_name[str(code).lower()]!r}") from None
        raise ConfigError(f"unknown language {code!r}{hint}{suggest(str(code), LANGUAGES, 'languages')}") from None
