"""Families whose changes come from a table: reading the file, and looking up the words of a text.

A table is tab-separated UTF-8 text: word, its noisy form, weight (a number > 0, default 1). Lines that start with # are
comments.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from xtreme_noise import content
from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise import segment
from xtreme_noise.noise.casing import like, lower
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.engine import EngineFamily
from xtreme_noise.noise.text import distance, graphemes, nfc
from xtreme_noise.noise.wordwise import Form, WordTable, run

_BITS = 24  # of a draw
_HEAVIEST = 1e300  # so that sums of weights stay finite


class Row(NamedTuple):
    """`word` becomes `form`, `weight` times as often as one of weight 1."""

    word: str
    form: str
    weight: float


@lru_cache(maxsize=8)
def _rows(path: str, table: bytes) -> tuple[Row, ...]:
    """The rows of a table, in NFC. Raises ConfigError, with the file and the line, for an invalid row."""
    try:
        lines = table.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}, line {table.count(10, 0, error.start) + 1}: this is not UTF-8") from None
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            rows.append(_row(line.rstrip("\r"), f"{path}, line {number}"))
    if not rows:
        raise ConfigError(f"{path}: this table has no rows")
    return tuple(rows)


def _row(line: str, where: str) -> Row:
    cells = [nfc(cell.strip()) for cell in line.split("\t")]
    if len(cells) not in (2, 3) or not cells[0] or not cells[1]:
        raise ConfigError(f"{where}: a row is 'word<tab>form' or 'word<tab>form<tab>weight', not {line[:80]!r}")
    if len(cells[0].split()) > 1:
        raise ConfigError(f"{where}: {cells[0]!r} is more than one word")
    try:
        weight = float(cells[2]) if len(cells) == 3 else 1.0
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise ConfigError(f"{where}: a weight is a number above 0, not {cells[2]!r}")
    if weight > _HEAVIEST:
        raise ConfigError(f"{where}: a weight is at most {_HEAVIEST:g}, not {cells[2]!r}")
    return Row(cells[0], cells[1], weight)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: this table cannot be read ({error.strerror})") from None


def _files(family: str, path: str) -> dict[str, Path]:
    """Language -> its table. A path without {language} is one table for all languages; "" is none."""
    if not path:
        raise ConfigError(f"noise family {family!r} needs a table: noise.families.{family}.path=/some/table.tsv")
    if "{language}" not in path:
        return dict.fromkeys(LANGUAGES, Path(path).expanduser())
    every = {code: Path(path.replace("{language}", code)).expanduser() for code in LANGUAGES}
    existing = {code: file for code, file in every.items() if file.is_file()}
    if not existing:
        raise ConfigError(f"noise.families.{family}.path={path}: there is no such file for any language")
    return existing


class Forms(tuple[Form, ...]):
    """Noisy forms of one word; cumulative: where the share of each ends, in units of 2**-24."""

    cumulative: list[int]

    @classmethod
    def of(cls, weights: dict[str, float]) -> Forms:
        """In the order of the table."""
        forms = cls(tuple(graphemes(form)) for form in weights)
        sums = list(accumulate(weights.values()))
        forms.cumulative = [int(part / sums[-1] * (1 << _BITS)) for part in sums[:-1]]
        return forms


class _Lexicon(WordTable):
    """The table of one language. A word that is not in the table is looked up without case, and its noisy form gets the
    case of the word.
    """

    def __init__(self, rows: Iterable[Row], code: str) -> None:
        super().__init__()
        self.code = code
        self.rows: dict[str, list[Row]] = {}
        for row in rows:
            self.rows.setdefault(lower(row.word, code), []).append(row)

    def spans(self, units: Sequence[str]) -> Iterable[tuple[int, int]]:
        return segment.grapheme_words(units, self.code)

    def noisy(self, word: Form) -> Forms:
        written = nfc("".join(word))
        weights: dict[str, float] = {}
        for source, form, weight in self.rows.get(lower(written, self.code), ()):
            if source != written:
                if lower(form, self.code) == lower(source, self.code):
                    continue  # an error of case in a word that is written otherwise here
                form = like(written, form, self.code)
            if form != written:
                weights[form] = weights.get(form, 0.0) + weight
        return Forms.of(weights)


class LexiconFamily(EngineFamily):
    """A family whose only parameter that matters is `path`: a table, or with {language} in it one a language.
    packaged: the path of our own tables, used without one of the user's; None: there are none.
    """

    joins = True  # a form may begin with a mark, or end with what takes in the next character
    packaged: ClassVar[str | None] = None

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters)
        path: str = parameters.path or self.packaged or ""
        self.files = _files(self.family, path)
        contents = hashlib.sha256()
        self.several = False  # whether some form is more than one word
        self._digests: dict[Path, str] = {}  # tables are read again later, language by language, and must not change
        for code, file in self.files.items() if "{language}" in path else [("", self.files["en"])]:
            table = _bytes(file)
            contents.update(f"{code}\0".encode() + table + b"\0")
            self.several |= any(len(row.form.split()) > 1 for row in _rows(str(file), table))
            self._digests[file] = hashlib.sha256(table).hexdigest()
        self._digest = contents.hexdigest()[:12]

    @property
    def signature(self) -> str:
        """The signature, with a digest of the tables' content instead of their path."""
        return f"{self.family}/v{self.version}(table={self._digest},icu={segment.version()})"

    def supports(self, language: str) -> bool:
        return language in self.files

    def table(self, language: str) -> _Lexicon:
        file = self.files[language]
        return _Lexicon(_rows(str(file), content.read(file, self._digests[file])), language)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Lexicon
    ) -> Change | None:
        """A change of the whole word, even if little of it changes, so that the rest cannot change again."""
        start, end = run(site, kinds, kinds[site])
        forms: Any = table.forms(tuple(units[start:end]))
        if not forms:  # of a word that is protected in part
            return None
        new = forms[bisect_right(forms.cumulative, word >> 32 - _BITS)]
        return start, end, new, distance(units[start:end], new)
