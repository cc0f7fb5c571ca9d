"""mode=mine_typos: a table of attested typos, and statistics of error types, from parallel clean and noisy text."""

from __future__ import annotations

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xtreme_noise.config.compose import Study
from xtreme_noise.config.schema import MineConfig
from xtreme_noise.config.sense import TABLES
from xtreme_noise.data import files
from xtreme_noise.errors import DataError
from xtreme_noise.languages import language as language_row
from xtreme_noise.noise.edits import edits_between
from xtreme_noise.noise.error_mix import EDIT_TYPES, blocks, error_mix
from xtreme_noise.noise.segment import words
from xtreme_noise.noise.text import check_text, graphemes, nfc
from xtreme_noise.noise.words import words as counted_words
from xtreme_noise.noise.words import words_touched
from xtreme_noise.store import write_atomic


@dataclass
class TypoCounts:
    """Counts over parallel text. typos: (word, typo) -> count; types: edits by type (see error_mix); errors / graphemes
    is the grapheme error rate, touched / words the word-change rate.
    """

    pairs: int = 0
    changed: int = 0
    typos: Counter[tuple[str, str]] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    graphemes: int = 0
    touched: int = 0
    words: int = 0


def mine(pairs: Iterable[tuple[str, str]], language: str) -> TypoCounts:
    """Counts over the (clean, noisy) texts of a language."""
    counts = TypoCounts()
    for clean, noisy in pairs:
        clean, noisy = nfc(clean), nfc(noisy)
        spans = counted_words(clean, language)
        counts.pairs += 1
        counts.graphemes += len(graphemes(clean))
        counts.words += len(spans)
        if clean == noisy:
            continue
        counts.changed += 1
        edits = edits_between(clean, noisy)
        counts.errors += sum(max(len(graphemes(edit.clean)), len(graphemes(edit.noisy))) for edit in edits)
        counts.touched += len(words_touched(spans, edits))
        counts.types.update(error_mix(clean, noisy, language))
        counts.typos.update(_typos(clean, noisy, language))
    return counts


def _typos(clean: str, noisy: str, language: str) -> Iterator[tuple[str, str]]:
    """Misspelt words, one for one; U+FFFD is damage to the file, not a typo."""
    for block in blocks(clean, noisy, language):
        one = words(block.clean, language) == [(0, len(block.clean))]
        if one and block.close and words(block.noisy, language) == [(0, len(block.noisy))]:
            yield block.clean, block.noisy


def read(cfg: MineConfig) -> Iterator[tuple[str, str]]:
    """The (clean, noisy) texts of all files. Raises DataError with file and line."""
    for path in map(Path, cfg.paths):
        plain = path.name.removesuffix(".gz").endswith(TABLES)
        rows = _tsv(path) if plain else _columns(path, cfg)
        for where, clean, noisy in rows:
            for text in (clean, noisy):
                try:
                    check_text(text)
                except DataError as error:
                    raise DataError(f"{where}: {error}") from None
            yield clean, noisy


def _columns(path: Path, cfg: MineConfig) -> Iterator[tuple[str, str, str]]:
    space = " " if language_row(str(cfg.language)).spaces else ""
    for where, row in files.rows(path):
        for one, other in zip(cfg.clean, cfg.noisy, strict=True):
            for name in (one, other):
                if name not in row:
                    raise DataError(f"{where}: no column {name!r}; the row has {', '.join(map(str, row))}")
            if row[one] is not None and row[other] is not None:  # a row may lack its clean text
                yield where, _text(row[one], where, one, space), _text(row[other], where, other, space)


def _text(value: Any, where: str, name: str, space: str) -> str:
    """A text, or tokens joined by `space`. A token may be several words, or none (it belongs to the one before)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(token, str) for token in value):
        return space.join(word for token in value for word in token.split())
    raise DataError(f"{where}: column {name!r} is neither text nor a list of tokens")


def _tsv(path: Path) -> Iterator[tuple[str, str, str]]:
    number = 0
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8-sig")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8-sig", newline="\n") as lines
        ):
            for number, line in enumerate(lines, 1):
                cells = line.rstrip("\r\n").split("\t")
                if len(cells) != 2:
                    raise DataError(f"{path}, line {number}: expected two columns, clean and noisy, got {len(cells)}")
                yield f"{path}, line {number}", cells[0], cells[1]
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path}, line {number + 1}: {error}") from None


def main(study: Study) -> int:
    """Returns 0; raises DataError."""
    for job in study.jobs:
        show(job.mine)
    return 0


def show(cfg: MineConfig) -> None:
    """Mine the files of `cfg`, write the table, print statistics. Raises DataError when the files contain no typo."""
    assert cfg.language is not None
    assert cfg.output is not None
    counts = mine(read(cfg), cfg.language)
    if not counts.typos:
        raise DataError(f"no misspelt word in {counts.pairs} pairs of {', '.join(cfg.paths)}")
    rows = sorted(counts.typos.items(), key=lambda item: (-item[1], item[0]))
    lines = [f"{word}\t{typo}\t{count}\n" for (word, typo), count in rows]
    write_atomic(Path(cfg.output), "".join(lines))
    edits = counts.types.total()
    print(f"{cfg.output}: {len(rows)} pairs of word and typo, seen {counts.typos.total()} times")
    print(f"{counts.pairs} pairs of texts, {counts.changed} of them differ")
    print(f"grapheme error rate {counts.errors / counts.graphemes:.4f}")
    print(f"word-change rate    {counts.touched / counts.words:.4f}")
    print(f"{edits} edits:")
    for name in EDIT_TYPES:
        print(f"  {name:<12} {counts.types[name]:>8} {counts.types[name] / edits:>7.1%}")
