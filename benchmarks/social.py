"""Synthetic noise compared to attested noise of social media: MultiLexNorm 2, words as typed beside their normal form.

    python -m benchmarks.social [--mix | --fit | --words]

As benchmarks.attested, on the first 500 texts of each language that have three words or more. --mix: instead, the
attested edits by type, over all texts. --fit: instead, the weights of `social`: those shares of changes by PARTS whose
edits, by type, are nearest (least squares, none below 0) to the mean mix of the languages FITTED. --words: instead, the
share of changed words that the tables of `abbreviation` have, and what letters are repeated.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import regex

from benchmarks.attested import HEAD, compare
from benchmarks.setting import data_folder, job
from xtreme_noise.commands.mine_typos import mine, read
from xtreme_noise.config.schema import MineConfig
from xtreme_noise.data.files import rows
from xtreme_noise.models import load_tokenizer, materialise
from xtreme_noise.noise.casing import lower
from xtreme_noise.noise.error_mix import EDIT_TYPES, blocks, error_mix
from xtreme_noise.noise.families import abbreviation
from xtreme_noise.noise.families.repeat import is_vowel
from xtreme_noise.noise.registry import plain
from xtreme_noise.store import Store

TEXTS = 500
FITTED = ("de", "es", "id", "it")
TESTED = ("en", "nl", "tr", "vi", "ja", "ko", "th")
_NONE = {"insert": 0.0, "delete": 0.0, "substitute": 0.0, "swap": 0.0}
PARTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: ("char", {**_NONE, name: 1.0}) for name in ("insert", "delete", "substitute")},
    "abbreviation": ("abbreviation", {}),
    "repeat": ("repeat", {}),
    "lower": ("case", {}),
    "upper": ("case", {"mode": "upper"}),
    "title": ("case", {"mode": "title"}),
    "diacritic": ("diacritic", {"confuse": 0.0}),
    "adjacent": ("keyboard", {"doubled": 0.0, "missed": 0.0, "unshifted": 0.0}),
    "punctuation": ("punctuation", {}),
}
_RUN = regex.compile(r"(\p{L})\1{2,}")
FAMILIES = ("social", "realistic", "char", "keyboard")


def pairs(code: str) -> Iterator[tuple[str, str]]:
    """(clean, noisy) texts. Undone: masks that differ between the two sides (id), spaces written as _ (th)."""
    path = data_folder() / "multilexnorm2" / f"train.{code}.jsonl.gz"
    for clean, noisy in read(MineConfig(paths=[str(path)], clean=["clean"], noisy=["noisy"], language=code)):
        clean = clean.replace("[mention]", "@user")
        yield (clean.replace("_", " "), noisy.replace("_", " ")) if code == "th" else (clean, noisy)


def print_mixes() -> None:
    print(f"| language | grapheme rate | {' | '.join(EDIT_TYPES)} |\n|---|---|{'---|' * len(EDIT_TYPES)}")
    for code in (*FITTED, *TESTED):
        found = mine(pairs(code), code)
        shares = (f"{found.types[name] / found.types.total():.1%}" for name in EDIT_TYPES)
        print(f"| {code} | {found.errors / found.graphemes:.3f} | {' | '.join(shares)} |", flush=True)


def print_words() -> None:
    """Case is ignored. Changed words: those that are another single word in the normal form. Repeated: letters that
    stand three times or more, and do not in the normal form.
    """
    runs, places = Counter[int](), Counter[str]()
    abbreviations = abbreviation.Family(abbreviation.AbbreviationParameters())
    for code in (*FITTED, *TESTED):
        known = abbreviations.table(code).rows if abbreviations.supports(code) else {}
        changed = found = 0
        for _, row in rows(data_folder() / "multilexnorm2" / f"train.{code}.jsonl.gz"):
            for typed, normal in zip(row["noisy"], row["clean"], strict=True):
                word, form = lower(normal, code), lower(typed, code)
                if word.split() == [word] and word != form:
                    changed += 1
                    found += form in [lower(one.form, code) for one in known.get(word, ())]
                for run in _RUN.finditer(form):
                    if run[0] not in word:
                        runs[len(run[0])] += 1
                        inner = "vowel" if is_vowel(run[1]) else "other"
                        places["last" if run.end() == len(form) else inner] += 1
        if known:
            print(f"{code}: {found / changed:.0%} of {changed} changed words")
    print({name: f"{count / places.total():.0%}" for name, count in places.items()}, f"of {places.total()} repeated")
    print({length: f"{runs[length] / runs.total():.0%}" for length in (3, 4, 5)})


def described(clean: str, noisy: str, code: str) -> Counter[str]:
    """The edits by type, those of case by direction (`lost`, `gained`: capitals), and the number of `blocks`, which are
    stretches of words that differ.
    """
    found: Counter[str] = error_mix(clean, noisy, code)
    del found["case"]
    for block in blocks(clean, noisy, code):
        found["blocks"] += 1
        if lower(block.clean, code) == lower(block.noisy, code):
            found["lost"] += sum(a.isupper() and b.islower() for a, b in zip(block.clean, block.noisy, strict=False))
            found["gained"] += sum(a.islower() and b.isupper() for a, b in zip(block.clean, block.noisy, strict=False))
    return found


def target() -> dict[str, float]:
    """What `described` counts, per edit: the mean over FITTED. Indonesian counts without case, because its normal form
    has no capitals; changes of spaces are left out, because the words of both sides are given.
    """
    shares: defaultdict[str, float] = defaultdict(float)
    for code in FITTED:
        types: Counter[str] = Counter()
        for clean, noisy in pairs(code):
            types.update(described(clean, lower(noisy, code) if code == "id" else noisy, code))
        edits = types.total() - types["blocks"] - types["space"]
        for name in types.keys() - {"space"}:
            shares[name] += types[name] / edits / len(FITTED)
    return dict(sorted(shares.items()))


def print_fit() -> None:
    from scipy.optimize import nnls

    wanted = target()
    columns = []
    for part, parameters in PARTS.values():
        noise, column, languages = plain(part, parameters), np.zeros(len(wanted)), 0
        for code in filter(noise.supports, FITTED):
            edits, types = 0, Counter[str]()
            for number, (clean, _) in enumerate(islice(pairs(code), TEXTS)):
                noised = noise(clean, 0.05, str(number), language=code)
                edits += len(noised.edits)
                types.update(described(clean, noised.text, code))
            if edits:
                column += [types[name] / edits for name in wanted]
                languages += 1
        columns.append(column / languages)
    weights, rest = nnls(np.array(columns).T, np.array(list(wanted.values())))
    print({name: round(share, 3) for name, share in wanted.items()}, f"rest {rest:.3f}")
    for name, weight in zip(PARTS, weights / weights.sum(), strict=True):
        print(f"{name}: {100 * weight:.1f}")


def main() -> None:
    if "--words" in sys.argv[1:]:
        print_words()
        return
    if "--fit" in sys.argv[1:]:
        print_fit()
        return
    if "--mix" in sys.argv[1:]:
        print_mixes()
        return
    cfg = job("task=xnli", "noise=char", "language=en", "model=e5_small")
    tokenizer = load_tokenizer(materialise(cfg.model, Store(cfg.store), True))
    print(HEAD)
    for code in (*FITTED, *TESTED):
        found = list(islice((pair for pair in pairs(code) if len(pair[0].split()) > 2 or code in ("ja", "th")), TEXTS))
        compare(
            code,
            [clean for clean, _ in found],
            [noisy for _, noisy in found],
            [name for name in FAMILIES if plain(name, {}).supports(code)],
            tokenizer,
            {},
        )


if __name__ == "__main__":
    main()
