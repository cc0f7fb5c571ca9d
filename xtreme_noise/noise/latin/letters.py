"""Alphabets and abjads: letter by letter, with what differs at the start of a word and letters that are read
together.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import regex

from xtreme_noise.languages import lacking


def _table(text: str) -> dict[str, str]:
    """ "а a, б b": letter or letters, a space, what they become (nothing for -)."""
    pairs = (pair.split() for pair in text.replace("\n", " ").split(","))
    return {left: "" if right == "-" else right for left, right in pairs}


_CYRILLIC = """а a, б b, в v, г g, д d, е e, ё yo, ж zh, з z, и i, й y, к k, л l, м m, н n, о o, п p, р r, с s, т t,
 у u, ф f, х kh, ц ts, ч ch, ш sh, щ shch, ъ -, ы y, ь -, э e, ю yu, я ya"""
_ARABIC = """ا a, ب b, ت t, ث th, ج j, ح 7, خ kh, د d, ذ th, ر r, ز z, س s, ش sh, ص s, ض d, ط t, ظ z, ع 3, غ gh, ف f,
 ق q, ك k, ل l, م m, ن n, ه h, و o, ي i, ى a, ة a, ء 2, أ a, إ e, آ a, ؤ 2, ئ 2, ال al, َ a, ِ i, ُ u, ً an, ٍ in, ٌ on, ْ -,
 ـ -, ٰ a, َا a, ِي i, ُو o, ةً atan, ةٌ aton, ةٍ atin, ةُ at, ةَ at, ةِ at"""
_PERSIAN = """ا a, آ a, ب b, پ p, ت t, ث s, ج j, چ ch, ح h, خ kh, د d, ذ z, ر r, ز z, ژ zh, س s, ش sh, ص s, ض z, ط t,
 ظ z, ع a, غ gh, ف f, ق gh, ک k, ك k, گ g, ل l, م m, ن n, و o, ه h, ی i, ي i, ئ i, ء -, أ a, ؤ o, ة t, ۀ e, َ a, ِ e, ُ o,
 ً an, ْ -, ـ -, خوا kha, ایی ayi"""
_URDU = """ا a, آ aa, ب b, پ p, ت t, ٹ t, ث s, ج j, چ ch, ح h, خ kh, د d, ڈ d, ذ z, ر r, ڑ r, ز z, ژ zh, س s, ش sh,
 ص s, ض z, ط t, ظ z, ع a, غ gh, ف f, ق q, ک k, ك k, گ g, ل l, م m, ن n, ں n, و o, ہ h, ه h, ۃ t, ة t, ھ h, ی i, ي i,
 ے e, ئ i, ۓ e, ؤ o, أ a, ء -, َ a, ِ i, ُ u, ً an, ْ -, ٰ a, ٔ -"""
# language -> (everywhere, at the start of a word)
_TABLES = {
    "ru": (_CYRILLIC + ", х h, щ sch, ый y, ий y, ъе ye, ье ye, ъё yo, ьё yo", "е e"),
    "bg": (_CYRILLIC + ", х h, щ sht, ъ a, ь y", "а a"),
    "uk": (
        _CYRILLIC + ", г h, ґ g, є ie, и y, і i, ї i, й i, ю iu, я ia, зг zgh, ' -, ’ -, ʼ -",
        "є ye, ї yi, й y, ю yu, я ya",
    ),
    "sr": (_CYRILLIC + ", ж z, х h, ц c, ч c, ш s, ђ dj, ј j, љ lj, њ nj, ћ c, џ dz", "а a"),
    "mn": (_CYRILLIC + ", ө u, ү u, ж j, й i, ы ii, ь i, х h, щ sh", "е ye"),
    "kk": (_CYRILLIC + ", ә a, ғ g, қ q, ң n, ө o, ұ u, ү u, һ h, і i, и i, й i, х h, щ sch", "е e"),
    "el": (
        """α a, β v, γ g, δ d, ε e, ζ z, η i, θ th, ι i, κ k, λ l, μ m, ν n, ξ ks, ο o, π p, ρ r, σ s, ς s, τ t, υ y,
        φ f, χ x, ψ ps, ω o, ου ou, αυ au, ευ eu, γγ gg, γκ gk, μπ mp, ντ nt""",
        "μπ b, ντ d, γκ g",
    ),
    "ka": (
        """ა a, ბ b, გ g, დ d, ე e, ვ v, ზ z, თ t, ი i, კ k, ლ l, მ m, ნ n, ო o, პ p, ჟ zh, რ r, ს s, ტ t, უ u, ფ p,
        ქ k, ღ gh, ყ k, შ sh, ჩ ch, ც ts, ძ dz, წ ts, ჭ ch, ხ kh, ჯ j, ჰ h""",
        "ყ q",
    ),
    "hy": (
        """ա a, բ b, գ g, դ d, ե e, զ z, է e, ը y, թ t, ժ zh, ի i, լ l, խ kh, ծ ts, կ k, հ h, ձ dz, ղ gh, ճ ch, մ m,
        յ y, ն n, շ sh, ո o, չ ch, պ p, ջ j, ռ r, ս s, վ v, տ t, ր r, ց ts, ւ v, փ p, ք k, օ o, ֆ f, և ev, ու u""",
        "ե ye, ո vo, և yev, ու u, ով ov",
    ),
    "he": (
        """א a, ב v, ג g, ד d, ה h, ו o, ז z, ח ch, ט t, י i, כ k, ך ch, ל l, מ m, ם m, נ n, ן n, ס s, ע a, פ p, ף f,
        צ ts, ץ ts, ק k, ר r, ש sh, ת t, וו v, יי ay, ״ -, ׳ -""",
        "ב b, ו ve, י y, ה ha",
    ),
    "ar": (_ARABIC, "و w, ي y, ال al, الو alw, الي aly, وال wal, بال bel, لل lel"),
    "fa": (_PERSIAN, "و v, ی y, ای i, او oo, ع a"),
    "ur": (_URDU, "و w, ی y, ای ai, اے e, او o, اور aur"),
}
# Common words whose vowels are not written, as they are typed.
_WORDS = {
    "ar": "الله allah, والله wallah, لله lillah, هذا hatha, هذه hathihi, ذلك thalik, لكن lakin",
    "fa": "و va, که ke, به be, من man, تو to, شد shod, شده shode, کرد kard, کرده karde, خود khod, دو do, چه che, سه se",
    "ur": "وہ woh, یہ yeh, میں mein, ہیں hain, ہے hai, نہیں nahin, کہ keh, پر par, سے se, کے ke, نے ne, کو ko, تھے the",
    "he": "לא lo, של shel, את et, על al, כל kol, עם im, הוא hu, היא hi, מה ma, גם gam, זה ze",
}
_ENDS = {"fa": ("ه", "e"), "ur": ("ہ", "a"), "he": ("ה", "a")}  # a last letter that stands for a vowel ...
_AFTER_VOWEL = "اآویهעאויהےہ"  # ... but after these
_VOWELLESS = {"fa", "ur"}  # no word begins with two consonants: the short vowel that is not written is typed as a
_CLUSTER = regex.compile("(?<!.)(?:kh|gh|sh|ch|zh|th|[bcdfgjklmnpqrstvwz])(?=[bcdfgjklmnpqrstvxz]|h(?=.))")
_ASPIRATED = regex.compile("(?<!.)[bptdkg]h")
_MARKS = regex.compile(r"\p{Mn}")
_DOUBLED = "\u0651"  # shadda


def romanizer(code: str) -> Callable[[str], str]:
    """Of a language in `_TABLES`. Raises ConfigError for another one."""
    if code not in _TABLES:
        raise lacking(code, "Latin letters for its own", "noise/latin/letters.py")
    everywhere, first = (_table(text) for text in _TABLES[code])
    words = _table(_WORDS[code]) if code in _WORDS else {}
    end, vowel = _ENDS.get(code, ("", ""))
    longest = max(map(len, (*everywhere, *first)))

    def romanize(word: str) -> str:
        text = _prepared(word, code)
        if text in words:
            return words[text]
        parts: list[str] = []
        at = 0
        while at < len(text):
            if text[at] == _DOUBLED or text[at] in "\u200c\u200d":
                if text[at] == _DOUBLED and parts:
                    parts.append(parts[-1])
                at += 1
                continue
            for length in range(min(longest, len(text) - at), 0, -1):
                piece = text[at : at + length]
                if at == 0 and piece in first and (length < len(text) or len(piece) == 1):
                    parts.append(first[piece])
                elif piece == end and at and at + 1 == len(text) and text[at - 1] not in _AFTER_VOWEL:
                    parts.append(vowel)
                elif piece in everywhere:
                    parts.append(everywhere[piece])
                else:
                    continue
                at += length
                break
            else:
                if not _MARKS.match(text[at]):
                    return ""
                at += 1
        return _cased(_finished("".join(parts), code), word)

    return romanize


def _prepared(word: str, code: str) -> str:
    lower = word.lower()
    if code == "el":  # ϊ, ΐ and ά are ι and α to who types Greeklish
        lower = unicodedata.normalize("NFD", lower)
    if code in {"el", "he"}:
        return "".join(letter for letter in lower if not _MARKS.match(letter))
    return unicodedata.normalize("NFC", lower)


def _finished(latin: str, code: str) -> str:
    if code in _VOWELLESS and not _ASPIRATED.match(latin):
        latin = _CLUSTER.sub(r"\g<0>a", latin)
    return latin


def _cased(latin: str, word: str) -> str:
    """As `word` is cased: all capitals, a capital at the start, or small."""
    if len(word) > 1 and word.isupper():
        return latin.upper()
    return latin[:1].upper() + latin[1:] if word[:1].isupper() else latin
