"""SIB-200 (FLORES-200 sentences), which has all 50 languages of XTREME-R: the text that noise is measured on.

Files `sib200/<split>.<name>.jsonl.gz` under a folder of data sets, named by FLORES codes.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from xtreme_noise.data import files
from xtreme_noise.languages.codes import FLORES


def path(root: Path, split: str, language: str) -> Path:
    """Where a split is, or would be."""
    return root / "sib200" / f"{split}.{FLORES.get(language, language)}.jsonl.gz"


def sentences(root: Path, split: str, language: str, count: int | None = None) -> list[str]:
    """The first `count` sentences (null: all) of a split. Raises DataError where it is not, or cannot be read."""
    from xtreme_noise.tasks.rows import text_of

    return [text_of(row, "text", where) for where, row in islice(files.rows(path(root, split, language)), count)]
