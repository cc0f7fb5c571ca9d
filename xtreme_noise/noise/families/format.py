"""Numbers and dates in the conventions of other countries: 1,234.5 as 1.234,5, 2024-05-03 as 03/05/2024."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate

import regex

from xtreme_noise.errors import ConfigError
from xtreme_noise.languages import LANGUAGES
from xtreme_noise.noise.changes import Change
from xtreme_noise.noise.text import distance, graphemes
from xtreme_noise.noise.wordwise import Form, WordFamily, WordTable, run

_GROUPED = r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|\d{1,3}(?:\.\d{2,3})*\.\d{3}(?:,\d+)?"
_PLACE = regex.compile(
    r"(?<![\p{Script=Latin}\p{M}\d.,/:-])(?:"
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}(?P<sign>[./-])[0-9]{1,2}(?P=sign)[0-9]{4})|"
    rf"(?P<number>{_GROUPED}|\d+[.,]\d+|(?!0)\d{{5,9}})"
    r")(?![\p{Script=Latin}\p{M}\d/:-]|[.,]\d)"
)
_DATES = ("{y}-{m:0>2}-{d:0>2}", "{d:0>2}/{m:0>2}/{y}", "{m:0>2}/{d:0>2}/{y}", "{d}.{m}.{y}")
_SIGNS = ((",", "."), (".", ","), ("", "."), ("", ","))  # between thousands; before decimals


@dataclass(frozen=True)
class FormatParameters:
    """numbers, dates: which of the two change."""

    numbers: bool = True
    dates: bool = True


@cache
def _conventions() -> dict[str, tuple[str, str]]:
    """Language -> decimal sign, and order of day (d), month (m) and year (y) in dates."""
    lines = files("xtreme_noise.noise").joinpath("formats.tsv").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return {code: (decimal, order) for code, decimal, order in rows}


def dates(text: str, order: str) -> list[str]:
    """A date of digits in every convention but its own; [] if it is none. order: of a date without the year first;
    one that begins with the year has its day before its month.
    """
    parts = regex.split("[./-]", text)
    if len(parts[0]) == 4:
        year, month, day = parts
    else:
        first, second, year = parts
        day, month = (second, first) if order == "mdy" else (first, second)
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return []
    return [form.format(y=year, m=month.lstrip("0"), d=day.lstrip("0")) for form in _DATES]


def numbers(text: str, decimal: str) -> list[str]:
    """A number in every convention. decimal: the decimal sign, where the number does not show which one it has."""
    signs = [sign for sign in text if sign in ".,"]
    if len({*signs}) == 2:
        decimal = signs[-1]
    elif len(signs) > 1 or (signs and signs[0] != decimal and regex.fullmatch(r"\d{1,3}[.,]\d{3}", text)):
        decimal = ""  # all of them stand between thousands
    elif signs:
        decimal = signs[0]
    whole, _, rest = text.partition(decimal) if decimal else (text, "", "")
    digits = regex.sub("[.,]", "", whole)
    thousands = [digits[max(0, end - 3) : end] for end in range(len(digits), 0, -3)][::-1]
    return [between.join(thousands) + (sign + rest if rest else "") for between, sign in _SIGNS]


class _Places(WordTable):
    """The numbers and dates of a text."""

    def __init__(self, code: str, parameters: FormatParameters) -> None:
        super().__init__()
        self.decimal, self.order = _conventions()[code]
        self.parameters = parameters

    def spans(self, units: Sequence[str]) -> Iterable[tuple[int, int]]:
        text = "".join(units)
        borders = [0, *accumulate(map(len, units))]
        for found in self._found(text):
            start, end = bisect_left(borders, found.start()), bisect_left(borders, found.end())
            if (borders[start], borders[end]) == found.span():
                yield start, end

    def _found(self, text: str) -> Iterator[regex.Match[str]]:
        wanted = {"date": self.parameters.dates, "number": self.parameters.numbers}
        for found in _PLACE.finditer(text):
            if any(wanted[name] and found[name] for name in wanted):
                yield found

    def noisy(self, word: Form) -> Sequence[Form]:
        text = "".join(word)
        found = _PLACE.fullmatch(text)
        if not found:  # the rest of one that is longer than a change may be
            return ()
        forms = dates(text, self.order) if found["date"] else numbers(text, self.decimal)
        return [tuple(graphemes(form)) for form in dict.fromkeys(forms) if form != text]


class Family(WordFamily):
    """A number with decimals or thousands gets the signs of another country, or none between thousands; a date in
    digits gets another order and other signs. What a number has is clear from its signs, or as in the language (CLDR).
    """

    family = "format"
    version = 1
    Parameters = FormatParameters

    def __init__(self, parameters: FormatParameters) -> None:
        super().__init__(parameters)
        if not (parameters.numbers or parameters.dates):
            raise ConfigError("noise.families.format: numbers or dates must be true")

    def supports(self, language: str) -> bool:
        return language in LANGUAGES and language in _conventions()

    def table(self, language: str) -> _Places:
        return _Places(language, self.parameters)

    def propose(
        self, word: int, site: int, units: Sequence[str], kinds: Sequence[int], table: _Places
    ) -> Change | None:
        """A change of the whole number, even if only signs are put in, so that it cannot change again."""
        start, end = run(site, kinds, kinds[site])
        forms = table.forms(tuple(units[start:end]))
        if not forms:
            return None
        new = forms[self.choose(word >> 8, forms)]
        return start, end, new, distance(units[start:end], new)
