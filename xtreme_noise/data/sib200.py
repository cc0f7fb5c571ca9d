"""SIB-200 (sentences of FLORES-200) in all 50 languages of XTREME-R: the text on which noise is measured.

Files `sib200/<split>.<FLORES code>.jsonl.gz` in a folder of data sets.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from xtreme_noise.data import files
from xtreme_noise.languages.codes import FLORES


def path(root: Path, split: str, language: str) -> Path:
    """The file of a split, whether it exists or not."""
    return root / "sib200" / f"{split}.{FLORES.get(language, language)}.jsonl.gz"


def sentences(root: Path, split: str, language: str, count: int | None = None) -> list[str]:
    """The first `count` sentences (None: all) of a split. Raises DataError when it is missing or cannot be read."""
    from xtreme_noise.tasks.rows import text_of

    return [text_of(row, "text", where) for where, row in islice(files.rows(path(root, split, language)), count)]
