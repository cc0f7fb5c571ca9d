"""The digest of everything a family writes; needs no test framework, so that any Python can compute it.

`python -m tests.golden.digests [family ...]` prints a JSON object: signature -> digest.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.perturber import Perturber
from xtreme_noise.noise.registry import checked_parameters, families, family_class

GOLDEN = Path(__file__).with_name("noise.json")
# The text stays as it is when the inventories of letters change.
LETTERS = json.loads(Path(__file__).with_name("letters.json").read_text(encoding="utf-8"))
# Of families that act on few words, some of these.
WORDS = {
    "abbreviation": "You are vielleicht Minuten; porque beaucoup perché não gewoon yang không спасибо року και מספר.",
    "format": "On 2024-05-03 or 3.5.2024: 1,234.5 and 1.234,5 and 3,5 and 12345 and १,२३,४५६.",
}
# Not nlpaug: its output depends on the random module of the Python that runs it.
FAMILIES = [name for name in families() if name != "nlpaug" and not family_class(name).paired]

# The code of `mix` with other weights, and of `natural` with other tables: not asked what only depends on the code.
SAME = ("realistic", "social", "abbreviation")


def perturber(family: str) -> Perturber:
    """With its defaults, and with the tables that only a user has: tables/<family>.<parameter>.tsv."""
    tables = {path.stem.split(".")[1]: str(path) for path in GOLDEN.parent.glob(f"tables/{family}.*.tsv")}
    return family_class(family)(checked_parameters(family, tables))


def digest(family: str) -> str:
    """Of every output, edit and measure in every language at four levels and two seeds."""
    noise, found = perturber(family), hashlib.sha256()
    for code in LANGUAGES:
        if not noise.supports(code):
            continue
        letters = LETTERS[code]
        text = " ".join(letters[i : i + 6] for i in range(0, 60, 6)) + ". Latin Words, 1984! " + letters[:20].title()
        text += " " + WORDS[family] if family in WORDS else ""
        for level in (0.02, 0.1, 0.3, 1.0):
            for seed in (0, 7):
                found.update(repr((code, *noise(text, level, "golden", seed=seed, language=code))).encode())
                if noise.keeps_tokens:
                    tokens = noise.tokens(text.split(), level, "golden", seed=seed, language=code)
                    found.update(repr((code, *tokens)).encode())
    return found.hexdigest()


if __name__ == "__main__":
    print(json.dumps({perturber(family).signature: digest(family) for family in sys.argv[1:] or FAMILIES}))
