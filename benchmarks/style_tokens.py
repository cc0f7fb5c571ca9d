"""Which styles of noise=style the tokenizer of e5_small sees: token-change rates, 400 SIB-200 sentences, level 0.1.

python -m benchmarks.style_tokens
"""

from __future__ import annotations

from statistics import fmean
from typing import Any

from benchmarks.setting import data_folder, job
from xtreme_noise.data import sib200
from xtreme_noise.data.transform import token_change_rate
from xtreme_noise.models import load_tokenizer, materialise
from xtreme_noise.noise.families.style import STYLES
from xtreme_noise.noise.registry import plain
from xtreme_noise.store import Store

LEVEL = 0.1
CODES = ("en", "de", "vi")
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{style: ("style", {"styles": [style]}) for style in STYLES},
    "all styles": ("style", {}),
    "char": ("char", {}),
}


def main() -> None:
    cfg = job("task=xnli", "noise=char", "language=en", "model=e5_small")
    tokenizer = load_tokenizer(materialise(cfg.model, Store(cfg.store), True))
    print("| language | noise | grapheme rate | token rate |\n|---|---|---|---|")
    for code in CODES:
        texts = sib200.sentences(data_folder(), "train", code, 400)
        clean = tokenizer(texts, add_special_tokens=False)["input_ids"]
        for name, (family, parameters) in CASES.items():
            noise = plain(family, parameters)
            noised = [noise(text, LEVEL, str(number), language=code) for number, text in enumerate(texts)]
            noisy = tokenizer([one.text for one in noised], add_special_tokens=False)["input_ids"]
            rates = f"{fmean(one.achieved for one in noised):.3f} | {token_change_rate(clean, noisy):.3f}"
            print(f"| {code} | {name} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
