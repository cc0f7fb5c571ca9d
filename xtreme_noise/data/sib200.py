"""SIB-200 (FLORES-200 sentences), which has all 50 languages of XTREME-R: the text that noise is measured on.

Files `sib200/<split>.<name>.jsonl.gz` under a folder of data sets, named by FLORES codes.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

# Our code -> the name in FLORES-200.
NAMES = {
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


def path(root: Path, split: str, language: str) -> Path:
    """Where a split is, or would be."""
    return root / "sib200" / f"{split}.{NAMES.get(language, language)}.jsonl.gz"


def sentences(root: Path, split: str, language: str, count: int | None = None) -> list[str]:
    """The first `count` sentences (null: all) of a split. Raises DataError where it is not, or cannot be read."""
    from xtreme_noise.data import files  # the names above are needed where nothing heavy is
    from xtreme_noise.data.examples import text_of

    return [text_of(row, "text", where) for where, row in islice(files.rows(path(root, split, language)), count)]
