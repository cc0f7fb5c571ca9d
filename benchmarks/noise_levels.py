"""What noise levels come to on real text: the table of docs/noise.md.

    python benchmarks/noise_levels.py [--data ../shared/data] [--sentences 400]

SIB-200 training sentences (FLORES-200) of all 50 languages of XTREME-R, every family of ours, seed 0: mean measured
grapheme error rate per level, share of words touched at 0.1 (graphemes where spaces do not separate words).
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from statistics import fmean

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.registry import checked_parameters, family_class
from xtreme_noise.noise.words import words, words_touched

LEVELS = (0.01, 0.05, 0.1, 0.2, 0.3)
# Names that SIB-200 (FLORES-200) has for these languages, in the order of their codes.
SIB200 = """
afr_Latn arb_Arab azj_Latn bul_Cyrl ben_Beng deu_Latn ell_Grek eng_Latn spa_Latn est_Latn eus_Latn pes_Arab fin_Latn
fra_Latn guj_Gujr heb_Hebr hin_Deva hat_Latn hun_Latn ind_Latn ita_Latn jpn_Jpan jav_Latn kat_Geor kaz_Cyrl kor_Hang
lit_Latn mal_Mlym mar_Deva zsm_Latn mya_Mymr nld_Latn pan_Guru pol_Latn por_Latn quy_Latn ron_Latn rus_Cyrl swh_Latn
tam_Taml tel_Telu tha_Thai tgl_Latn tur_Latn ukr_Cyrl urd_Arab vie_Latn wol_Latn yor_Latn zho_Hans
""".split()


def main() -> None:
    parser = argparse.ArgumentParser(description="Measured noise levels on real text")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--sentences", type=int, default=400)
    options = parser.parse_args()
    codes = [code for code, row in LANGUAGES.items() if row.xtreme_r]
    heads = " | ".join(map(str, LEVELS))
    for family in ("char", "keyboard"):
        noise = family_class(family)(checked_parameters(family, {}))
        print(f"\n{noise.signature}\n\n| language | {heads} | capacity | words at 0.1 |")
        print("|---|" + "---|" * (len(LEVELS) + 2))
        for code, name in zip(codes, SIB200, strict=True):
            if not noise.supports(code):
                continue
            with gzip.open(options.data / "sib200" / f"train.{name}.jsonl.gz", "rt", encoding="utf-8") as file:
                texts = [json.loads(line)["text"] for line, _ in zip(file, range(options.sentences), strict=False)]
            reached, touched, capacity = [], 0, 0.0
            for level in LEVELS:
                results = [noise(text, level, str(n), language=code) for n, text in enumerate(texts)]
                reached.append(f"{fmean(result.achieved for result in results):.4f}")
                capacity = fmean(result.capacity for result in results)
                if level == 0.1:
                    spans = [words(text, code) for text in texts]
                    touched = sum(
                        len(words_touched(own, result.edits)) for own, result in zip(spans, results, strict=True)
                    )
                    share = touched / sum(map(len, spans))
            print(f"| {code} | {' | '.join(reached)} | {capacity:.2f} | {share:.2f} |", flush=True)


if __name__ == "__main__":
    main()
